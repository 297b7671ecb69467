package onnx

// opConvTranspose expresses a transposed convolution as a linear map of every pixel to a block
// of pixels, if the windows do not overlap, or else as a convolution of the image with zeros
// between its pixels.
func opConvTranspose(b *builder, n *nodeProto, in []view) []view {
	x, rank := b.imageOf(in[0])
	weight, size := b.kernelOf(in[1], rank) // [in,out/groups,h,w]
	w := b.window(n, size, []int{0, 1 << 20, 1 << 20}, rank)
	extra := [2]int{}
	if a := b.attrInts("output_padding", nil); a != nil {
		if len(a) != rank {
			refuse("output_padding is %v, need %d numbers", a, rank)
		}
		copy(extra[2-rank:], a)
	}
	if b.attrInt("group", 1) != 1 || b.attrInts("output_shape", nil) != nil {
		refuse("has groups or output_shape, need neither")
	}
	if auto := b.attrString("auto_pad", "NOTSET"); auto != "NOTSET" {
		refuse("auto_pad is %q, need NOTSET", auto)
	}
	s, bias := weight.shape(), optional(in, 2)
	if bias.of != nil && (!bias.known() || bias.size() != s[1]) {
		refuse("has biases of shape %v, need %d constants", bias.shape(), s[1])
	}
	if s[0] != x.shape()[0] {
		refuse("has weights of shape %v for %d channels, need the same number", s, x.shape()[0])
	}
	if size == w.stride && w.before == w.after && w.before == extra && extra == [2]int{} && w.dilation == [2]int{1, 1} {
		return []view{unimage(b.blocks(x, weight, bias), rank)}
	}
	// The transposed kernel: taps mirrored, channels exchanged.
	mirrored := b.computed(s, float, weight.numbers, weight)
	for i := range 2 {
		for k := range mirrored.axes[2+i] {
			a := &mirrored.axes[2+i][k]
			mirrored.off[a.dim] += (a.size - 1) * a.step
			a.step = -a.step
		}
	}
	flipped := b.renamed(b.copied(mirrored.transposed([]int{1, 0, 2, 3}), false), weight)
	var before, after, inside [2]int
	for i := range 2 {
		extent := (size[i] - 1) * w.dilation[i]
		before[i], after[i], inside[i] = extent-w.before[i], extent-w.after[i]+extra[i], w.stride[i]-1
	}
	spread := b.padded(x, []int{0, before[0], before[1]}, []int{0, after[0], after[1]}, []int{0, inside[0], inside[1]})
	w.before, w.after, w.stride = [2]int{}, [2]int{}, [2]int{1, 1}
	return []view{unimage(b.convolved(spread, flipped, bias, w, 1), rank)}
}

// blocks maps every pixel of x [C,H,W] by weights [C,out,h,w] to a block of h×w pixels.
func (b *builder) blocks(x, weight, bias view) view {
	s, t := weight.shape(), x.shape()
	rows := b.reshaped(weight.transposed([]int{1, 2, 3, 0}), []int{s[1] * s[2] * s[3], s[0]})
	out := b.linearOf(x.transposed([]int{1, 2, 0}), b.renamed(b.copied(rows, false), weight))
	if bias.of != nil {
		tall := b.expanded(b.reshaped(bias, []int{s[1], 1, 1}), []int{s[1], s[2], s[3]})
		out = b.binary("add", out, b.renamed(b.copied(b.reshaped(tall, []int{s[1] * s[2] * s[3]}), false), bias))
	}
	out = b.reshaped(out, []int{t[1], t[2], s[1], s[2], s[3]}).transposed([]int{2, 0, 3, 1, 4})
	return b.reshaped(out, []int{s[1], t[1] * s[2], t[2] * s[3]})
}
