package onnx

import (
	"math"
	"slices"
)

// The operators that only move numbers, and those about shapes. None of them
// computes anything when the network runs, but for a copy here and there.

// axis returns an axis counted from the end if negative.
func axisOf(axis, rank int) int {
	if axis < -rank || axis >= rank {
		refuse("has axis %d, need one of %d", axis, rank)
	}
	return (axis + rank) % rank
}

// axes returns the axes of an attribute or, in later versions, an input.
func (b *builder) axes(in []view, at, rank int) []int {
	axes := b.attrInts("axes", nil)
	if v := optional(in, at); v.of != nil {
		axes = constants(v)
	}
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = axisOf(a, rank)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func opIdentity(b *builder, n *nodeProto, in []view) []view { return []view{in[0]} }

func opCast(b *builder, n *nodeProto, in []view) []view {
	t, err := dtypeOf(b.attrInt("to", 1))
	if err != nil {
		refuse("casts to a type that %v", err)
	}
	v := in[0]
	if t == v.of.dtype || !v.known() && t <= double && v.of.dtype != boolean {
		return []view{v}
	}
	if !v.known() {
		if t == integer && v.of.dtype <= double {
			v = b.mapped(v, "trunc", 0, 0)
		} else if t == boolean && v.of.dtype != boolean {
			v = b.negated(b.zipped("equal", v, b.constant(nil, float, []float64{0})))
		}
		return []view{v}
	}
	dims, flat, back := v.onto()
	numbers := flat.numbers()
	for i, x := range numbers {
		switch {
		case t == integer:
			numbers[i] = math.Trunc(x)
		case t == boolean:
			numbers[i] = truth(x != 0)
		}
	}
	return []view{back(b.constant(dims, t, numbers).of)}
}

// negated exchanges true and false.
func (b *builder) negated(v view) view { return b.mapped(v, "affine", -1, 1) }

func opConstant(b *builder, n *nodeProto, in []view) []view {
	for name, a := range n.attributes {
		switch {
		case a.tensor != nil:
			c, err := a.tensor.constant(b.folder)
			if err != nil {
				refuse("%w", err)
			}
			return []view{b.sized(c)}
		case name == "value_float":
			return []view{b.constant(nil, float, []float64{float64(a.f)})}
		case name == "value_int":
			return []view{b.constant(nil, integer, []float64{float64(a.i)})}
		case name == "value_ints":
			return []view{b.constant([]int{len(a.ints)}, integer, widened64(a.ints))}
		case name == "value_floats":
			return []view{b.constant([]int{len(a.floats)}, float, widened64(a.floats))}
		}
	}
	refuse("holds no numbers")
	return nil
}

func widened64[T int64 | float32](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// sized returns a constant that was read with one axis a dimension, those of one
// element included.
func (b *builder) sized(n *node) view {
	shape := n.dims
	n.dims = nil
	return b.add(n, shape)
}

func opConstantOfShape(b *builder, n *nodeProto, in []view) []view {
	value := b.constant(nil, float, []float64{0})
	if a := n.attributes["value"]; a != nil && a.tensor != nil {
		c, err := a.tensor.constant("")
		if err != nil || len(c.dims) > 1 || len(c.dims) == 1 && c.dims[0] != 1 {
			refuse("value is no single number")
		}
		value = b.reshaped(b.sized(c), nil)
	}
	return []view{b.expanded(value, constants(in[0]))}
}

func opShape(b *builder, n *nodeProto, in []view) []view {
	shape := in[0].shape()
	start, end := b.attrInt("start", 0), b.attrInt("end", len(shape))
	clip := func(k int) int {
		if k < 0 {
			k += len(shape)
		}
		return min(max(k, 0), len(shape))
	}
	var out []float64
	for _, s := range shape[clip(start):max(clip(start), clip(end))] {
		out = append(out, float64(s))
	}
	return []view{b.constant([]int{len(out)}, integer, out)}
}

func opSize(b *builder, n *nodeProto, in []view) []view {
	return []view{b.constant(nil, integer, []float64{float64(in[0].size())})}
}

func opRange(b *builder, n *nodeProto, in []view) []view {
	start, limit, step := constantOf(in[0]), constantOf(in[1]), constantOf(in[2])
	count := math.Ceil((limit - start) / step)
	if !(count >= 0 && count <= 1<<20) {
		refuse("counts from %g to %g in steps of %g, need at most 2^20 numbers", start, limit, step)
	}
	out := make([]float64, int(count))
	for i := range out {
		out[i] = start + float64(float64(i)*step)
	}
	return []view{b.constant([]int{len(out)}, in[0].of.dtype, out)}
}

func opReshape(b *builder, n *nodeProto, in []view) []view {
	shape, old := constants(in[1]), in[0].shape()
	open, size := -1, 1
	for i, s := range shape {
		switch {
		case s == 0 && b.attrInt("allowzero", 0) == 0:
			if i >= len(old) {
				refuse("has shape %v, need sizes for what %v lacks", shape, old)
			}
			shape[i] = old[i]
		case s == -1 && open < 0:
			open = i
			continue
		case s < 0:
			refuse("has shape %v, need at most one open size", shape)
		}
		if size *= shape[i]; size > maxNumbers {
			refuse("has shape %v, need one of the %d numbers of %v", shape, in[0].size(), old)
		}
	}
	if open >= 0 {
		if size == 0 || in[0].size()%size != 0 {
			refuse("has shape %v, need one of the %d numbers of %v", shape, in[0].size(), old)
		}
		shape[open] = in[0].size() / size
	} else if size != in[0].size() {
		refuse("has shape %v, need one of the %d numbers of %v", shape, in[0].size(), old)
	}
	return []view{b.reshaped(in[0], shape)}
}

func opFlatten(b *builder, n *nodeProto, in []view) []view {
	shape := in[0].shape()
	axis := b.attrInt("axis", 1)
	if axis != len(shape) {
		axis = axisOf(axis, len(shape))
	}
	rows := 1
	for _, s := range shape[:axis] {
		rows *= s
	}
	return []view{b.reshaped(in[0], []int{rows, in[0].size() / max(1, rows)})}
}

func opTranspose(b *builder, n *nodeProto, in []view) []view {
	rank := len(in[0].axes)
	perm := b.attrInts("perm", nil)
	if perm == nil {
		for k := range rank {
			perm = append(perm, rank-1-k)
		}
	}
	if sorted := slices.Sorted(slices.Values(perm)); len(sorted) != rank || !slices.IsSortedFunc(sorted, func(a, b int) int { return a - b }) {
		refuse("perm is %v, need an order of %d axes", perm, rank)
	}
	for k := range rank {
		if !slices.Contains(perm, k) {
			refuse("perm is %v, need an order of %d axes", perm, rank)
		}
	}
	return []view{in[0].transposed(perm)}
}

func opSqueeze(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	gone := b.axes(in, 1, len(v.axes))
	out := view{of: v.of, off: v.off}
	for k, axis := range v.axes {
		single := len(axis) == 0
		if slices.Contains(gone, k) && !single {
			refuse("squeezes axis %d of shape %v", k, v.shape())
		}
		if !(slices.Contains(gone, k) || len(gone) == 0 && single) {
			out.axes = append(out.axes, axis)
		}
	}
	return []view{out}
}

func opUnsqueeze(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	count := len(b.attrInts("axes", nil))
	if w := optional(in, 1); w.of != nil {
		count = w.size()
	}
	fresh := b.axes(in, 1, len(v.axes)+min(count, maxRank))
	out := view{of: v.of, off: v.off, axes: slices.Clone(v.axes)}
	for _, k := range fresh {
		if k > len(out.axes) {
			refuse("puts an axis at %d of %d", k, len(out.axes))
		}
		out.axes = slices.Insert(out.axes, k, []atom(nil))
	}
	return []view{out}
}

func opExpand(b *builder, n *nodeProto, in []view) []view {
	shape := constants(in[1])
	checkShape(shape)
	common := b.broadcast(in[0], b.expanded(b.constant(nil, float, []float64{0}), shape))
	return []view{common[0]}
}

// opTile repeats each axis.
func opTile(b *builder, n *nodeProto, in []view) []view {
	v, repeats := in[0], constants(in[1])
	if len(repeats) != len(v.axes) {
		refuse("repeats %v, need a number for each axis of %v", repeats, v.shape())
	}
	shape := v.shape()
	for k, r := range repeats {
		if r < 1 || r > maxNumbers || shape[k]*r > maxNumbers {
			refuse("repeats %v, need positive numbers", repeats)
		}
		shape[k] *= r
	}
	checkShape(shape)
	out := view{of: v.of, off: v.off}
	for k, axis := range v.axes {
		if r := repeats[k]; r > 1 {
			axis = append([]atom{{r, repeated, 0}}, axis...)
		}
		out.axes = append(out.axes, axis)
	}
	return []view{out.tidy()}
}

// checkShape refuses shapes that no value here has.
func checkShape(shape []int) {
	n := 1
	if len(shape) > maxRank {
		refuse("has shape %v, need at most %d axes", shape, maxRank)
	}
	for _, s := range shape {
		if s < 0 || s > maxNumbers || n*s > maxNumbers {
			refuse("has shape %v, need at most %d numbers", shape, maxNumbers)
		}
		n *= max(s, 1)
	}
}

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
		if !v.known() || axis != 0 || len(v.axes) != 2 || at.size() != 1 {
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

func opDepthToSpace(b *builder, n *nodeProto, in []view) []view {
	s, k := in[0].shape(), b.attrInt("blocksize", 0)
	if len(s) != 4 || k < 1 || k > 1<<10 || s[1]%(k*k) != 0 {
		refuse("is given shape %v and blocks of %d, need [1,C,H,W] with C divisible by their pixels", s, k)
	}
	c := s[1] / (k * k)
	var v view
	if b.attrString("mode", "DCR") == "CRD" {
		v = b.reshaped(in[0], []int{s[0], c, k, k, s[2], s[3]}).transposed([]int{0, 1, 4, 2, 5, 3})
	} else {
		v = b.reshaped(in[0], []int{s[0], k, k, c, s[2], s[3]}).transposed([]int{0, 3, 4, 1, 5, 2})
	}
	return []view{b.reshaped(v, []int{s[0], c, s[2] * k, s[3] * k})}
}

func opSpaceToDepth(b *builder, n *nodeProto, in []view) []view {
	s, k := in[0].shape(), b.attrInt("blocksize", 0)
	if len(s) != 4 || k < 1 || s[2]%k != 0 || s[3]%k != 0 {
		refuse("is given shape %v and blocks of %d, need [1,C,H,W] with H and W divisible by it", s, k)
	}
	v := b.reshaped(in[0], []int{s[0], s[1], s[2] / k, k, s[3] / k, k}).transposed([]int{0, 3, 5, 1, 2, 4})
	return []view{b.reshaped(v, []int{s[0], s[1] * k * k, s[2] / k, s[3] / k})}
}
