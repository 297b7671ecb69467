package onnx

import "slices"

// poolOf reads the window of a pooling operator, and the image [C,H,W].
func (b *builder) poolOf(n *nodeProto, v view) (image view, rank int, w window) {
	image, rank = b.imageOf(v)
	k := b.attrInts("kernel_shape", nil)
	if len(k) != rank {
		refuse("kernel_shape is %v, need %d numbers", k, rank)
	}
	size := [2]int{1, 1}
	copy(size[2-rank:], k)
	return image, rank, b.window(n, size, image.shape(), rank)
}

// opPool applies a pooling operator to one image, or to several as the channels of one.
func opPool(pool func(*builder, *nodeProto, view) view) func(*builder, *nodeProto, []view) []view {
	return func(b *builder, n *nodeProto, in []view) []view {
		s := in[0].shape()
		if len(s) < 3 || s[0] == 1 {
			return []view{pool(b, n, in[0])}
		}
		out := pool(b, n, b.reshaped(in[0], append([]int{1, s[0] * s[1]}, s[2:]...)))
		return []view{b.reshaped(out, append([]int{s[0], s[1]}, out.shape()[2:]...))}
	}
}

// places returns the places along axis i of an image that every window covers; a place outside
// the image is padding.
func (w window) places(i, size int) [][]int {
	extent := (w.size[i]-1)*w.dilation[i] + 1
	rest := size + w.before[i] + w.after[i] - extent
	count := rest/w.stride[i] + 1
	if w.ceil && rest%w.stride[i] != 0 && count*w.stride[i] < size+w.before[i] { // one more window that begins in the image or in the padding before it
		count++
	}
	var out [][]int
	for at := range count {
		var window []int
		for k := range w.size[i] {
			window = append(window, at*w.stride[i]-w.before[i]+k*w.dilation[i])
		}
		out = append(out, window)
	}
	return out
}

// inside returns the places of a window that are in an axis of that size.
func inside(window []int, size int) []int {
	in := slices.DeleteFunc(slices.Clone(window), func(at int) bool { return at < 0 || at >= size })
	if len(in) == 0 {
		refuse("has a window that covers nothing but padding")
	}
	return in
}

// maxPool takes the maximum of shifted images, axis by axis. A place of the padding is
// replaced by one of the same window.
func maxPool(b *builder, n *nodeProto, v view) view {
	if len(n.outputs) > 1 && n.outputs[1] != "" {
		refuse("returns the places of its maxima, which is not supported")
	}
	image, rank, w := b.poolOf(n, v)
	for i := range 2 {
		size := image.shape()[1+i]
		places := w.places(i, size)
		out := view{}
		for k := range w.size[i] {
			var index []int
			for _, window := range places {
				at := window[k]
				if at < 0 || at >= size {
					at = inside(window, size)[0]
				}
				index = append(index, at)
			}
			part := b.gathered(image, 1+i, index)
			if k == 0 {
				out = part
			} else {
				out = b.binary("max", out, part)
			}
		}
		image = out
	}
	return unimage(image, rank)
}

// averagePool takes the mean axis by axis: over all places of a window in the image and its
// padding, or over those in the image.
func averagePool(b *builder, n *nodeProto, v view) view {
	image, rank, w := b.poolOf(n, v)
	padding := b.attrInt("count_include_pad", 0) != 0
	if out, ok := b.squareAverage(image, w, padding); ok {
		return unimage(out, rank)
	}
	for i := range 2 {
		size := image.shape()[1+i]
		places := w.places(i, size)
		var index []int
		var weight []float32
		for _, window := range places {
			share := float32(1 / float64(w.divisor(i, size, window, padding)))
			for _, at := range window {
				if at < 0 || at >= size {
					at = -1
				}
				index, weight = append(index, at), append(weight, share)
			}
		}
		if w.size[i] == 1 && w.stride[i] == 1 {
			continue
		}
		image = b.weightedSums(image, 1+i, w.size[i], index, weight)
	}
	return unimage(image, rank)
}

// divisor returns the number of places that a mean along axis i is over.
func (w window) divisor(i, size int, window []int, padding bool) int {
	if !padding {
		return len(inside(window, size))
	}
	n := 0
	for _, at := range window {
		if at < size+w.after[i] { // not what ceil_mode adds
			n++
		}
	}
	return n
}

// squareAverage is graph.AveragePool, if it has this window.
func (b *builder) squareAverage(image view, w window, padding bool) (view, bool) {
	padded := w.before != [2]int{} || w.after != [2]int{}
	square := w.size[0] == w.size[1] && w.stride[0] == w.stride[1] && w.before[0] == w.before[1] && w.after[0] == w.after[1]
	if !square || w.ceil || w.dilation != [2]int{1, 1} || padded && !padding {
		return view{}, false
	}
	s := image.shape()
	o := poolingOf(w)
	out := []int{s[0], (s[1]+o.Before+o.After-o.Size)/o.Stride + 1, (s[2]+o.Before+o.After-o.Size)/o.Stride + 1}
	return b.add(&node{op: o, in: []view{image}}, out), true
}

// opGlobalPool reduces an image to one number for each channel.
func opGlobalPool(fn string) func(*builder, *nodeProto, []view) []view {
	return func(b *builder, n *nodeProto, in []view) []view {
		var axes []int
		for k := 2; k < len(in[0].axes); k++ {
			axes = append(axes, k)
		}
		return []view{b.reduced(in[0], fn, axes)}
	}
}
