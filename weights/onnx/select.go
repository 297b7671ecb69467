package onnx

import (
	"math"
	"slices"
)

// opSlice, in version 1 with attributes, later with inputs.
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
		refuse("cuts from %v to %v of axes %v in steps %v, need as many of each", starts, ends, axes, steps)
	}
	for i, a := range axes {
		axis := axisOf(a, len(v.axes))
		start, count := span(axisSize(v.axes[axis]), starts[i], ends[i], steps[i])
		if count == 0 { // an empty value, of constants only
			if !v.known() {
				refuse("cuts axis %d of shape %v from %d to %d: nothing is left", axis, v.shape(), starts[i], ends[i])
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

// span returns the first of the elements that a slice takes of n, and how many.
func span(n, start, end, step int) (first, count int) {
	if step == 0 || step == math.MinInt {
		refuse("cuts in steps of %d", step)
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
			refuse("splits %d elements in %d", size, count)
		}
		for at, each := 0, (size+count-1)/count; at < size; at += each {
			parts = append(parts, min(each, size-at))
		}
	}
	var out []view
	at := 0
	for _, p := range parts {
		if p < 1 || p > size-at {
			refuse("splits %d elements in %v", size, parts)
		}
		out = append(out, b.sliced(v, axis, at, p, 1))
		at += p
	}
	return out
}

func opConcat(b *builder, n *nodeProto, in []view) []view {
	if len(in) == 0 || slices.ContainsFunc(in, func(v view) bool { return v.of == nil }) {
		refuse("joins nothing")
	}
	shape := in[0].shape()
	axis := axisOf(b.attrInt("axis", 0), len(shape))
	for _, v := range in[1:] {
		s := v.shape()
		if len(s) != len(shape) {
			refuse("joins shapes %v and %v", shape, s)
		}
		s[axis] = shape[axis]
		if !slices.Equal(s, shape) {
			refuse("joins shapes %v and %v along axis %d", shape, v.shape(), axis)
		}
	}
	return []view{b.joined(in, axis)}
}

// opGather takes elements at known places, or rows of a known table at a place that
// is computed.
func opGather(b *builder, n *nodeProto, in []view) []view {
	v, at := in[0], in[1]
	axis := axisOf(b.attrInt("axis", 0), len(v.axes))
	size := axisSize(v.axes[axis])
	if !at.known() {
		if !v.known() || axis != 0 || len(v.axes) != 2 || at.size() != 1 || v.size() == 0 {
			refuse("takes computed places of shape %v of shape %v, need one row of a constant table", at.shape(), v.shape())
		}
		out := b.add(&node{op: lookup{v}, in: []view{{of: at.of, off: at.off}}}, []int{v.shape()[1]})
		for range at.axes {
			out.axes = slices.Insert(out.axes, 0, []atom(nil))
		}
		return []view{out}
	}
	places := at.ints()
	for i, p := range places {
		if p < -size || p >= size {
			refuse("takes element %d of %d", p, size)
		}
		places[i] = (p + size) % size
	}
	if len(places) == 0 {
		refuse("takes no elements")
	}
	out := b.taken(v, axis, places)
	shape := slices.Concat(v.shape()[:axis], at.shape(), v.shape()[axis+1:])
	return []view{b.reshaped(out, shape)}
}

// lookup is the row of a constant table whose number it is given.
type lookup struct{ table view }

// taken returns the elements at places along an axis.
func (b *builder) taken(v view, axis int, places []int) view {
	step := 1
	if len(places) > 1 {
		step = places[1] - places[0]
	}
	even := step != 0
	for i := range places[1:] {
		even = even && places[i+1]-places[i] == step
	}
	if even {
		return b.sliced(v, axis, places[0], len(places), step)
	}
	if v.known() {
		var parts []view
		for _, p := range places {
			parts = append(parts, b.sliced(v, axis, p, 1, 1))
		}
		return b.joined(parts, axis)
	}
	return b.tapped(v, axis, 1, places, nil)
}
