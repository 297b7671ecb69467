package onnx

import (
	"fmt"
	"slices"
)

// norm subtracts the mean and divides by √(var + eps), computed along over for each index along
// keep. Both are atoms of the node's dims; the input has one atom per dim.
type norm struct {
	keep, over  []atom
	eps         float32
	channel     int  // the dim of gamma and beta, if there are any
	gamma, beta view // constants
}

// normalized normalizes v over all but its first keep axes.
func (b *builder) normalized(v view, keep int, eps float64) view {
	dims, flat, back := v.onto()
	n := b.add(&node{in: []view{flat}}, dims).of
	out := back(n)
	if !v.complete() && len(flat.axes) == 0 {
		refuse("normalizes a repeated value")
	}
	n.op = norm{
		keep: view{axes: out.axes[:keep]}.flat(), over: view{axes: out.axes[keep:]}.flat(),
		eps: float32(eps), channel: repeated,
	}
	return out
}

func (o norm) withAffine(b *builder, n *node, dim int, scale, shift view) (op, bool) {
	if o.channel != repeated && o.channel != dim || !slices.ContainsFunc(o.over, func(a atom) bool { return a.dim == dim }) && len(o.keep) != 1 {
		return nil, false
	}
	o.channel = dim
	if scale.of != nil {
		if o.gamma.of != nil {
			scale = b.binary("mul", o.gamma, scale)
		}
		if o.beta.of != nil {
			o.beta = b.binary("mul", o.beta, scale)
		}
		o.gamma = scale
	}
	if shift.of != nil {
		if o.beta.of != nil {
			shift = b.binary("add", o.beta, shift)
		}
		o.beta = shift
	}
	return o, true
}

// fusedNorm recognizes d/s where d = x − mean(x) and s = √(mean(d²) + ε).
func (b *builder) fusedNorm(d, s view) (view, bool) {
	variance, _, ok := s.madeBy("sqrt")
	if !ok {
		return view{}, false
	}
	eps := 0.0
	if in, m, ok := variance.madeBy("affine"); ok && m.a == 1 {
		variance, eps = in, float64(m.b)
	}
	squares, ok := meanOf(variance)
	if !ok {
		return view{}, false
	}
	of, _, ok := squares.src.madeBy("square")
	if !ok || !same(of, d) {
		return view{}, false
	}
	p, ok := d.of.op.(*binaryOp)
	if !ok || p.fn != "sub" || !same(d, p.out) {
		return view{}, false
	}
	mean, ok := meanOf(p.y)
	if !ok || !same(mean.src, p.x) || !slices.Equal(mean.axes, squares.axes) || !slices.Equal(mean.src.shape(), squares.src.shape()) {
		return view{}, false
	}
	perm, keep := lastOf(len(p.x.axes), mean.axes)
	out := b.normalized(mean.src.transposed(perm), keep, eps).transposed(inverse(perm))
	return b.reshaped(out, d.shape()), true
}

// meanOf returns the reduction of which v is the result, if that is a mean, broadcast to the
// shape of its input.
func meanOf(v view) (*reduction, bool) {
	r, ok := v.of.op.(*reduction)
	if !ok || r.fn != "mean" {
		return nil, false
	}
	full, ok := r.kept.expanded(r.src.shape())
	return r, ok && same(full, v)
}

// reduction reduces along some axes with a function of graph.Reduce. Its input has first the
// axes that stay, one atom each, and then the others.
type reduction struct {
	fn        string
	src, kept view  // the input as requested, and the result with axes of one element
	axes      []int // of src
}

// lastOf returns the permutation that moves axes to the end, and the number of the others.
func lastOf(rank int, axes []int) (perm []int, before int) {
	for k := range rank {
		if !slices.Contains(axes, k) {
			perm = append(perm, k)
		}
	}
	return append(perm, axes...), len(perm)
}

func inverse(perm []int) []int {
	out := make([]int, len(perm))
	for i, k := range perm {
		out[k] = i
	}
	return out
}

// reduced reduces v along axes, which stay as axes of one element.
func (b *builder) reduced(v view, fn string, axes []int) view {
	if v.known() {
		return b.reducedConstant(v, fn, axes)
	}
	return b.cached(fmt.Sprint(fn, axes, v.key()), func() view { return b.reducing(v, fn, axes) })
}

func (b *builder) reducing(v view, fn string, axes []int) view {
	perm, keep := lastOf(len(v.axes), axes)
	ordered := v.transposed(perm)
	rows, goes := view{of: v.of, off: v.off, axes: ordered.axes[:keep]}, ordered.axes[keep:]
	dims, flat, back := rows.onto()
	in := view{of: v.of, off: v.off, axes: slices.Concat(flat.axes, goes)}
	n := b.add(&node{in: []view{in}, dtype: v.of.dtype}, dims).of
	out := back(n)
	for range axes {
		out.axes = append(out.axes, nil)
	}
	out = out.transposed(inverse(perm))
	n.op = &reduction{fn: fn, src: v, kept: out, axes: axes}
	return out
}

func (b *builder) reducedConstant(v view, fn string, axes []int) view {
	perm, keep := lastOf(len(v.axes), axes)
	ordered := v.transposed(perm)
	shape := ordered.shape()
	count := 1
	for k := keep; k < len(shape); k++ {
		count *= shape[k]
		shape[k] = 1
	}
	if v.size() == 0 {
		refuse("reduces a value without elements")
	}
	join := map[string]string{"sum": "add", "mean": "add", "prod": "mul", "max": "max", "min": "min"}[fn]
	return b.computed(shape, v.of.dtype, func() []float64 {
		var out []float64
		for all := ordered.numbers(); len(all) > 0; all = all[count:] {
			x := all[0]
			for _, y := range all[1:count] {
				x = binaryFunctions[join](x, y)
			}
			if fn == "mean" {
				x /= float64(count)
			}
			out = append(out, x)
		}
		return out
	}, v).transposed(inverse(perm))
}

// softmaxOf is exp(x)/Σ exp(x) along an axis.
func (b *builder) softmaxOf(v view, axis int) view {
	perm, keep := lastOf(len(v.axes), []int{axis})
	ordered := v.transposed(perm)
	dims, flat, back := view{of: v.of, off: v.off, axes: ordered.axes[:keep]}.onto()
	rows := len(dims)
	n := &node{op: softmax{}, in: []view{{of: v.of, off: v.off, axes: append(flat.axes, ordered.axes[keep])}}}
	out := back(b.add(n, append(dims, axisSize(ordered.axes[keep]))).of)
	if len(n.dims) == rows { // the softmax of a single number is 1
		return b.expanded(b.constant(nil, float, []float64{1}), v.shape())
	}
	out.axes = append(out.axes, []atom{{n.dims[rows], rows, 1}})
	return out.transposed(inverse(perm))
}

// softmax is computed along the last dim. Its input has one axis per dim.
type softmax struct{}
