package kernel

// Resize is the geometry of resizing images from [H,W,C] to [OutH,OutW,C].
type Resize struct {
	H, W, C    int
	OutH, OutW int
}

// Bilinear interpolates the image x [H,W,C] to y [OutH,OutW,C] so that the centres of
// the corner pixels coincide: output pixel o of an axis lies at o·(H−1)/(OutH−1) in the
// input (PyTorch's align_corners). scratch must hold W·C numbers.
//
// Each axis combines two neighbours as (1−t)·a + t·b with rounded products, rows first.
// It panics unless the lengths match r.
func Bilinear(y, x, scratch []float32, r Resize) {
	r.check(y, x, scratch)
	line, c := r.W*r.C, r.C
	row := scratch[:line]
	for oy := range r.OutH {
		at, t := between(oy, r.H, r.OutH)
		lerp(row, x[at*line:], t, line)
		for ox := range r.OutW {
			at, t := between(ox, r.W, r.OutW)
			lerp(y[(oy*r.OutW+ox)*c:][:c], row[at*c:], t, c)
		}
	}
}

// BilinearBackward adds to dx [H,W,C] the gradient of Bilinear, given the gradient dy of
// its output. It panics unless the lengths match r.
func BilinearBackward(dx, dy, scratch []float32, r Resize) {
	r.check(dy, dx, scratch)
	line, c := r.W*r.C, r.C
	row := scratch[:line]
	for oy := range r.OutH {
		clear(row)
		for ox := range r.OutW {
			at, t := between(ox, r.W, r.OutW)
			lerpBackward(row[at*c:], dy[(oy*r.OutW+ox)*c:][:c], t, c)
		}
		at, t := between(oy, r.H, r.OutH)
		lerpBackward(dx[at*line:], row, t, line)
	}
}

func (r Resize) check(y, x, scratch []float32) {
	if len(x) != r.H*r.W*r.C || len(y) != r.OutH*r.OutW*r.C || len(scratch) < r.W*r.C {
		panic("kernel: Bilinear: lengths must match the sizes")
	}
}

// between returns the input pixel at or before output pixel o of an axis, and the
// position t in [0,1) of o between it and the next.
func between(o, in, out int) (at int, t float32) {
	if out == 1 {
		return 0, 0
	}
	place := o * (in - 1)
	return place / (out - 1), float32(place%(out-1)) / float32(out-1)
}

// lerp writes (1−t)·x[i] + t·x[i+n] for i < n to y.
func lerp(y, x []float32, t float32, n int) {
	scaleFast(y, x[:n], 1-t)
	if t != 0 {
		addScaledFast(y, x[n:2*n], t)
	}
}

// lerpBackward adds to dx the gradient of lerp.
func lerpBackward(dx, dy []float32, t float32, n int) {
	addScaledFast(dx[:n], dy, 1-t)
	if t != 0 {
		addScaledFast(dx[n:2*n], dy, t)
	}
}
