package kernel

// AveragePool writes the mean of every window of the image x [H,W,C] to y
// [OutH,OutW,C], channel by channel. The padding counts as zeros, as in PyTorch's
// AvgPool2d. scratch must hold W·C numbers.
//
// A window is summed down each column in order, starting at zero, then over the columns
// in order, starting at zero; the sum is multiplied by 1/Size². It panics unless the
// lengths match w, or if w has a dilation.
func AveragePool(y, x, scratch []float32, w Window) {
	w.checkPool(y, x, scratch)
	sums, line := scratch[:w.W*w.C], w.W*w.C
	width := w.OutW() * w.C
	for oy := range w.OutH() {
		clear(sums)
		for iy := w.first(oy); iy < w.end(oy); iy++ {
			addFast(sums, sums, x[iy*line:(iy+1)*line])
		}
		out := y[oy*width : (oy+1)*width]
		clear(out)
		w.columns(func(from, to, n int) {
			d := out[to : to+n]
			addFast(d, d, sums[from:from+n])
		})
		scaleFast(out, out, w.weight())
	}
}

// AveragePoolBackward adds to dx [H,W,C] the gradient of AveragePool, given the gradient
// dy of its output. It panics in the same cases as AveragePool.
func AveragePoolBackward(dx, dy, scratch []float32, w Window) {
	w.checkPool(dy, dx, scratch)
	sums, line := scratch[:w.W*w.C], w.W*w.C
	width := w.OutW() * w.C
	for oy := range w.OutH() {
		clear(sums)
		out := dy[oy*width : (oy+1)*width]
		w.columns(func(from, to, n int) {
			d := sums[from : from+n]
			addFast(d, d, out[to:to+n])
		})
		scaleFast(sums, sums, w.weight())
		for iy := w.first(oy); iy < w.end(oy); iy++ {
			d := dx[iy*line : (iy+1)*line]
			addFast(d, d, sums)
		}
	}
}

func (w Window) checkPool(y, x, scratch []float32) {
	if w.dilation() != 1 {
		panic("kernel: AveragePool: dilation must be 1")
	}
	if len(x) != w.H*w.W*w.C || len(y) != w.OutH()*w.OutW()*w.C || len(scratch) < w.W*w.C {
		panic("kernel: AveragePool: lengths must match the window")
	}
}

// weight is the weight of one pixel in the mean.
func (w Window) weight() float32 { return 1 / float32(w.Size*w.Size) }

// first and end return the rows of the image that output row oy reads.
func (w Window) first(oy int) int { return max(0, oy*w.Stride-w.Before) }

func (w Window) end(oy int) int { return min(w.H, oy*w.Stride-w.Before+w.Size) }

// columns calls f for each column of the window in order, with runs of n numbers that
// the column reads at from in a row of the image and adds at to in a row of the output.
func (w Window) columns(f func(from, to, n int)) {
	for k := range w.Size {
		// Output pixels low ≤ o < high read pixel o·Stride + k − Before, inside the image.
		low := max(0, w.Before-k+w.Stride-1) / w.Stride
		high := min(w.OutW(), (w.W-1+w.Before-k)/w.Stride+1)
		if w.Stride == 1 {
			if low < high {
				f((low+k-w.Before)*w.C, low*w.C, (high-low)*w.C)
			}
			continue
		}
		for o := low; o < high; o++ {
			f((o*w.Stride+k-w.Before)*w.C, o*w.C, w.C)
		}
	}
}
