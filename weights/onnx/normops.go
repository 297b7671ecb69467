package onnx

import "slices"

// perChannel returns a constant vector [C] with axes to broadcast over an image of that rank.
func (b *builder) perChannel(v view, rank int) view {
	if len(v.axes) != 1 {
		refuse("has a vector of shape %v, need [C]", v.shape())
	}
	out := view{of: v.of, off: v.off, axes: slices.Clone(v.axes)}
	for range rank - 2 {
		out.axes = append(out.axes, nil)
	}
	return out
}

// affine returns v·scale + shift.
func (b *builder) affine(v, scale, shift view) view {
	return b.binary("add", b.binary("mul", v, scale), shift)
}

// ofImage refuses a value that is not a batch of images.
func ofImage(v view) {
	if len(v.axes) < 3 {
		refuse("has an input of shape %v, need [N,C,…]", v.shape())
	}
}

func opInstanceNormalization(b *builder, n *nodeProto, in []view) []view {
	ofImage(in[0])
	v := b.normalized(in[0], 2, b.attrFloat("epsilon", 1e-5))
	rank := len(v.axes)
	return []view{b.affine(v, b.perChannel(in[1], rank), b.perChannel(in[2], rank))}
}

// opGroupNormalization: scale and bias are [groups] in version 18, [C] in version 21.
func opGroupNormalization(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	ofImage(v)
	shape, groups := v.shape(), b.attrInt("num_groups", 0)
	if groups < 1 || shape[1]%groups != 0 {
		refuse("has %d groups, need a divisor of %d channels", groups, shape[1])
	}
	v = b.reshaped(v, slices.Concat([]int{shape[0], groups, shape[1] / groups}, shape[2:]))
	v = b.normalized(v, 2, b.attrFloat("epsilon", 1e-5))
	vectors := []view{in[1], in[2]}
	if in[1].size() == groups && groups != shape[1] {
		for i := range vectors {
			vectors[i] = b.reshaped(b.expanded(b.reshaped(vectors[i], []int{groups, 1}), []int{groups, shape[1] / groups}), shape[1:2])
		}
	}
	rank := len(shape)
	return []view{b.affine(b.reshaped(v, shape), b.perChannel(vectors[0], rank), b.perChannel(vectors[1], rank))}
}

// opLayerNormalization also returns the mean and 1/√(var + ε), if they are used.
func opLayerNormalization(b *builder, n *nodeProto, in []view) []view {
	axis := axisOf(b.attrInt("axis", -1), len(in[0].axes))
	eps := b.attrFloat("epsilon", 1e-5)
	v := b.normalized(in[0], axis, eps)
	if scale := optional(in, 1); scale.of != nil {
		v = b.binary("mul", v, scale)
	}
	if shift := optional(in, 2); shift.of != nil {
		v = b.binary("add", v, shift)
	}
	if len(n.outputs) < 2 {
		return []view{v}
	}
	mean, variance := b.moments(in[0], counting(len(in[0].axes))[axis:])
	return []view{v, mean, b.unary(b.unary(b.unary(variance, "affine", 1, eps), "sqrt", 0, 0), "reciprocal", 0, 0)}
}

// moments returns the mean and the variance of v along axes.
func (b *builder) moments(v view, axes []int) (mean, variance view) {
	mean = b.reduced(v, "mean", axes)
	return mean, b.reduced(b.unary(b.binary("sub", v, mean), "square", 0, 0), "mean", axes)
}

// opRMSNormalization is scale·x/√(mean x² + ε) over axis and those after it.
func opRMSNormalization(b *builder, n *nodeProto, in []view) []view {
	rank := len(in[0].axes)
	axes := counting(rank)[axisOf(b.attrInt("axis", -1), rank):]
	mean := b.reduced(b.unary(in[0], "square", 0, 0), "mean", axes)
	root := b.unary(b.unary(mean, "affine", 1, b.attrFloat("epsilon", 1e-5)), "sqrt", 0, 0)
	return []view{b.binary("mul", b.binary("div", in[0], root), in[1])}
}

// opMeanVarianceNormalization is (x − mean)/(σ + 1e-9).
func opMeanVarianceNormalization(b *builder, n *nodeProto, in []view) []view {
	rank := len(in[0].axes)
	var axes []int
	for _, k := range b.attrInts("axes", []int{0, 2, 3}) {
		axes = append(axes, axisOf(k, rank))
	}
	mean, variance := b.moments(in[0], axes)
	deviation := b.unary(b.unary(variance, "sqrt", 0, 0), "affine", 1, 1e-9)
	return []view{b.binary("div", b.binary("sub", in[0], mean), deviation)}
}

// opLRN divides by (bias + α/size·Σ x²)^β, summed over neighbouring channels.
func opLRN(b *builder, n *nodeProto, in []view) []view {
	v, size := in[0], b.attrInt("size", 0)
	ofImage(v)
	channels := v.shape()[1]
	if !within(size, 1, 1<<10) {
		refuse("size is %d, need 1 to 1024", size)
	}
	var index []int
	var weight []float32
	for c := range channels {
		for i := range size {
			at := c - (size-1)/2 + i
			if at >= channels {
				at = -1
			}
			index, weight = append(index, max(at, -1)), append(weight, 1)
		}
	}
	sum := b.weightedSums(b.unary(v, "square", 0, 0), 1, size, index, weight)
	base := b.unary(sum, "affine", b.attrFloat("alpha", 1e-4)/float64(size), b.attrFloat("bias", 1))
	return []view{b.binary("div", v, b.power(base, b.attrFloat("beta", 0.75)))}
}

// opBatchNormalization is that of inference: a scale and a shift per channel.
func opBatchNormalization(b *builder, n *nodeProto, in []view) []view {
	switch {
	case len(in[0].axes) < 2:
		refuse("has an input of shape %v, need [N,C,…]", in[0].shape())
	case b.attrInt("training_mode", 0) != 0 || b.attrInt("spatial", 1) != 1:
		refuse("has training_mode 1 or spatial 0, which is not supported")
	}
	deviation := b.unary(b.unary(in[4], "affine", 1, b.attrFloat("epsilon", 1e-5)), "sqrt", 0, 0)
	scale := b.binary("div", in[1], deviation)
	shift := b.binary("sub", in[2], b.binary("mul", in[3], scale))
	rank := len(in[0].axes)
	return []view{b.affine(in[0], b.perChannel(scale, rank), b.perChannel(shift, rank))}
}

// opSoftmax: before version 13 over axis and all axes after it, later over one axis.
func opSoftmax(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	shape, axis := v.shape(), -1
	if b.opset >= 13 {
		return []view{b.softmaxOf(v, axisOf(b.attrInt("axis", axis), len(shape)))}
	}
	axis = axisOf(b.attrInt("axis", 1), len(shape))
	var joined []atom
	for _, a := range v.axes[axis:] {
		joined = append(joined, a...)
	}
	flat := view{of: v.of, off: v.off, axes: append(slices.Clone(v.axes[:axis]), joined)}.tidy()
	return []view{b.reshaped(b.softmaxOf(flat, axis), shape)}
}
