package onnx

import (
	"math"
	"slices"
)

// mapping is a function of one number, of kernel.Mappings. Its input has one atom
// a dim.
type mapping struct {
	fn   string
	a, b float32
}

// pairing is a function of two numbers, of kernel.Pairings. Its inputs have one atom
// a dim, of which those of dim −1 repeat.
type pairing struct {
	fn        string
	x, y, out view // what it was asked for, of one shape
}

// under returns what a mapping maps to v, if v is made by that function.
func (v view) madeBy(fn string) (in view, m mapping, ok bool) {
	if v.of == nil {
		return view{}, mapping{}, false
	}
	if m, ok = v.of.op.(mapping); !ok || m.fn != fn {
		return view{}, mapping{}, false
	}
	return under(v), m, true
}

// recognised makes of a function of two values what an exporter took apart for it.
func (b *builder) recognised(fn string, x, y view) (view, bool) {
	for _, pair := range [][2]view{{x, y}, {y, x}} {
		x, y := pair[0], pair[1]
		switch fn {
		case "mul":
			if same(x, y) {
				return b.mapped(x, "square", 0, 0), true
			}
			if in, _, ok := y.madeBy("sigmoid"); ok && same(in, x) {
				return b.mapped(x, "silu", 0, 0), true
			}
			if out, ok := b.gelu(x, y); ok {
				return out, true
			}
			if in, _, ok := y.madeBy("reciprocal"); ok {
				if out, ok := b.standardised(x, in); ok {
					return out, true
				}
			}
			if out, ok := b.weighted(x, y, view{}); ok {
				return out, true
			}
		case "add":
			if out, ok := b.weighted(x, view{}, y); ok {
				return out, true
			}
		}
	}
	if fn == "div" {
		if out, ok := b.standardised(x, y); ok {
			return out, true
		}
		if y.known() {
			return b.zipped("mul", x, b.mapped(y, "reciprocal", 0, 0)), true
		}
	}
	if fn == "sub" && y.known() {
		return b.zipped("add", x, b.mapped(y, "affine", -1, 0)), true
	}
	return view{}, false
}

// gelu recognises x·(1 + erf(x/√2)), which is twice GELU, with x or the other
// factor scaled.
func (b *builder) gelu(x, y view) (view, bool) {
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
	return b.mapped(b.mapped(x, "gelu", 0, 0), "affine", 2*scale, 0), true
}

// along finds the one dim of x's node along which the constant y differs, and
// returns y's numbers along it. x and y have one shape.
func along(x, y view) (dim int, vector view, ok bool) {
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

// weighted multiplies the output of a norm, a convolution or a linear map by
// constants along one of its dims, or adds them: they become its own.
func (b *builder) weighted(x, scale, shift view) (view, bool) {
	y := scale
	if y.of == nil {
		y = shift
	}
	dim, vector, ok := along(x, y)
	if !ok || x.of.users > 1 {
		return view{}, false
	}
	if y.of == scale.of {
		scale, shift = vector, view{}
	} else {
		scale, shift = view{}, vector
	}
	owner, ok := x.of.op.(interface {
		weighted(b *builder, n *node, dim int, scale, shift view) (op, bool)
	})
	if !ok {
		return view{}, false
	}
	changed, ok := owner.weighted(b, x.of, dim, scale, shift)
	if !ok {
		return view{}, false
	}
	out := x
	out.of = &node{op: changed, dims: x.of.dims, in: x.of.in, dtype: x.of.dtype, label: x.of.label}
	out.off = slices.Clone(x.off)
	return out, true
}
