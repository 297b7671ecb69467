package kernel

// Window is the geometry of a square convolution over images [H,W,C]: Before
// rows and columns of zeros are laid in front, After behind. Its taps are Dilation
// pixels apart (Yu & Koltun 2016, arXiv:1511.07122); 0 means 1.
type Window struct {
	H, W, C       int
	Size, Stride  int
	Before, After int
	Dilation      int
}

// OutH and OutW return the output's axes.
func (w Window) OutH() int { return (w.paddedH()-w.Span())/w.Stride + 1 }

// OutW is OutH for the other axis.
func (w Window) OutW() int { return (w.paddedW()-w.Span())/w.Stride + 1 }

// Span returns the side of the square that the taps lie in.
func (w Window) Span() int { return (w.Size-1)*w.dilation() + 1 }

func (w Window) dilation() int { return max(w.Dilation, 1) }

// Padded returns the numbers of one image with its zeros around it.
func (w Window) Padded() int { return w.paddedH() * w.paddedW() * w.C }

func (w Window) paddedH() int { return w.H + w.Before + w.After }
func (w Window) paddedW() int { return w.W + w.Before + w.After }

// Plain reports whether the window reads its image as it lies, without Pad.
func (w Window) Plain() bool { return w.Before == 0 && w.After == 0 }

// Gather returns the rows and taps that make MatMul this convolution over n
// padded images that lie one after another. Taps go row by row.
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

// Pad writes n images x with zeros around each to dst. It panics if a length
// does not fit.
func (w Window) Pad(dst, x []float32, n int) {
	if len(dst) < n*w.Padded() || len(x) < n*w.H*w.W*w.C {
		panic("kernel: Pad: dst or x does not fit")
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

// Transposed returns the window whose convolution of Spread's image with the
// mirrored, transposed weights is the gradient with respect to the input of w;
// n is the number of output channels of w.
func (w Window) Transposed(n int) Window {
	around := w.Span() - 1
	return Window{H: w.H + around, W: w.W + around, C: n, Size: w.Size, Stride: 1, Dilation: w.Dilation}
}

// Spread lays the output gradients dy of n images, c channels each, out for the
// window Transposed(c): Stride apart, with zeros between and around.
func (w Window) Spread(dst, dy []float32, n, c int) {
	t := w.Transposed(c)
	oh, ow := w.OutH(), w.OutW()
	if len(dst) < n*t.Padded() || len(dy) < n*oh*ow*c {
		panic("kernel: Spread: dst or dy does not fit")
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
