package kernel

// Window is the geometry of a convolution with a square kernel over images [H,W,C].
// The image is padded with Before rows and columns of zeros at the top and left, and
// After at the bottom and right. Taps are Dilation pixels apart (Yu & Koltun 2016,
// arXiv:1511.07122); 0 means 1.
type Window struct {
	H, W, C       int
	Size, Stride  int
	Before, After int
	Dilation      int
}

// OutH returns the height of the output.
func (w Window) OutH() int { return (w.paddedH()-w.Span())/w.Stride + 1 }

// OutW returns the width of the output.
func (w Window) OutW() int { return (w.paddedW()-w.Span())/w.Stride + 1 }

// Span returns the side of the square that the taps cover.
func (w Window) Span() int { return (w.Size-1)*w.dilation() + 1 }

func (w Window) dilation() int { return max(w.Dilation, 1) }

// Padded returns the length of one padded image.
func (w Window) Padded() int { return w.paddedH() * w.paddedW() * w.C }

func (w Window) paddedH() int { return w.H + w.Before + w.After }
func (w Window) paddedW() int { return w.W + w.Before + w.After }

// Plain reports whether the window has no padding, so that Pad is not needed.
func (w Window) Plain() bool { return w.Before == 0 && w.After == 0 }

// Gather returns the rows and taps with which MatMul computes this convolution over n
// consecutive padded images. Taps are in row-major order.
func (w Window) Gather(n int) *Gather {
	g := &Gather{C: w.C}
	line := w.paddedW() * w.C
	for ky := range w.Size {
		for kx := range w.Size {
			g.Taps = append(g.Taps, int32((ky*line+kx*w.C)*w.dilation()))
		}
	}
	for i := range n {
		for y := range w.OutH() {
			for x := range w.OutW() {
				g.Rows = append(g.Rows, int32(i*w.Padded()+(y*line+x*w.C)*w.Stride))
			}
		}
	}
	return g
}

// Pad writes n images x, each padded with zeros, to dst. It panics if dst or x is too
// short.
func (w Window) Pad(dst, x []float32, n int) {
	if len(dst) < n*w.Padded() || len(x) < n*w.H*w.W*w.C {
		panic("kernel: Pad: dst or x is too short")
	}
	line, row := w.paddedW()*w.C, w.W*w.C
	for i := range n {
		d, s := dst[i*w.Padded():(i+1)*w.Padded()], x[i*w.H*row:]
		clear(d[:w.Before*line])
		for y := range w.H {
			o := d[(y+w.Before)*line : (y+w.Before+1)*line]
			clear(o[:w.Before*w.C])
			copy(o[w.Before*w.C:], s[y*row:(y+1)*row])
			clear(o[w.Before*w.C+row:])
		}
		clear(d[(w.H+w.Before)*line:])
	}
}

// Transposed returns the window of the transposed convolution: applied to the image that
// Spread writes, with the mirrored and transposed weights, it gives the gradient with
// respect to the input of w. n is the number of output channels of w.
func (w Window) Transposed(n int) Window {
	around := w.Span() - 1
	return Window{H: w.H + around, W: w.W + around, C: n, Size: w.Size, Stride: 1, Dilation: w.Dilation}
}

// Spread writes the output gradients dy of n images, c channels each, to dst as the input
// of the window Transposed(c): pixels are Stride apart, with zeros between and around
// them. It panics if dst or dy is too short.
func (w Window) Spread(dst, dy []float32, n, c int) {
	t := w.Transposed(c)
	oh, ow := w.OutH(), w.OutW()
	if len(dst) < n*t.Padded() || len(dy) < n*oh*ow*c {
		panic("kernel: Spread: dst or dy is too short")
	}
	clear(dst[:n*t.Padded()])
	shift := w.Span() - 1 - w.Before
	for i := range n {
		d, s := dst[i*t.Padded():], dy[i*oh*ow*c:]
		for y := range oh {
			o := d[((y*w.Stride+shift)*t.W+shift)*c:]
			if w.Stride == 1 {
				copy(o, s[y*ow*c:(y+1)*ow*c])
				continue
			}
			for x := range ow {
				copy(o[x*w.Stride*c:], s[(y*ow+x)*c:(y*ow+x+1)*c])
			}
		}
	}
}
