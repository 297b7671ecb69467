package onnx

import (
	"math"
	"slices"
)

// opSlice has its settings as attributes in version 1 and as inputs later.
func opSlice(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	starts, ends := b.attrInts("starts", nil), b.attrInts("ends", nil)
	axes, steps := b.attrInts("axes", nil), []int(nil)
	if len(in) > 2 {
		starts, ends = constants(in[1]), constants(in[2])
		if w := optional(in, 3); w.of != nil {
			axes = constants(w)
		}
		if w := optional(in, 4); w.of != nil {
			steps = constants(w)
		}
	}
	if axes == nil {
		for k := range starts {
			axes = append(axes, k)
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(starts) != len(ends) || len(starts) != len(axes) || len(starts) != len(steps) {
		refuse("slices from %v to %v of axes %v in steps of %v, need the same number of each", starts, ends, axes, steps)
	}
	for i, a := range axes {
		axis := axisOf(a, len(v.axes))
		start, count := span(axisSize(v.axes[axis]), starts[i], ends[i], steps[i])
		if count == 0 { // an empty value, of constants only
			if !v.known() {
				refuse("slices axis %d of shape %v from %d to %d, need at least one element", axis, v.shape(), starts[i], ends[i])
			}
			shape := v.shape()
			shape[axis] = 0
			v = b.constant(shape, v.of.dtype, nil)
			continue
		}
		v = b.sliced(v, axis, start, count, steps[i])
	}
	return []view{v}
}

// span returns the first of n elements that a slice selects, and their number.
func span(n, start, end, step int) (first, count int) {
	if step == 0 || step == math.MinInt {
		refuse("slices in steps of %d, need another number", step)
	}
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		return start, max(0, (end-start-1+step)/step)
	}
	start, end = min(max(start, -1), n-1), min(max(end, -1), n-1)
	if start <= end {
		return 0, 0
	}
	return start, (start-end-1)/-step + 1
}

func opSplit(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	axis := axisOf(b.attrInt("axis", 0), len(v.axes))
	size, parts := axisSize(v.axes[axis]), b.attrInts("split", nil)
	if w := optional(in, 1); w.of != nil {
		parts = constants(w)
	}
	if parts == nil {
		count := b.attrInt("num_outputs", len(n.outputs))
		if count < 1 || count > size {
			refuse("splits %d elements into %d parts, need 1 to %d", size, count, size)
		}
		for at, each := 0, (size+count-1)/count; at < size; at += each {
			parts = append(parts, min(each, size-at))
		}
	}
	var out []view
	at := 0
	for _, p := range parts {
		if p < 0 || p > size-at || p == 0 && !v.known() {
			refuse("splits %d elements into parts of %v, need positive sizes that add up to that", size, parts)
		}
		if p == 0 {
			shape := v.shape()
			shape[axis] = 0
			out = append(out, b.constant(shape, v.of.dtype, nil))
			continue
		}
		out = append(out, b.sliced(v, axis, at, p, 1))
		at += p
	}
	return out
}

func opConcat(b *builder, n *nodeProto, in []view) []view {
	if len(in) == 0 || slices.ContainsFunc(in, func(v view) bool { return v.of == nil }) {
		refuse("has a missing input")
	}
	shape := in[0].shape()
	axis := axisOf(b.attrInt("axis", 0), len(shape))
	for _, v := range in[1:] {
		s := v.shape()
		if len(s) != len(shape) {
			refuse("concatenates shapes %v and %v, need the same number of axes", shape, s)
		}
		s[axis] = shape[axis]
		if !slices.Equal(s, shape) {
			refuse("concatenates shapes %v and %v along axis %d, need the same sizes along the others", shape, v.shape(), axis)
		}
	}
	return []view{b.concatenated(in, axis)}
}

// opGather selects elements at constant indices, or a row of a constant table at a computed
// index.
func opGather(b *builder, n *nodeProto, in []view) []view {
	v, at := in[0], in[1]
	axis := axisOf(b.attrInt("axis", 0), len(v.axes))
	size := axisSize(v.axes[axis])
	if !at.known() {
		if len(v.axes) == 1 && v.known() { // a table of numbers
			row := b.rowAt(b.reshaped(v, []int{size, 1}), at)
			return []view{b.reshaped(row, at.shape())}
		}
		if !v.known() || axis != 0 || len(v.axes) != 2 || at.size() != 1 || v.size() == 0 {
			refuse("selects computed indices of shape %v from shape %v, need one row of a constant table", at.shape(), v.shape())
		}
		out := b.rowAt(v, at)
		for range at.axes {
			out.axes = slices.Insert(out.axes, 0, []atom(nil))
		}
		return []view{out}
	}
	indices := at.ints()
	for i, p := range indices {
		indices[i] = indexOf(p, size)
	}
	if len(indices) == 0 {
		refuse("selects no elements, need at least one")
	}
	out := b.gathered(v, axis, indices)
	shape := slices.Concat(v.shape()[:axis], at.shape(), v.shape()[axis+1:])
	return []view{b.reshaped(out, shape)}
}

// rowAt returns the row of a constant table that one computed number selects.
func (b *builder) rowAt(table, at view) view {
	if at.size() != 1 || table.size() == 0 {
		refuse("selects computed indices of shape %v from shape %v, need one row of a constant table", at.shape(), table.shape())
	}
	return b.add(&node{op: lookup{table}, in: []view{{of: at.of, off: at.off}}}, []int{table.shape()[1]})
}

// lookup selects the row of a constant table whose index is its input.
type lookup struct{ table view }

// gathered returns the elements at indices along an axis.
func (b *builder) gathered(v view, axis int, indices []int) view {
	step := 1
	if len(indices) > 1 {
		step = indices[1] - indices[0]
	}
	even := step != 0
	for i := range indices[1:] {
		even = even && indices[i+1]-indices[i] == step
	}
	if even {
		return b.sliced(v, axis, indices[0], len(indices), step)
	}
	if !slices.ContainsFunc(indices, func(i int) bool { return i != indices[0] }) {
		shape := v.shape()
		shape[axis] = len(indices)
		return b.expanded(b.sliced(v, axis, indices[0], 1, 1), shape)
	}
	if v.known() {
		var parts []view
		for _, p := range indices {
			parts = append(parts, b.sliced(v, axis, p, 1, 1))
		}
		return b.concatenated(parts, axis)
	}
	return b.weightedSums(v, axis, 1, indices, nil)
}
