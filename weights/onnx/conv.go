package onnx

import (
	"math"
	"slices"

	"tweedie/core/graph"
)

// conv is a convolution of an image [C,H,W] by constants [out,C,size,size]. Its dims are out, H
// and W.
type conv struct {
	graph.Conv
	weight, bias view
}

func (o conv) withAffine(b *builder, n *node, dim int, scale, shift view) (op, bool) {
	if dim != 0 || len(n.dims) != 3 {
		return nil, false
	}
	o.weight, o.bias = b.rescaled(o.weight, o.bias, scale, shift)
	return o, true
}

// padding adds zeros before, after and between the elements of dims. Its input has one axis per
// dim.
type padding struct{ before, after, inside []int }

// window is the geometry of Conv, ConvTranspose and the pooling operators, in height and width.
type window struct {
	size, stride, dilation, before, after [2]int
	ceil                                  bool
}

// windowOf reads the sizes, steps and padding of the current node, for a kernel of that size.
func (b *builder) windowOf(n *nodeProto, size [2]int, rank int) window {
	w := window{size: size, stride: [2]int{1, 1}, dilation: [2]int{1, 1}}
	pair := func(name string, to *[2]int) {
		switch a := b.attrInts(name, nil); {
		case a == nil:
		case rank == 1 && len(a) == 1:
			to[1] = a[0]
		case rank == 2 && len(a) == 2:
			*to = [2]int(a)
		default:
			refuse("%s is %v, need %d numbers", name, a, rank)
		}
	}
	pair("strides", &w.stride)
	pair("dilations", &w.dilation)
	w.ceil = b.attrInt("ceil_mode", 0) != 0
	pads := b.attrInts("pads", make([]int, 2*rank))
	if len(pads) != 2*rank {
		refuse("pads are %v, need %d numbers", pads, 2*rank)
	}
	for i := range rank {
		w.before[2-rank+i], w.after[2-rank+i] = pads[i], pads[rank+i]
	}
	for i := range 2 {
		if !within(w.size[i], 1, 1<<12) || !within(w.stride[i], 1, 1<<12) || !within(w.dilation[i], 1, 1<<12) ||
			!within(w.before[i], 0, 1<<12) || !within(w.after[i], 0, 1<<12) {
			refuse("has a window %+v, need sizes, strides and dilations of 1 to 4096 and padding of 0 to 4096", w)
		}
	}
	return w
}

// window reads the attributes of the current node, for a kernel of that size and an image
// [C,H,W].
func (b *builder) window(n *nodeProto, size [2]int, image []int, rank int) window {
	w := b.windowOf(n, size, rank)
	for i := range 2 {
		extent := (w.size[i]-1)*w.dilation[i] + 1
		switch auto := b.attrString("auto_pad", "NOTSET"); auto {
		case "NOTSET", "":
		case "VALID":
			w.before[i], w.after[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			out := (image[1+i] + w.stride[i] - 1) / w.stride[i]
			all := max(0, (out-1)*w.stride[i]+extent-image[1+i])
			w.before[i] = all / 2
			if auto == "SAME_LOWER" {
				w.before[i] = all - all/2
			}
			w.after[i] = all - w.before[i]
		default:
			refuse("auto_pad is %q, need NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
		}
		if image[1+i]+w.before[i]+w.after[i] < extent {
			refuse("has a window of %d pixels on an axis of %d, need one that fits", extent, image[1+i]+w.before[i]+w.after[i])
		}
	}
	return w
}

func within(v, low, high int) bool { return v >= low && v <= high }

// imageOf returns x [1,C,H,W] or [1,C,L] as [C,H,W], and the number of spatial axes.
func (b *builder) imageOf(x view) (image view, rank int) {
	rank = len(x.axes) - 2
	if rank != 1 && rank != 2 || len(x.axes[0]) != 0 {
		refuse("has an input of shape %v, need [1,C,H,W] or [1,C,L]", x.shape())
	}
	image = view{of: x.of, off: x.off, axes: slices.Clone(x.axes[1:])}
	if rank == 1 {
		image.axes = slices.Insert(image.axes, 1, []atom(nil))
	}
	return image, rank
}

// unimage is the inverse of imageOf.
func unimage(x view, rank int) view {
	out := view{of: x.of, off: x.off, axes: slices.Insert(slices.Clone(x.axes), 0, []atom(nil))}
	if rank == 1 {
		out.axes = slices.Delete(out.axes, 2, 3)
	}
	return out
}

// kernelOf returns the weights of a convolution as [out,in,h,w], and h and w.
func (b *builder) kernelOf(w view, rank int) (view, [2]int) {
	if !w.known() || len(w.axes) != rank+2 || w.size() == 0 {
		refuse("has weights of shape %v, need constants of %d axes", w.shape(), rank+2)
	}
	if rank == 1 {
		w.axes = slices.Insert(slices.Clone(w.axes), 2, []atom(nil))
	}
	s := w.shape()
	return w, [2]int{s[2], s[3]}
}

// convolved returns the convolution of an image [C,H,W].
func (b *builder) convolved(x, weight, bias view, w window, groups int) view {
	weight = b.grouped(weight, groups, x.shape()[0])
	if w.stride[0] != w.stride[1] || w.dilation[0] != w.dilation[1] {
		weight, w = b.equalSteps(x, weight, w)
	}
	if w.size[0] != w.size[1] {
		weight, w = b.squareKernel(weight, w)
	}
	if w.before[0] != w.before[1] || w.after[0] != w.after[1] {
		x = b.padded(x, []int{0, w.before[0], w.before[1]}, []int{0, w.after[0], w.after[1]}, make([]int, 3))
		w.before, w.after = [2]int{}, [2]int{}
	} else if inner, before, after, ok := zerosAround(x); ok {
		x = inner
		for i := range 2 {
			w.before[i], w.after[i] = w.before[i]+before, w.after[i]+after
		}
	}
	s := x.shape()
	o := conv{Conv: graph.Conv{Size: w.size[0], Stride: w.stride[0], Before: w.before[0], After: w.after[0]}, weight: weight, bias: bias}
	if w.dilation[0] > 1 {
		o.Dilation = w.dilation[0]
	}
	if bias.of != nil && (!bias.known() || bias.size() != weight.shape()[0]) {
		refuse("has biases of shape %v, need %d constants", bias.shape(), weight.shape()[0])
	}
	out := []int{weight.shape()[0], 0, 0}
	for i := range 2 {
		out[1+i] = (s[1+i]+w.before[i]+w.after[i]-(w.size[i]-1)*w.dilation[i]-1)/w.stride[i] + 1
	}
	return b.add(&node{op: o, in: []view{x}}, out)
}

// zerosAround returns the input of x if x is a padding of an image [C,H,W] by zeros, equally on
// both spatial axes and nowhere else.
func zerosAround(x view) (inner view, before, after int, ok bool) {
	p, is := x.of.op.(padding)
	if !is || len(x.of.dims) != 3 || !same(x, whole(x.of)) {
		return view{}, 0, 0, false
	}
	before, after = p.before[1], p.after[1]
	ok = p.before[0] == 0 && p.after[0] == 0 && p.before[2] == before && p.after[2] == after &&
		before >= 0 && after >= 0 && !slices.ContainsFunc(p.inside, func(n int) bool { return n != 0 })
	return x.of.in[0], before, after, ok
}

// maxDense bounds the weights of a convolution after expansion to one group and a square
// kernel.
const maxDense = 1 << 25

// grouped expands the weights [out,C/groups,h,w] of a convolution in groups to those of one
// group, with zeros.
func (b *builder) grouped(weight view, groups, channels int) view {
	s := weight.shape()
	if groups < 1 || s[1]*groups != channels || s[0]%groups != 0 {
		refuse("has weights of shape %v in %d groups for %d channels, need shapes that match", s, groups, channels)
	}
	if groups == 1 {
		return weight
	}
	taps := s[2] * s[3]
	if s[0]*channels > maxDense/taps {
		refuse("has %d groups, need fewer or smaller ones: expanded to one group they have more than %d weights", groups, maxDense)
	}
	return b.renamed(b.computed([]int{s[0], channels, s[2], s[3]}, float, func() []float64 {
		all, dense := weight.numbers(), make([]float64, s[0]*channels*taps)
		for o := range s[0] {
			group := o / (s[0] / groups)
			copy(dense[(o*channels+group*s[1])*taps:], all[o*s[1]*taps:(o+1)*s[1]*taps])
		}
		return dense
	}, weight), weight)
}

// squareKernel adds zeros to a kernel so that it is square, and padding to match.
func (b *builder) squareKernel(weight view, w window) (view, window) {
	side := max(w.size[0], w.size[1])
	for i := range 2 {
		w.after[i] += (side - w.size[i]) * w.dilation[i]
	}
	return b.spreadKernel(weight, [2]int{side, side}, [2]int{1, 1}), window{
		size: [2]int{side, side}, stride: w.stride, dilation: w.dilation, before: w.before, after: w.after,
	}
}

// equalSteps expands a kernel with different dilations in height and width. Different strides
// are refused, unless the output has one element along one of the axes.
func (b *builder) equalSteps(x, weight view, w window) (view, window) {
	s := x.shape()
	for i := range 2 {
		extent := (w.size[i]-1)*w.dilation[i] + 1
		if s[1+i]+w.before[i]+w.after[i]-extent < w.stride[i] {
			w.stride[i] = w.stride[1-i]
		}
	}
	if w.stride[0] != w.stride[1] {
		refuse("has strides %v, need equal ones", w.stride)
	}
	if w.dilation[0] != w.dilation[1] {
		size := [2]int{(w.size[0]-1)*w.dilation[0] + 1, (w.size[1]-1)*w.dilation[1] + 1}
		weight = b.spreadKernel(weight, size, w.dilation)
		w.size, w.dilation = size, [2]int{1, 1}
	}
	return weight, w
}

// spreadKernel spreads the taps of a kernel [out,in,h,w] step apart into a kernel of another
// size.
func (b *builder) spreadKernel(weight view, size, step [2]int) view {
	s := weight.shape()
	if size[0]*size[1] > maxDense/(s[0]*s[1]) {
		refuse("has a kernel of %v, need a smaller one", size)
	}
	return b.renamed(b.computed([]int{s[0], s[1], size[0], size[1]}, float, func() []float64 {
		out := make([]float64, s[0]*s[1]*size[0]*size[1])
		for i, x := range weight.numbers() {
			col, row, plane := i%s[3], i/s[3]%s[2], i/(s[3]*s[2])
			out[(plane*size[0]+row*step[0])*size[1]+col*step[1]] = x
		}
		return out
	}, weight), weight)
}

// padded adds zeros before, after and between the elements of each axis. Negative numbers
// remove elements.
func (b *builder) padded(x view, before, after, inside []int) view {
	s := x.shape()
	if !slices.ContainsFunc(slices.Concat(before, after, inside), func(n int) bool { return n != 0 }) {
		return x
	}
	p := padding{}
	var axes [][]atom
	for i, n := range s {
		if n == 1 && before[i] == 0 && after[i] == 0 {
			continue
		}
		s[i] = (n-1)*(1+inside[i]) + 1 + before[i] + after[i]
		if s[i] < 1 {
			refuse("pads shape %v by %v and %v, need at least one element in the result", x.shape(), before, after)
		}
		axes = append(axes, x.axes[i])
		p.before, p.after, p.inside = append(p.before, before[i]), append(p.after, after[i]), append(p.inside, inside[i])
	}
	in := view{of: x.of, off: x.off, axes: axes}
	n := &node{op: p, in: []view{in}, dtype: x.of.dtype}
	out := b.add(n, s)
	if len(n.dims) != len(axes) {
		refuse("pads shape %v to %v, need more than one element along padded axes", x.shape(), s)
	}
	return out
}

func opConv(b *builder, n *nodeProto, in []view) []view {
	if len(in[0].axes) > 2 && len(in[0].axes[0]) > 0 {
		return []view{b.eachConvolved(n, in)}
	}
	x, rank := b.imageOf(in[0])
	weight, size := b.kernelOf(in[1], rank)
	w := b.window(n, size, x.shape(), rank)
	out := b.convolved(x, weight, optional(in, 2), w, b.attrInt("group", 1))
	return []view{unimage(out, rank)}
}

// eachConvolved is a convolution of [N,C,H,W] or [N,C,L] with N over one. Exporters write so a
// filter that is applied to several channels. It becomes one convolution in N times the groups.
func (b *builder) eachConvolved(n *nodeProto, in []view) view {
	s := in[0].shape()
	count, groups := s[0], b.attrInt("group", 1)
	image, rank := b.imageOf(b.reshaped(in[0], append([]int{1, count * s[1]}, s[2:]...)))
	weight, size := b.kernelOf(in[1], rank)
	w := b.window(n, size, image.shape(), rank)
	t := weight.shape()
	if out, ok := b.filtered(image, weight, w); ok && s[1] == 1 && t[0] == 1 && optional(in, 2).of == nil {
		return b.eachImage(out, count, rank)
	}
	if !within(groups, 1, t[0]) || count*t[0] > maxDense/(t[1]*t[2]*t[3]) {
		refuse("filters %d images by weights of shape %v in %d groups, need fewer", count, t, groups)
	}
	bias := optional(in, 2)
	if bias.of != nil {
		bias = b.repeatedFirst(bias, count)
	}
	return b.eachImage(b.convolved(image, b.repeatedFirst(weight, count), bias, w, count*groups), count, rank)
}

// eachImage returns the channels of x [N·C,H,W] as those of N images.
func (b *builder) eachImage(x view, count, rank int) view {
	v := unimage(x, rank)
	s := v.shape()
	return b.reshaped(v, append([]int{count, s[1] / count}, s[2:]...))
}

// filtered applies the one kernel [1,1,h,w] to every channel of an image, along one axis and
// then the other, if the kernel is separable.
func (b *builder) filtered(x, weight view, w window) (view, bool) {
	if weight.size() != w.size[0]*w.size[1] {
		return view{}, false
	}
	all := weight.numbers()
	at := 0
	for i := range all {
		if math.Abs(all[i]) > math.Abs(all[at]) {
			at = i
		}
	}
	row, column := at/w.size[1], at%w.size[1]
	factors := [2][]float32{}
	for i := range w.size[0] {
		factors[0] = append(factors[0], float32(all[i*w.size[1]+column]/all[at]))
	}
	for j := range w.size[1] {
		factors[1] = append(factors[1], float32(all[row*w.size[1]+j]))
	}
	for i, v := range all {
		if d := float64(factors[0][i/w.size[1]])*float64(factors[1][i%w.size[1]]) - v; !(math.Abs(d) <= 1e-6*math.Abs(all[at])) {
			return view{}, false
		}
	}
	s := x.shape()
	for k := range 2 {
		var index []int
		var weights []float32
		out := (s[1+k]+w.before[k]+w.after[k]-(w.size[k]-1)*w.dilation[k]-1)/w.stride[k] + 1
		for i := range out {
			for j := range w.size[k] {
				from := i*w.stride[k] + j*w.dilation[k] - w.before[k]
				if from < 0 || from >= s[1+k] {
					from = -1
				}
				index, weights = append(index, from), append(weights, factors[k][j])
			}
		}
		if out == 1 || s[1+k] == 1 {
			return view{}, false
		}
		x = b.weightedSums(x, 1+k, w.size[k], index, weights)
	}
	return x, true
}
