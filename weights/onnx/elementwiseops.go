package onnx

import (
	"math"
	"slices"
)

// opUnary is an operator of one input.
func opUnary(fn string, a, c float64) func(*builder, *nodeProto, []view) []view {
	return func(b *builder, n *nodeProto, in []view) []view { return []view{b.unary(in[0], fn, a, c)} }
}

// opBinary is an operator of two inputs, or of several, applied one after another.
func opBinary(fn string) func(*builder, *nodeProto, []view) []view {
	return func(b *builder, n *nodeProto, in []view) []view {
		out := in[0]
		for _, v := range in[1:] {
			out = b.binary(fn, out, v)
		}
		return []view{out}
	}
}

func opGreater(b *builder, n *nodeProto, in []view) []view {
	return []view{b.binary("less", in[1], in[0])}
}

func opNotLess(b *builder, n *nodeProto, in []view) []view {
	return []view{b.negated(b.binary("less", in[0], in[1]))}
}

func opNotGreater(b *builder, n *nodeProto, in []view) []view {
	return []view{b.negated(b.binary("less", in[1], in[0]))}
}

func opNot(b *builder, n *nodeProto, in []view) []view { return []view{b.negated(in[0])} }

func opWhere(b *builder, n *nodeProto, in []view) []view {
	if c, ok := in[0].uniform(); ok {
		pick := in[2]
		if c != 0 {
			pick = in[1]
		}
		return []view{b.broadcast(pick, in[0], in[1], in[2])[0]}
	}
	yes, no := b.binary("where", in[0], in[1]), b.binary("where", b.negated(in[0]), in[2])
	return []view{b.binary("add", yes, no)}
}

func opElu(b *builder, n *nodeProto, in []view) []view {
	return []view{b.unary(in[0], "elu", b.attrFloat("alpha", 1), 0)}
}

func opGelu(b *builder, n *nodeProto, in []view) []view {
	x := in[0]
	if b.attrString("approximate", "none") != "tanh" {
		return []view{b.unary(x, "gelu", 0, 0)}
	}
	// ½x(1 + tanh(√(2/π)(x + 0.044715x³)))
	inner := b.binary("add", x, b.unary(b.power(x, 3), "affine", 0.044715, 0))
	gate := b.unary(b.unary(b.unary(inner, "affine", math.Sqrt(2/math.Pi), 0), "tanh", 0, 0), "affine", 0.5, 0.5)
	return []view{b.binary("mul", x, gate)}
}

func opLeakyRelu(b *builder, n *nodeProto, in []view) []view {
	return []view{b.unary(in[0], "leaky_relu", b.attrFloat("alpha", 0.01), 0)}
}

func opPRelu(b *builder, n *nodeProto, in []view) []view {
	up := b.unary(in[0], "clip", 0, math.MaxFloat32)
	down := b.unary(in[0], "clip", -math.MaxFloat32, 0)
	return []view{b.binary("add", up, b.binary("mul", down, in[1]))}
}

func opHardSigmoid(b *builder, n *nodeProto, in []view) []view {
	line := b.unary(in[0], "affine", b.attrFloat("alpha", 0.2), b.attrFloat("beta", 0.5))
	return []view{b.unary(line, "clip", 0, 1)}
}

func opHardSwish(b *builder, n *nodeProto, in []view) []view {
	gate := b.unary(b.unary(in[0], "affine", 1.0/6, 0.5), "clip", 0, 1)
	return []view{b.binary("mul", in[0], gate)}
}

func opMish(b *builder, n *nodeProto, in []view) []view {
	gate := b.unary(b.unary(in[0], "softplus", 0, 0), "tanh", 0, 0)
	return []view{b.binary("mul", in[0], gate)}
}

// opClip has its limits as attributes in version 6 and as inputs later.
func opClip(b *builder, n *nodeProto, in []view) []view {
	low, high := b.attrFloat("min", -math.MaxFloat32), b.attrFloat("max", math.MaxFloat32)
	if v := optional(in, 1); v.of != nil {
		low = constantOf(v)
	}
	if v := optional(in, 2); v.of != nil {
		high = constantOf(v)
	}
	low, high = max(low, -math.MaxFloat32), min(high, math.MaxFloat32)
	return []view{b.unary(in[0], "clip", low, high)}
}

// opReduce reduces along axes.
func opReduce(fn string) func(*builder, *nodeProto, []view) []view {
	return func(b *builder, n *nodeProto, in []view) []view { return []view{b.reduce(in, in[0], fn)} }
}

// reduce reduces v as the attributes of the current node specify.
func (b *builder) reduce(in []view, v view, fn string) view {
	axes := b.axes(in, 1, len(v.axes))
	if len(axes) == 0 {
		if b.attrInt("noop_with_empty_axes", 0) != 0 {
			return v
		}
		for k := range v.axes {
			axes = append(axes, k)
		}
	}
	out := b.reduced(v, fn, axes)
	if b.attrInt("keepdims", 1) == 0 {
		for _, k := range slices.Backward(axes) {
			out.axes = slices.Delete(slices.Clone(out.axes), k, k+1)
		}
	}
	return out
}

func opMean(b *builder, n *nodeProto, in []view) []view {
	return []view{b.unary(opBinary("add")(b, n, in)[0], "affine", 1/float64(len(in)), 0)}
}

// opSelu is γ·x for positive x and γ·α(eˣ − 1) for others.
func opSelu(b *builder, n *nodeProto, in []view) []view {
	v := b.unary(in[0], "elu", b.attrFloat("alpha", 1.67326319217681884765625), 0)
	return []view{b.unary(v, "affine", b.attrFloat("gamma", 1.05070102214813232421875), 0)}
}

// opCelu is x for positive x and α(e^(x/α) − 1) for others.
func opCelu(b *builder, n *nodeProto, in []view) []view {
	alpha := b.attrFloat("alpha", 1)
	return []view{b.unary(b.unary(b.unary(in[0], "affine", 1/alpha, 0), "elu", 1, 0), "affine", alpha, 0)}
}

func opThresholdedRelu(b *builder, n *nodeProto, in []view) []view {
	limit := b.constant(nil, float, []float64{b.attrFloat("alpha", 1)})
	return []view{b.binary("where", b.binary("less", limit, in[0]), in[0])}
}

// opShrink is x + bias below −λ, x − bias above λ, and 0 between.
func opShrink(b *builder, n *nodeProto, in []view) []view {
	limit, bias := b.attrFloat("lambd", 0.5), b.attrFloat("bias", 0)
	below := b.binary("less", in[0], b.constant(nil, float, []float64{-limit}))
	above := b.binary("less", b.constant(nil, float, []float64{limit}), in[0])
	return []view{b.binary("add", b.binary("where", below, b.unary(in[0], "affine", 1, bias)), b.binary("where", above, b.unary(in[0], "affine", 1, -bias)))}
}

func opSoftsign(b *builder, n *nodeProto, in []view) []view {
	return []view{b.binary("div", in[0], b.unary(b.unary(in[0], "abs", 0, 0), "affine", 1, 1))}
}

func opTan(b *builder, n *nodeProto, in []view) []view {
	return []view{b.binary("div", b.unary(in[0], "sin", 0, 0), b.unary(in[0], "cos", 0, 0))}
}

// opHyperbolic is ½(eˣ + sign·e⁻ˣ).
func opHyperbolic(sign float64) func(*builder, *nodeProto, []view) []view {
	return func(b *builder, n *nodeProto, in []view) []view {
		up := b.unary(b.unary(in[0], "exp", 0, 0), "affine", 0.5, 0)
		down := b.unary(b.unary(b.negative(in[0]), "exp", 0, 0), "affine", 0.5*sign, 0)
		return []view{b.binary("add", up, down)}
	}
}

func (b *builder) negative(v view) view { return b.unary(v, "affine", -1, 0) }

// opReduceOf reduces a function of its input, and applies another function to the result.
func opReduceOf(before, fn, after string) func(*builder, *nodeProto, []view) []view {
	return func(b *builder, n *nodeProto, in []view) []view {
		v := in[0]
		if before != "" {
			v = b.unary(v, before, 0, 0)
		}
		if v = b.reduce(in, v, fn); after != "" {
			v = b.unary(v, after, 0, 0)
		}
		return []view{v}
	}
}

// opReduceLogSumExp is m + log Σ exp(x − m), m the largest.
func opReduceLogSumExp(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	axes := b.axes(in, 1, len(v.axes))
	if len(axes) == 0 {
		axes = counting(len(v.axes))
	}
	shifted := b.binary("sub", v, b.reduced(v, "max", axes))
	sum := b.reduce(in, b.unary(shifted, "exp", 0, 0), "sum")
	return []view{b.binary("add", b.unary(sum, "log", 0, 0), b.reduce(in, v, "max"))}
}

func opXor(b *builder, n *nodeProto, in []view) []view {
	return []view{b.negated(b.binary("equal", in[0], in[1]))}
}

// opMod is the remainder with the sign of the divisor, or with that of the dividend if fmod is
// set.
func opMod(b *builder, n *nodeProto, in []view) []view {
	x, y := in[0], in[1]
	round := "floor"
	if b.attrInt("fmod", 0) != 0 {
		round = "trunc"
	}
	t := common(x.of.dtype, y.of.dtype)
	whole := b.unary(b.pairwise("div", x, y, float), round, 0, 0)
	return []view{b.pairwise("sub", x, b.pairwise("mul", whole, y, t), t)}
}

// opLogSoftmax is x − m − log Σ exp(x − m), m the largest: the logarithm of Softmax.
func opLogSoftmax(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	rank := len(v.axes)
	axes := []int{axisOf(b.attrInt("axis", -1), rank)}
	if b.opset < 13 { // over all axes from this one on
		axes = nil
		for k := axisOf(b.attrInt("axis", 1), rank); k < rank; k++ {
			axes = append(axes, k)
		}
	}
	shifted := b.binary("sub", v, b.reduced(v, "max", axes))
	sum := b.reduced(b.unary(shifted, "exp", 0, 0), "sum", axes)
	return []view{b.binary("sub", shifted, b.unary(sum, "log", 0, 0))}
}
