package onnx

import (
	"slices"
	"strings"
)

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

// opEinsum is a sum of products of one or two inputs.
func opEinsum(b *builder, n *nodeProto, in []view) []view {
	equation := strings.ReplaceAll(b.attrString("equation", ""), " ", "")
	left, out, ok := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	other := func(r rune) bool { return r|0x20 < 'a' || r|0x20 > 'z' }
	if !ok || strings.ContainsFunc(strings.Join(terms, "")+out, other) || len(terms) != len(in) || len(in) > 2 {
		refuse("equation is %q for %d inputs, need one for one or two inputs, of letters and ->, without dots", equation, len(in))
	}
	for i, t := range terms {
		if len(t) != len(in[i].axes) {
			refuse("equation is %q, which does not match shape %v", equation, in[i].shape())
		}
	}
	if len(in) == 1 {
		v, labels := b.summed(in[0], terms[0], out)
		return []view{labelled(v, labels, out, equation)}
	}
	x, p := b.summed(in[0], terms[0], terms[1]+out)
	y, q := b.summed(in[1], terms[1], terms[0]+out)
	return []view{b.contracted(x, y, p, q, out, equation)}
}

// contracted returns the product of x and y, whose axes have labels p and q, summed over the
// labels that out lacks.
func (b *builder) contracted(x, y view, p, q, out, equation string) view {
	var batch, contract, rows, columns string
	sizes := map[rune]int{}
	for i, r := range p {
		sizes[r] = x.shape()[i]
		switch c := string(r); {
		case !strings.Contains(q, c):
			rows += c
		case strings.Contains(out, c):
			batch += c
		default:
			contract += c
		}
	}
	for i, r := range q {
		if s, ok := sizes[r]; ok && s != y.shape()[i] {
			refuse("equation is %q, which does not match shapes %v and %v", equation, x.shape(), y.shape())
		} else if !ok {
			columns += string(r)
		}
		sizes[r] = y.shape()[i]
	}
	grouped := func(v view, labels string, groups ...string) view {
		v = labelled(v, labels, strings.Join(groups, ""), equation)
		out, at := view{of: v.of, off: v.off}, 0
		for _, g := range groups {
			out.axes = append(out.axes, slices.Concat(v.axes[at:at+len(g)]...))
			at += len(g)
		}
		return out.tidy()
	}
	product := b.product(grouped(x, p, batch, rows, contract), grouped(y, q, batch, contract, columns))
	var shape []int
	for _, r := range batch + rows + columns {
		shape = append(shape, sizes[r])
	}
	return labelled(b.reshaped(product, shape), batch+rows+columns, out, equation)
}

// summed sums v over the axes whose labels are not in wanted.
func (b *builder) summed(v view, labels, wanted string) (view, string) {
	var axes []int
	kept := ""
	for i, r := range labels {
		if strings.ContainsRune(labels[:i], r) {
			refuse("equation has %q twice in one term", r)
		}
		if strings.ContainsRune(wanted, r) {
			kept += string(r)
		} else {
			axes = append(axes, i)
		}
	}
	if axes == nil {
		return v, kept
	}
	v = b.reduced(v, "sum", axes)
	for _, k := range slices.Backward(axes) {
		v.axes = slices.Delete(slices.Clone(v.axes), k, k+1)
	}
	return v, kept
}

// labelled returns v, whose axes have labels, with its axes in the order of out.
func labelled(v view, labels, out, equation string) view {
	var perm []int
	for _, r := range out {
		k := strings.IndexRune(labels, r)
		if k < 0 || slices.Contains(perm, k) {
			refuse("equation is %q: %q is in no input, or twice in the output", equation, r)
		}
		perm = append(perm, k)
	}
	if len(perm) != len(labels) {
		refuse("equation is %q: need every label once", equation)
	}
	return v.transposed(perm)
}
