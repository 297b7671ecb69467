package graph

import (
	"fmt"

	"tweedie/core/kernel"
)

// Upsample doubles an image's height and width by repeating pixels.
type Upsample struct{}

// Infer returns [2H,2W,C].
func (Upsample) Infer(in [][]int) ([]int, error) {
	if err := oneImage(in); err != nil {
		return nil, err
	}
	return []int{2 * in[0][0], 2 * in[0][1], in[0][2]}, nil
}

// Cost counts nothing: it only moves numbers.
func (Upsample) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (Upsample) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return sizedImageRunner(kernel.Upsample2, in[0], out)
}

// SpaceToDepth moves every 2×2 block of pixels to the channels, in the order (row,
// column, channel).
type SpaceToDepth struct{}

// Infer returns [H/2,W/2,4C].
func (SpaceToDepth) Infer(in [][]int) ([]int, error) {
	if err := oneImage(in); err != nil {
		return nil, err
	}
	x := in[0]
	if x[0]%2 != 0 || x[1]%2 != 0 {
		return nil, fmt.Errorf("height and width of the image must be even (got %v)", x)
	}
	return []int{x[0] / 2, x[1] / 2, 4 * x[2]}, nil
}

// Cost counts nothing: it only moves numbers.
func (SpaceToDepth) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (SpaceToDepth) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return sizedImageRunner(kernel.SpaceToDepth2, in[0], out)
}

// DepthToSpace is the inverse of SpaceToDepth.
type DepthToSpace struct{}

// Infer returns [2H,2W,C/4].
func (DepthToSpace) Infer(in [][]int) ([]int, error) {
	if err := oneImage(in); err != nil {
		return nil, err
	}
	x := in[0]
	if x[2]%4 != 0 {
		return nil, fmt.Errorf("the number of channels must be divisible by 4 (got %v)", x)
	}
	return []int{2 * x[0], 2 * x[1], x[2] / 4}, nil
}

// Cost counts nothing: it only moves numbers.
func (DepthToSpace) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel, whose arguments are the size of the output image.
func (DepthToSpace) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	kx, ky := size(in[0]), size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i := range n {
			kernel.DepthToSpace2(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx], out[0], out[1], out[2])
		}
	}}
}

// AveragePool is the mean over windows of Size×Size pixels, Stride apart. The image is
// padded with Before rows and columns of zeros at the start and After at the end, which
// are included in the means.
type AveragePool struct {
	Size, Stride  int
	Before, After int
}

// Window returns the kernel's geometry on an image of this shape.
func (o AveragePool) Window(x []int) kernel.Window {
	return kernel.Window{H: x[0], W: x[1], C: x[2], Size: o.Size, Stride: o.Stride, Before: o.Before, After: o.After}
}

// Infer returns [H',W',C].
func (o AveragePool) Infer(in [][]int) ([]int, error) {
	if err := oneImage(in); err != nil {
		return nil, err
	}
	w := o.Window(in[0])
	if !checkWindow(w) {
		return nil, fmt.Errorf("%+v does not fit image %v", o, in[0])
	}
	return []int{w.OutH(), w.OutW(), w.C}, nil
}

// Cost counts the additions of all windows, although the kernel needs fewer.
func (o AveragePool) Cost(_ [][]int, out []int) Cost { return perElement(out, int64(o.Size*o.Size)) }

// Bind returns the kernel.
func (o AveragePool) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	w := o.Window(in[0])
	return imageRunner(in[0], out, func(y, x, scratch []float32) { kernel.AveragePool(y, x, scratch, w) })
}

// Bilinear resizes an image to H×W pixels with aligned corners (PyTorch's
// align_corners).
type Bilinear struct{ H, W int }

// Resize returns the kernel's geometry on an image of this shape.
func (o Bilinear) Resize(x []int) kernel.Resize {
	return kernel.Resize{H: x[0], W: x[1], C: x[2], OutH: o.H, OutW: o.W}
}

// Infer returns [H,W,C].
func (o Bilinear) Infer(in [][]int) ([]int, error) {
	if err := oneImage(in); err != nil {
		return nil, err
	}
	if o.H <= 0 || o.W <= 0 {
		return nil, fmt.Errorf("height and width of the output must be positive (got %d and %d)", o.H, o.W)
	}
	return []int{o.H, o.W, in[0][2]}, nil
}

// Cost counts two weighted sums a number.
func (Bilinear) Cost(_ [][]int, out []int) Cost { return perElement(out, 6) }

// Bind returns the kernel.
func (o Bilinear) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	r := o.Resize(in[0])
	return imageRunner(in[0], out, func(y, x, scratch []float32) { kernel.Bilinear(y, x, scratch, r) })
}

// imageRunner runs f on each image, with scratch for one row of the input.
func imageRunner(in, out []int, f func(y, x, scratch []float32)) Runner {
	kx, ky := size(in), size(out)
	return scratchRunner{in[1] * in[2], func(y []float32, x [][]float32, n int, scratch []float32) {
		for i := range n {
			f(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx], scratch)
		}
	}}
}

func oneImage(in [][]int) error {
	if len(in) != 1 || len(in[0]) != 3 {
		return fmt.Errorf("the inputs must be one image [H,W,C] (got %v)", in)
	}
	return nil
}

// sizedImageRunner runs f on each image, with the size of the input.
func sizedImageRunner(f func(y, x []float32, h, w, c int), in, out []int) Runner {
	kx, ky := size(in), size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i := range n {
			f(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx], in[0], in[1], in[2])
		}
	}}
}
