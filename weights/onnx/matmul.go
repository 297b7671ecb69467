package onnx

import (
	"math"
	"slices"
)

// linear maps the last axis of its input by constants. The other axes of the input have one
// atom and one dim each; the result is the last dim.
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
	return b.withLastAxis(n, back, dims, weight.shape()[0])
}

// withLastAxis completes a node whose dims are those of rows and one more, and returns its view
// with the axes of rows and one more.
func (b *builder) withLastAxis(n *node, back func(*node) view, dims []int, last int) view {
	b.add(n, append(slices.Clone(dims), last))
	out := back(n)
	if last == 1 {
		out.axes = append(out.axes, nil)
	} else {
		out.axes = append(out.axes, []atom{{last, len(dims), 1}})
	}
	return out
}

func (o linear) withAffine(b *builder, n *node, dim int, scale, shift view) (op, bool) {
	if dim != len(n.dims)-1 || len(n.dims) != len(n.in[0].axes) {
		return nil, false
	}
	o.weight, o.bias = b.rescaled(o.weight, o.bias, scale, shift)
	return o, true
}

// rescaled folds a scale and a shift of the outputs into weights [out,…] and biases [out].
func (b *builder) rescaled(weight, bias, scale, shift view) (view, view) {
	if scale.of != nil {
		tall := slices.Repeat([]int{1}, len(weight.axes))
		tall[0] = scale.size()
		weight = b.renamed(b.binary("mul", weight, b.reshaped(scale, tall)), weight)
		if bias.of != nil {
			bias = b.renamed(b.binary("mul", bias, scale), bias)
		}
	}
	if shift.of != nil {
		if bias.of != nil {
			shift = b.renamed(b.binary("add", bias, shift), bias)
		}
		bias = shift
	}
	return weight, bias
}

// renamed gives a computed constant the name of the constant that it replaces.
func (b *builder) renamed(v, from view) view {
	c, ok := v.of.op.(*constant)
	if old := from.of.op.(*constant); ok && c.name == "" {
		c.name = old.name
	}
	return v
}

// fusedSlice simplifies v: a part of the output channels of a linear map or a convolution
// becomes a node that computes only these, and a part of a concatenation becomes the input that
// it is.
func (b *builder) fusedSlice(v view) view {
	switch o := v.of.op.(type) {
	case concat:
		return o.part(v)
	case linear:
		if dim := len(v.of.dims) - 1; len(v.of.in[0].axes) == len(v.of.dims) {
			if pick, out, ok := v.selected(dim); ok {
				n := *v.of
				n.op = linear{b.rows(o.weight, pick), b.rows(o.bias, pick)}
				return n.withChannels(out, dim, len(pick))
			}
		}
	case conv:
		if pick, out, ok := v.selected(0); ok && len(v.of.dims) == 3 {
			n := *v.of
			o.weight, o.bias = b.rows(o.weight, pick), b.rows(o.bias, pick)
			n.op = o
			return n.withChannels(out, 0, len(pick))
		}
	}
	return v
}

// withChannels returns v as a view of n, whose dim gets another size.
func (n node) withChannels(v view, dim, size int) view {
	n.dims = slices.Clone(n.dims)
	n.dims[dim] = size
	v.of = &n
	return v
}

// selected returns the indices of a dim that v contains, if not all, and v with steps that
// count only those.
func (v view) selected(dim int) (pick []int, out view, ok bool) {
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

// rows returns the given rows of a constant [n,…]; a missing constant stays missing.
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

// matmul multiplies [B,M,K] by [B,K,N]; the axes may have any number of atoms. Its dims are B,
// M and N.
type matmul struct{ left, right view }

// attention is softmax(q·kᵀ/√d)·v of q, k and v [heads,L,d]. Its dims are heads, L and d.
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
	if out, ok := b.fusedAttention(x, y); ok {
		return out
	}
	s, t := x.shape(), y.shape()
	return b.add(&node{op: matmul{x, y}, in: []view{x, y}}, []int{s[0], s[1], t[2]})
}

// sharedBatch reports whether v is a constant that has the same matrix for the whole batch.
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

// fusedAttention recognizes the second product of an attention, p·v or its transpose, where p =
// softmax(scale·q·kᵀ).
func (b *builder) fusedAttention(x, y view) (view, bool) {
	swap := []int{0, 2, 1}
	if _, ok := y.of.op.(softmax); ok {
		if _, ok := x.of.op.(softmax); !ok {
			out, ok := b.fusedAttention(y.transposed(swap), x.transposed(swap))
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
		return view{}, false // the sum is not along the axis of the softmax
	}
	scores, scale := unscaled(argument(x))
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
		q = b.unary(q, "affine", scale/wanted, 0)
	}
	n := &node{op: attention{heads, length, width}, in: []view{q, k, y}}
	return b.add(n, []int{heads, length, width}), true
}

// unscaled returns v without a constant factor, and the factor.
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
