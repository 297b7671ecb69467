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

// ofImage refuses a value that is not a batch of one image.
func ofImage(v view) {
	if len(v.axes) < 3 || len(v.axes[0]) != 0 {
		refuse("has an input of shape %v, need [1,C,…]", v.shape())
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
	v = b.reshaped(v, slices.Concat([]int{1, groups, shape[1] / groups}, shape[2:]))
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

func opLayerNormalization(b *builder, n *nodeProto, in []view) []view {
	axis := axisOf(b.attrInt("axis", -1), len(in[0].axes))
	if len(n.outputs) > 1 {
		for _, name := range n.outputs[1:] {
			if b.users[name] > 0 {
				refuse("has a used second or third output, need only the first")
			}
		}
	}
	v := b.normalized(in[0], axis, b.attrFloat("epsilon", 1e-5))
	if scale := optional(in, 1); scale.of != nil {
		v = b.binary("mul", v, scale)
	}
	if shift := optional(in, 2); shift.of != nil {
		v = b.binary("add", v, shift)
	}
	return []view{v}
}

// opBatchNormalization is that of inference: a scale and a shift per channel.
func opBatchNormalization(b *builder, n *nodeProto, in []view) []view {
	if len(in[0].axes) < 2 || b.attrInt("training_mode", 0) != 0 {
		refuse("has an input of shape %v, need [1,C,…], and no training_mode", in[0].shape())
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
