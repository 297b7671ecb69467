package onnx

import "slices"

// The operators that only move numbers, and those about shapes. They compute nothing when the
// network runs, except for an occasional copy.

// axisOf returns the index of an axis, which counts from the end if negative.
func axisOf(axis, rank int) int {
	if axis < -rank || axis >= rank {
		refuse("has axis %d, need one in [%d, %d)", axis, -rank, rank)
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

func opReshape(b *builder, n *nodeProto, in []view) []view {
	shape, old := constants(in[1]), in[0].shape()
	open, size := -1, 1
	for i, s := range shape {
		switch {
		case s == 0 && b.attrInt("allowzero", 0) == 0:
			if i >= len(old) {
				refuse("has shape %v, whose 0 copies an axis that %v does not have", shape, old)
			}
			shape[i] = old[i]
		case s == -1 && open < 0:
			open = i
			continue
		case s < 0:
			refuse("has shape %v, need at most one size of -1", shape)
		}
		if size *= shape[i]; size > maxNumbers {
			refuse("has shape %v, need one of %d elements as %v", shape, in[0].size(), old)
		}
	}
	if open >= 0 {
		if size == 0 || in[0].size()%size != 0 {
			refuse("has shape %v, need one of %d elements as %v", shape, in[0].size(), old)
		}
		shape[open] = in[0].size() / size
	} else if size != in[0].size() {
		refuse("has shape %v, need one of %d elements as %v", shape, in[0].size(), old)
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
		refuse("perm is %v, need a permutation of %d axes", perm, rank)
	}
	for k := range rank {
		if !slices.Contains(perm, k) {
			refuse("perm is %v, need a permutation of %d axes", perm, rank)
		}
	}
	return []view{in[0].transposed(perm)}
}

func opSqueeze(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	removed := b.axes(in, 1, len(v.axes))
	out := view{of: v.of, off: v.off}
	for k, axis := range v.axes {
		single := len(axis) == 0
		if slices.Contains(removed, k) && !single {
			refuse("removes axis %d of shape %v, need one of one element", k, v.shape())
		}
		if !(slices.Contains(removed, k) || len(removed) == 0 && single) {
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
			refuse("inserts axis %d after %d axes, need one in order", k, len(out.axes))
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
		refuse("has repeats %v, need a number for each axis of %v", repeats, v.shape())
	}
	shape := v.shape()
	for k, r := range repeats {
		if r < 1 || r > maxNumbers || shape[k]*r > maxNumbers {
			refuse("has repeats %v, need positive numbers, and at most %d elements", repeats, maxNumbers)
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

// checkShape refuses shapes with too many axes or elements.
func checkShape(shape []int) {
	n := 1
	if len(shape) > maxRank {
		refuse("has shape %v, need at most %d axes", shape, maxRank)
	}
	for _, s := range shape {
		if s < 0 || s > maxNumbers || n*s > maxNumbers {
			refuse("has shape %v, need at most %d elements", shape, maxNumbers)
		}
		n *= max(s, 1)
	}
}

func opDepthToSpace(b *builder, n *nodeProto, in []view) []view {
	s, k := in[0].shape(), b.attrInt("blocksize", 0)
	if len(s) != 4 || k < 1 || k > 1<<10 || s[1]%(k*k) != 0 {
		refuse("has an input of shape %v and blocks of %d, need [1,C,H,W] with C divisible by the square of that", s, k)
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
		refuse("has an input of shape %v and blocks of %d, need [1,C,H,W] with H and W divisible by that", s, k)
	}
	v := b.reshaped(in[0], []int{s[0], s[1], s[2] / k, k, s[3] / k, k}).transposed([]int{0, 3, 5, 1, 2, 4})
	return []view{b.reshaped(v, []int{s[0], s[1] * k * k, s[2] / k, s[3] / k})}
}
