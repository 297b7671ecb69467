package onnx

import "slices"

// batched returns x [...,M,K] as [B,M,K].
func batched(x view) view {
	n := len(x.axes) - 2
	return view{of: x.of, off: x.off, axes: [][]atom{slices.Concat(x.axes[:n]...), x.axes[n], x.axes[n+1]}}.tidy()
}

// opMatMul is numpy's matmul.
func opMatMul(b *builder, n *nodeProto, in []view) []view {
	x, y := in[0], in[1]
	if len(x.axes) == 0 || len(y.axes) == 0 {
		refuse("multiplies shapes %v and %v, need at least one axis each", x.shape(), y.shape())
	}
	row, column := len(x.axes) == 1, len(y.axes) == 1
	if row {
		x.axes = slices.Insert(slices.Clone(x.axes), 0, []atom(nil))
	}
	if column {
		y.axes = append(slices.Clone(y.axes), nil)
	}
	s, t := x.shape(), y.shape()
	if s[len(s)-1] != t[len(t)-2] {
		refuse("multiplies shapes %v and %v, need matching matrices", in[0].shape(), in[1].shape())
	}
	lead := max(len(s), len(t)) - 2
	if len(y.axes) == 2 && y.known() { // any axes before the last are rows
		out := b.linearOf(x, y.transposed([]int{1, 0}))
		return []view{withoutVectorAxes(out, row, column)}
	}
	for len(x.axes)-2 < lead {
		x.axes = slices.Insert(slices.Clone(x.axes), 0, []atom(nil))
	}
	for len(y.axes)-2 < lead {
		y.axes = slices.Insert(slices.Clone(y.axes), 0, []atom(nil))
	}
	s, t = x.shape(), y.shape()
	shape := slices.Clone(s[:lead])
	for k := range shape {
		shape[k] = max(s[k], t[k])
	}
	x = b.expanded(x, append(slices.Clone(shape), s[lead:]...))
	y = b.expanded(y, append(slices.Clone(shape), t[lead:]...))
	out := b.product(batched(x), batched(y))
	return []view{withoutVectorAxes(b.reshaped(out, append(shape, s[lead], t[lead+1])), row, column)}
}

// withoutVectorAxes removes the axes that were added to vectors.
func withoutVectorAxes(v view, row, column bool) view {
	v.axes = slices.Clone(v.axes)
	if column {
		v.axes = v.axes[:len(v.axes)-1]
	}
	if row {
		at := len(v.axes) - 2
		if column {
			at++
		}
		v.axes = slices.Delete(v.axes, at, at+1)
	}
	return v
}

// opGemm is α·a·b + β·c, where a and b may be transposed.
func opGemm(b *builder, n *nodeProto, in []view) []view {
	x, y := in[0], in[1]
	if len(x.axes) != 2 || len(y.axes) != 2 {
		refuse("multiplies shapes %v and %v, need matrices", x.shape(), y.shape())
	}
	if b.attrInt("transA", 0) != 0 {
		x = x.transposed([]int{1, 0})
	}
	if b.attrInt("transB", 0) != 0 {
		y = y.transposed([]int{1, 0})
	}
	if s, t := x.shape(), y.shape(); s[1] != t[0] {
		refuse("multiplies shapes %v and %v, need matching matrices", s, t)
	}
	out := b.product(batched(x), batched(y))
	out.axes = out.axes[1:]
	out = b.unary(out, "affine", b.attrFloat("alpha", 1), 0)
	if c := optional(in, 2); c.of != nil {
		out = b.binary("add", out, b.unary(c, "affine", b.attrFloat("beta", 1), 0))
	}
	return []view{out}
}
