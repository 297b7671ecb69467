package onnx

import (
	"math"
	"slices"
)

// typeOf returns the dtype of an attribute.
func typeOf(element int) dtype {
	t, err := dtypeOf(element)
	if err != nil {
		refuse("casts to a type that %v", err)
	}
	return t
}

func opCast(b *builder, n *nodeProto, in []view) []view {
	return []view{b.cast(in[0], typeOf(b.attrInt("to", 1)))}
}

func opCastLike(b *builder, n *nodeProto, in []view) []view {
	return []view{b.cast(in[0], in[1].of.dtype)}
}

// cast returns v as numbers of a type. Floating types keep their numbers.
func (b *builder) cast(v view, t dtype) view {
	if v.size() == 0 {
		return b.constant(v.shape(), t, nil)
	}
	if t == v.of.dtype || !v.known() && t <= double && v.of.dtype <= double {
		return v
	}
	if !v.known() {
		if t == integer && v.of.dtype <= double {
			v = b.unary(v, "trunc", 0, 0)
			v.of.dtype = integer // whose quotients are truncated
		} else if t <= double && v.of.dtype == integer {
			v = b.retyped(v, t)
		} else if t == boolean && v.of.dtype != boolean {
			v = b.negated(b.binary("equal", v, b.constant(nil, float, []float64{0})))
		}
		return v
	}
	dims, flat, back := v.onto()
	return back(b.computed(dims, t, func() []float64 {
		numbers := flat.numbers()
		for i, x := range numbers {
			switch {
			case t == integer:
				numbers[i] = math.Trunc(x)
			case t == boolean:
				numbers[i] = truth(x != 0)
			}
		}
		return numbers
	}, v).of)
}

// opDropout is that of inference, also where a network was exported while training: it returns
// its input, and that all of it was kept.
func opDropout(b *builder, n *nodeProto, in []view) []view {
	return []view{in[0], b.expanded(b.constant(nil, boolean, []float64{1}), in[0].shape())}
}

// opDequantizeLinear is (x − zero point)·scale, with one of each or one for each index along an
// axis.
func opDequantizeLinear(b *builder, n *nodeProto, in []view) []view {
	v := b.cast(in[0], float)
	along := func(w view) view {
		if len(w.axes) == 0 {
			return w
		}
		rank := len(v.axes)
		if len(w.axes) != 1 || b.attrInt("block_size", 0) != 0 {
			refuse("has a scale or zero point of shape %v in blocks of %d, need one number, or a vector without blocks", w.shape(), b.attrInt("block_size", 0))
		}
		tall := slices.Repeat([]int{1}, rank)
		tall[axisOf(b.attrInt("axis", 1), rank)] = w.size()
		return b.reshaped(w, tall)
	}
	if zero := optional(in, 2); zero.of != nil {
		v = b.binary("sub", v, b.cast(along(zero), float))
	}
	return []view{b.binary("mul", v, along(in[1]))}
}

// retyped returns v with another type, by which operators choose how they compute.
func (b *builder) retyped(v view, t dtype) view {
	if i, ok := v.of.op.(input); ok {
		n := *v.of
		n.op, n.dtype = i, t
		return view{of: &n, off: v.off, axes: v.axes}
	}
	out := b.copied(v, false)
	out.of.dtype = t
	return out
}

// negated is the logical not.
func (b *builder) negated(v view) view { return b.unary(v, "affine", -1, 1) }

func opConstant(b *builder, n *nodeProto, in []view) []view {
	for name, a := range n.attributes {
		switch {
		case a.tensor != nil:
			c, err := b.file.constant(a.tensor)
			if err != nil {
				refuse("%w", err)
			}
			return []view{b.sized(c)}
		case name == "value_float":
			return []view{b.constant(nil, float, []float64{float64(a.f)})}
		case name == "value_int":
			return []view{b.constant(nil, integer, []float64{float64(a.i)})}
		case name == "value_ints":
			return []view{b.constant([]int{len(a.ints)}, integer, toFloat64(a.ints))}
		case name == "value_floats":
			return []view{b.constant([]int{len(a.floats)}, float, toFloat64(a.floats))}
		}
	}
	refuse("has no value of numbers")
	return nil
}

func toFloat64[T int64 | float32](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// sized returns a view of a constant with one axis per dimension, including those of one
// element.
func (b *builder) sized(n *node) view {
	shape := n.dims
	n.dims = nil
	return b.add(n, shape)
}

func opConstantOfShape(b *builder, n *nodeProto, in []view) []view {
	value := b.constant(nil, float, []float64{0})
	if a := n.attributes["value"]; a != nil && a.tensor != nil {
		c, err := b.file.constant(a.tensor)
		if err != nil || len(c.dims) > 1 || len(c.dims) == 1 && c.dims[0] != 1 {
			refuse("value is not a single number")
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
		refuse("has the range %g to %g in steps of %g, need at most 2^20 numbers", start, limit, step)
	}
	out := make([]float64, int(count))
	for i := range out {
		out[i] = start + float64(float64(i)*step)
	}
	return []view{b.constant([]int{len(out)}, in[0].of.dtype, out)}
}
