package onnx

import (
	"math"
	"slices"
)

// unaryOp is a function of one number, of kernel.Unary. Its input has one atom per dim.
type unaryOp struct {
	fn   string
	a, b float32
}

// binaryOp is a function of two numbers, of kernel.Binary. Its inputs have one atom per dim;
// an atom of dim −1 repeats.
type binaryOp struct {
	fn        string
	x, y, out view // as requested, of the same shape
}

// madeBy returns the argument of v and the operation, if v is a view of that unary function.
func (v view) madeBy(fn string) (in view, m unaryOp, ok bool) {
	if v.of == nil {
		return view{}, unaryOp{}, false
	}
	if m, ok = v.of.op.(unaryOp); !ok || m.fn != fn {
		return view{}, unaryOp{}, false
	}
	return argument(v), m, true
}

// fused returns the single operation for a function of two values that completes a decomposed
// one.
func (b *builder) fused(fn string, x, y view) (view, bool) {
	for _, pair := range [][2]view{{x, y}, {y, x}} {
		x, y := pair[0], pair[1]
		switch fn {
		case "mul":
			if same(x, y) {
				return b.unary(x, "square", 0, 0), true
			}
			if in, _, ok := y.madeBy("sigmoid"); ok && same(in, x) {
				return b.unary(x, "silu", 0, 0), true
			}
			if out, ok := b.fusedGELU(x, y); ok {
				return out, true
			}
			if in, _, ok := y.madeBy("reciprocal"); ok {
				if out, ok := b.fusedNorm(x, in); ok {
					return out, true
				}
			}
			if out, ok := b.withAffine(x, y, view{}); ok {
				return out, true
			}
		case "add":
			if out, ok := b.withAffine(x, view{}, y); ok {
				return out, true
			}
		}
	}
	if fn == "div" {
		if out, ok := b.fusedNorm(x, y); ok {
			return out, true
		}
		if y.known() {
			return b.binary("mul", x, b.unary(y, "reciprocal", 0, 0)), true
		}
	}
	if fn == "sub" && y.known() {
		return b.binary("add", x, b.unary(y, "affine", -1, 0)), true
	}
	return view{}, false
}

// fusedGELU recognizes x·(1 + erf(x/√2)), which is twice GELU, also with a scaled factor.
func (b *builder) fusedGELU(x, y view) (view, bool) {
	scale := 1.0
	if in, m, ok := x.madeBy("affine"); ok && m.b == 0 {
		x, scale = in, scale*float64(m.a)
	}
	e, m, ok := y.madeBy("affine")
	if !ok || m.a != m.b {
		return view{}, false
	}
	scale *= float64(m.a)
	e, _, ok = e.madeBy("erf")
	if !ok {
		return view{}, false
	}
	e, m, ok = e.madeBy("affine")
	if !ok || m.b != 0 || math.Abs(float64(m.a)*math.Sqrt2-1) > 1e-5 || !same(e, x) {
		return view{}, false
	}
	return b.unary(b.unary(x, "gelu", 0, 0), "affine", 2*scale, 0), true
}

// channelVector finds the single dim of x's node along which the constant y varies, and returns
// y's numbers along it. x and y have the same shape.
func channelVector(x, y view) (dim int, vector view, ok bool) {
	pieces, _, ok := refined(x, y)
	if !ok || !y.known() {
		return 0, view{}, false
	}
	dim = repeated
	for _, p := range pieces {
		if p[1].dim != repeated {
			if p[0].dim == repeated || dim != repeated && p[0].dim != dim {
				return 0, view{}, false
			}
			dim = p[0].dim
		}
	}
	if dim == repeated || x.off[dim] != 0 {
		return 0, view{}, false
	}
	vector = view{of: y.of, off: y.off, axes: [][]atom{nil}}
	left := x.of.dims[dim]
	for _, p := range pieces {
		if p[0].dim != dim {
			continue
		}
		if left%p[0].size != 0 || p[0].step != left/p[0].size {
			return 0, view{}, false
		}
		left /= p[0].size
		vector.axes[0] = append(vector.axes[0], p[1])
	}
	return dim, vector.tidy(), left == 1
}

// withAffine folds a scale or a shift by constants along one dim into the norm, convolution or
// linear map that computes x.
func (b *builder) withAffine(x, scale, shift view) (view, bool) {
	y := scale
	if y.of == nil {
		y = shift
	}
	dim, vector, ok := channelVector(x, y)
	if !ok || x.of.users > 1 {
		return view{}, false
	}
	if y.of == scale.of {
		scale, shift = vector, view{}
	} else {
		scale, shift = view{}, vector
	}
	owner, ok := x.of.op.(interface {
		withAffine(b *builder, n *node, dim int, scale, shift view) (op, bool)
	})
	if !ok {
		return view{}, false
	}
	changed, ok := owner.withAffine(b, x.of, dim, scale, shift)
	if !ok {
		return view{}, false
	}
	out := x
	out.of = &node{op: changed, dims: x.of.dims, in: x.of.in, dtype: x.of.dtype, label: x.of.label}
	out.off = slices.Clone(x.off)
	return out, true
}
