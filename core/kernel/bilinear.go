package kernel

// Resize is the geometry of a change of size, from images [H,W,C] to [OutH,OutW,C].
type Resize struct {
	H, W, C    int
	OutH, OutW int
}

// Bilinear interpolates the image x [H,W,C] to y [OutH,OutW,C] so that the centres of
// the corners coincide: pixel o of an axis lies at o·(H−1)/(OutH−1) of the input
// (PyTorch's align_corners). scratch holds W·C numbers.
//
// Both axes weigh two neighbours as (1−part)·a + part·b, each product rounded, rows
// first. It panics unless the lengths fit.
func Bilinear(y, x, scratch []float32, r Resize) {
	r.check(y, x, scratch)
	line, c := r.W*r.C, r.C
	row := scratch[:line]
	for oy := range r.OutH {
		at, part := between(oy, r.H, r.OutH)
		weigh(row, x[at*line:], part, line)
		for ox := range r.OutW {
			at, part := between(ox, r.W, r.OutW)
			weigh(y[(oy*r.OutW+ox)*c:][:c], row[at*c:], part, c)
		}
	}
}

// BilinearBackward adds to dx [H,W,C] the gradient of Bilinear, given that of its
// output, dy. It panics unless the lengths fit.
func BilinearBackward(dx, dy, scratch []float32, r Resize) {
	r.check(dy, dx, scratch)
	line, c := r.W*r.C, r.C
	row := scratch[:line]
	for oy := range r.OutH {
		clear(row)
		for ox := range r.OutW {
			at, part := between(ox, r.W, r.OutW)
			unweigh(row[at*c:], dy[(oy*r.OutW+ox)*c:][:c], part, c)
		}
		at, part := between(oy, r.H, r.OutH)
		unweigh(dx[at*line:], row, part, line)
	}
}

func (r Resize) check(y, x, scratch []float32) {
	if len(x) != r.H*r.W*r.C || len(y) != r.OutH*r.OutW*r.C || len(scratch) < r.W*r.C {
		panic("kernel: Bilinear: lengths do not fit the sizes")
	}
}

// between returns the input pixel at or before output pixel o of an axis, and how far
// on the way to the next it lies.
func between(o, in, out int) (at int, part float32) {
	if out == 1 {
		return 0, 0
	}
	place := o * (in - 1)
	return place / (out - 1), float32(place%(out-1)) / float32(out-1)
}

// weigh writes (1−part)·x[i] + part·x[i+n] for i < n to y.
func weigh(y, x []float32, part float32, n int) {
	scaleFast(y, x[:n], 1-part)
	if part != 0 {
		addScaledFast(y, x[n:2*n], part)
	}
}

// unweigh adds to dx the gradient of weigh.
func unweigh(dx, dy []float32, part float32, n int) {
	addScaledFast(dx[:n], dy, 1-part)
	if part != 0 {
		addScaledFast(dx[n:2*n], dy, part)
	}
}
