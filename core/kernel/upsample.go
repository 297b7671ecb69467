package kernel

// Upsample2 doubles the height and the width of x [h,w,c] by repeating its
// pixels: y [2h,2w,c], y[i,j] = x[i/2,j/2]. It panics unless the lengths match.
func Upsample2(y, x []float32, h, w, c int) {
	if h < 0 || w < 0 || c < 0 || len(x) != h*w*c || len(y) != 4*len(x) {
		panic("kernel: Upsample2: lengths must match the shape")
	}
	for i := range h {
		row := y[4*i*w*c : (4*i+2)*w*c]
		for j := range w {
			pixel := x[(i*w+j)*c : (i*w+j+1)*c]
			copy(row[2*j*c:], pixel)
			copy(row[(2*j+1)*c:], pixel)
		}
		copy(y[(4*i+2)*w*c:(4*i+4)*w*c], row)
	}
}

// Upsample2Backward adds to dx [h,w,c] the gradient of Upsample2: the sums of
// dy [2h,2w,c] over blocks of 2×2 pixels. h and w are those of dx. It panics
// unless the lengths match.
func Upsample2Backward(dx, dy []float32, h, w, c int) {
	if h < 0 || w < 0 || c < 0 || len(dx) != h*w*c || len(dy) != 4*len(dx) {
		panic("kernel: Upsample2Backward: lengths must match the shape")
	}
	for i := range h {
		for j := range w {
			d := dx[(i*w+j)*c : (i*w+j+1)*c]
			top, bottom := (4*i*w+2*j)*c, ((4*i+2)*w+2*j)*c
			add4Fast(d, dy[top:top+c], dy[top+c:top+2*c], dy[bottom:bottom+c], dy[bottom+c:bottom+2*c])
		}
	}
}

// add4Impls list the implementations of y += (a + b) + (c + d).
var add4Impls = append([]impl[func(y, a, b, c, d []float32)]{{"ref", true, add4Ref}}, add4SIMD...)

var add4Fast = fastest(add4Impls)
