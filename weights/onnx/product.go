package onnx

import (
	"math"
	"slices"
)

// linear maps the last axis of its input, the first axes of which have one atom and
// one dim each, by constants; the last dim is its own.
type linear struct {
	weight view // [out,in]
	bias   view // [out], or none
}

// linearOf returns x·weightᵀ over the last axis of x.
func (b *builder) linearOf(x, weight view) view {
	last := len(x.axes) - 1
	rows := view{of: x.of, off: x.off, axes: x.axes[:last]}
	dims, flat, back := rows.onto()
	in := view{of: x.of, off: x.off, axes: append(flat.axes, x.axes[last])}
	n := &node{op: linear{weight: weight}, in: []view{in}}
	return b.ended(n, back, dims, weight.shape()[0])
}

// ended completes a node whose dims are those of rows and one more, and returns it
// with the axes of rows and one more.
func (b *builder) ended(n *node, back func(*node) view, dims []int, last int) view {
	b.add(n, append(slices.Clone(dims), last))
	out := back(n)
	if last == 1 {
		out.axes = append(out.axes, nil)
	} else {
		out.axes = append(out.axes, []atom{{last, len(dims), 1}})
	}
	return out
}

func (o linear) weighted(b *builder, n *node, dim int, scale, shift view) (op, bool) {
	if dim != len(n.dims)-1 || len(n.dims) != len(n.in[0].axes) {
		return nil, false
	}
	o.weight, o.bias = b.rescaled(o.weight, o.bias, scale, shift)
	return o, true
}

// rescaled returns weights [out,…] and biases [out] after what follows them.
func (b *builder) rescaled(weight, bias, scale, shift view) (view, view) {
	if scale.of != nil {
		tall := slices.Repeat([]int{1}, len(weight.axes))
		tall[0] = scale.size()
		weight = b.renamed(b.zipped("mul", weight, b.reshaped(scale, tall)), weight)
		if bias.of != nil {
			bias = b.renamed(b.zipped("mul", bias, scale), bias)
		}
	}
	if shift.of != nil {
		if bias.of != nil {
			shift = b.renamed(b.zipped("add", bias, shift), bias)
		}
		bias = shift
	}
	return weight, bias
}

// renamed gives a computed constant the name of what it replaces.
func (b *builder) renamed(v, from view) view {
	c, ok := v.of.op.(*constant)
	if old := from.of.op.(*constant); ok && c.name == "" {
		c.name = old.name
	}
	return v
}

// narrowed returns v, part of a node's output channels, as all channels of a node
// of their own, where that is a linear map or a convolution; and part of joined
// values as the one of them that it is.
func (b *builder) narrowed(v view) view {
	switch o := v.of.op.(type) {
	case concat:
		return o.part(v)
	case linear:
		if dim := len(v.of.dims) - 1; len(v.of.in[0].axes) == len(v.of.dims) {
			if pick, out, ok := v.picked(dim); ok {
				n := *v.of
				n.op = linear{b.rows(o.weight, pick), b.rows(o.bias, pick)}
				return n.instead(out, dim, len(pick))
			}
		}
	case conv:
		if pick, out, ok := v.picked(0); ok && len(v.of.dims) == 3 {
			n := *v.of
			o.weight, o.bias = b.rows(o.weight, pick), b.rows(o.bias, pick)
			n.op = o
			return n.instead(out, 0, len(pick))
		}
	}
	return v
}

// instead returns v as a view of n, whose dim now has another size.
func (n node) instead(v view, dim, size int) view {
	n.dims = slices.Clone(n.dims)
	n.dims[dim] = size
	v.of = &n
	return v
}

// picked returns which indices of a dim v takes, if not all, and v with steps along
// only those.
func (v view) picked(dim int) (pick []int, out view, ok bool) {
	n := 1
	out = v.tidy()
	for i := len(out.axes) - 1; i >= 0; i-- {
		for j := len(out.axes[i]) - 1; j >= 0; j-- {
			if a := &out.axes[i][j]; a.dim == dim {
				a.step = n
				n *= a.size
			}
		}
	}
	if n >= v.of.dims[dim] || n == 1 {
		return nil, v, false
	}
	pick = []int{v.off[dim]}
	for _, axis := range v.axes {
		for _, a := range axis {
			if a.dim != dim {
				continue
			}
			var next []int
			for _, at := range pick {
				for k := range a.size {
					next = append(next, at+k*a.step)
				}
			}
			pick = next
		}
	}
	out.off[dim] = 0
	return pick, out.tidy(), true
}

// rows returns the given rows of a constant [n,…], or none of none.
func (b *builder) rows(v view, pick []int) view {
	if v.of == nil {
		return v
	}
	shape := v.shape()
	width := v.size() / shape[0]
	shape[0] = len(pick)
	return b.renamed(b.computed(shape, float, func() []float64 {
		all := v.numbers()
		var out []float64
		for _, r := range pick {
			out = append(out, all[r*width:(r+1)*width]...)
		}
		return out
	}, v), v)
}

// matmul multiplies [B,M,K] by [B,K,N], axes of any number of atoms; dims are B, M and
// N.
type matmul struct{ left, right view }

// attention is softmax(q·kᵀ/√d)·v of q, k, v [heads,L,d]; dims are heads, L and d.
type attention struct{ heads, length, width int }

// product returns x [B,M,K] times y [B,K,N].
func (b *builder) product(x, y view) view {
	switch {
	case x.known() && y.known():
		return b.productOfConstants(x, y)
	case y.known() && len(y.axes[0]) == 0 || y.sharedBatch():
		if y.known() {
			flat := view{of: y.of, off: y.off, axes: y.axes[1:]}
			return b.linearOf(x, flat.transposed([]int{1, 0}))
		}
	case x.known() && (len(x.axes[0]) == 0 || x.sharedBatch()): // (xy)ᵀ = yᵀxᵀ
		flat := view{of: x.of, off: x.off, axes: x.axes[1:]}
		return b.linearOf(y.transposed([]int{0, 2, 1}), flat).transposed([]int{0, 2, 1})
	}
	if out, ok := b.attends(x, y); ok {
		return out
	}
	s, t := x.shape(), y.shape()
	return b.add(&node{op: matmul{x, y}, in: []view{x, y}}, []int{s[0], s[1], t[2]})
}

// sharedBatch reports whether all matrices of a constant are one.
func (v view) sharedBatch() bool {
	return v.known() && !slices.ContainsFunc(v.axes[0], func(a atom) bool { return a.dim != repeated })
}

func (b *builder) productOfConstants(x, y view) view {
	s, t := x.shape(), y.shape()
	m, k, n := s[1], s[2], t[2]
	b.file.spend(x.size() * n)
	p, q, out := x.numbers(), y.numbers(), make([]float64, s[0]*m*n)
	for i := range out {
		batch, r, c := i/(m*n), i/n%m, i%n
		for j := range k {
			out[i] += float64(p[(batch*m+r)*k+j] * q[(batch*k+j)*n+c])
		}
	}
	return b.constant([]int{s[0], m, n}, float, out)
}

// attends recognises the second product of an attention, p·v or its transpose, where
// p = softmax(scale·q·kᵀ).
func (b *builder) attends(x, y view) (view, bool) {
	swap := []int{0, 2, 1}
	if _, ok := y.of.op.(softmax); ok {
		if _, ok := x.of.op.(softmax); !ok {
			out, ok := b.attends(y.transposed(swap), x.transposed(swap))
			if ok {
				out = out.transposed(swap)
			}
			return out, ok
		}
	}
	if _, ok := x.of.op.(softmax); !ok || !x.complete() {
		return view{}, false
	}
	last := x.axes[2]
	if k := len(x.of.dims) - 1; len(last) != 1 || last[0].dim != k || last[0].step != 1 {
		return view{}, false // summed along another axis than the softmax's
	}
	scores, scale := unscaled(under(x))
	p, ok := scores.of.op.(matmul)
	if !ok {
		return view{}, false
	}
	q, k := p.left, p.right.transposed(swap)
	if !same(scores, whole(scores.of)) {
		if !same(scores, whole(scores.of).transposedTail()) {
			return view{}, false
		}
		q, k = k, q
	}
	qs, vs := q.shape(), y.shape()
	heads, length, width := qs[0], qs[1], qs[2]
	if !slices.Equal(qs, k.shape()) || vs[1] != length || vs[2] != width || vs[0] != heads || length == 1 || width == 1 {
		return view{}, false
	}
	q, scaleQ := unscaled(q)
	k, scaleK := unscaled(k)
	scale *= scaleQ * scaleK
	if wanted := 1 / math.Sqrt(float64(width)); math.Abs(scale/wanted-1) > 1e-5 {
		q = b.mapped(q, "affine", scale/wanted, 0)
	}
	n := &node{op: attention{heads, length, width}, in: []view{q, k, y}}
	return b.add(n, []int{heads, length, width}), true
}

// unscaled returns what v is a multiple of.
func unscaled(v view) (of view, scale float64) {
	if in, m, ok := v.madeBy("affine"); ok && m.b == 0 {
		return in, float64(m.a)
	}
	return v, 1
}

// transposedTail returns v with its last two axes exchanged.
func (v view) transposedTail() view {
	n := len(v.axes)
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	if n >= 2 {
		perm[n-1], perm[n-2] = n-2, n-1
	}
	return v.transposed(perm)
}
