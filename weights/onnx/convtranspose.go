package onnx

import "slices"

// opConvTranspose expresses a transposed convolution as a linear map of every pixel to a block
// of pixels, if the windows do not overlap, or else as a convolution of the image with zeros
// between its pixels.
func opConvTranspose(b *builder, n *nodeProto, in []view) []view {
	groups := b.attrInt("group", 1)
	if s := in[0].shape(); len(s) > 2 && s[0] > 1 { // images become the groups of one
		count := s[0]
		all := []view{b.reshaped(in[0], append([]int{1, count * s[1]}, s[2:]...)), b.repeatedFirst(in[1], count)}
		if bias := optional(in, 2); bias.of != nil {
			all = append(all, b.repeatedFirst(bias, count))
		}
		v := b.transposedConv(n, all, count*groups)
		out := v.shape()
		return []view{b.reshaped(v, append([]int{count, out[1] / count}, out[2:]...))}
	}
	return []view{b.transposedConv(n, in, groups)}
}

// repeatedFirst repeats a constant along its first axis.
func (b *builder) repeatedFirst(v view, count int) view {
	s := v.shape()
	if !v.known() || len(s) == 0 || count > maxDense/max(1, v.size()) {
		refuse("has weights or biases of shape %v for %d images, need constants, and fewer", s, count)
	}
	all := b.expanded(v, append([]int{count}, s...))
	return b.renamed(b.copied(b.reshaped(all, append([]int{count * s[0]}, s[1:]...)), false), v)
}

func (b *builder) transposedConv(n *nodeProto, in []view, groups int) view {
	x, rank := b.imageOf(in[0])
	weight, size := b.kernelOf(in[1], rank) // [in,out/groups,h,w]
	weight = b.ungrouped(weight, groups)
	w, extra := b.transposedWindow(n, size, x.shape(), rank)
	s, bias := weight.shape(), optional(in, 2)
	if bias.of != nil && (!bias.known() || bias.size() != s[1]) {
		refuse("has biases of shape %v, need %d constants", bias.shape(), s[1])
	}
	if s[0] != x.shape()[0] {
		refuse("has weights of shape %v for %d channels, need the same number", s, x.shape()[0])
	}
	if size == w.stride && w.before == w.after && w.before == extra && extra == [2]int{} && w.dilation == [2]int{1, 1} {
		return unimage(b.blocks(x, weight, bias), rank)
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
	return unimage(b.convolved(spread, flipped, bias, w, 1), rank)
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

// transposedWindow reads the geometry of a transposed convolution of an image [C,H,W]. extra is
// the number of rows and columns that are added after the result.
func (b *builder) transposedWindow(n *nodeProto, size [2]int, image []int, rank int) (w window, extra [2]int) {
	w = b.windowOf(n, size, rank)
	pair := func(name string) (out [2]int, ok bool) {
		a := b.attrInts(name, nil)
		if a == nil {
			return out, false
		}
		if len(a) != rank || slices.ContainsFunc(a, func(n int) bool { return !within(n, 0, 1<<12) }) {
			refuse("%s is %v, need %d numbers of 0 to 4096", name, a, rank)
		}
		copy(out[2-rank:], a)
		return out, true
	}
	extra, _ = pair("output_padding")
	shape, given := pair("output_shape")
	auto := b.attrString("auto_pad", "NOTSET")
	for i := 2 - rank; i < 2; i++ {
		all := (image[1+i]-1)*w.stride[i] + extra[i] + (w.size[i]-1)*w.dilation[i] + 1 // without padding
		switch {
		case given:
			all -= shape[i]
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			all -= image[1+i] * w.stride[i]
		case auto == "VALID":
			all = 0
		case auto == "NOTSET":
			continue
		default:
			refuse("auto_pad is %q, need NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
		}
		if all < 0 { // the result is larger than what the windows cover
			extra[i] -= all
			all = 0
		}
		w.before[i], w.after[i] = all-all/2, all/2
		if auto == "SAME_UPPER" {
			w.before[i], w.after[i] = w.after[i], w.before[i]
		}
	}
	return w, extra
}

// ungrouped expands the weights [in,out/groups,h,w] of a transposed convolution in groups to
// those of one group, with zeros.
func (b *builder) ungrouped(weight view, groups int) view {
	s := weight.shape()
	if groups == 1 {
		return weight
	}
	if groups < 1 || s[0]%groups != 0 || s[0]*s[1] > maxDense/groups/(s[2]*s[3]) {
		refuse("has weights of shape %v in %d groups, need a divisor of %d, and at most %d weights in one group", s, groups, s[0], maxDense)
	}
	row := s[1] * s[2] * s[3]
	return b.renamed(b.computed([]int{s[0], s[1] * groups, s[2], s[3]}, float, func() []float64 {
		all, dense := weight.numbers(), make([]float64, s[0]*groups*row)
		for i := range s[0] {
			group := i / (s[0] / groups)
			copy(dense[(i*groups+group)*row:], all[i*row:(i+1)*row])
		}
		return dense
	}, weight), weight)
}
