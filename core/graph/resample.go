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
	return perImage(kernel.Upsample2, in[0], out)
}

// SpaceToDepth folds every 2×2 block of pixels into the channels, in the order
// (row, column, channel).
type SpaceToDepth struct{}

// Infer returns [H/2,W/2,4C].
func (SpaceToDepth) Infer(in [][]int) ([]int, error) {
	if err := oneImage(in); err != nil {
		return nil, err
	}
	x := in[0]
	if x[0]%2 != 0 || x[1]%2 != 0 {
		return nil, fmt.Errorf("has an image %v, need even height and width", x)
	}
	return []int{x[0] / 2, x[1] / 2, 4 * x[2]}, nil
}

// Cost counts nothing: it only moves numbers.
func (SpaceToDepth) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (SpaceToDepth) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return perImage(kernel.SpaceToDepth2, in[0], out)
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
		return nil, fmt.Errorf("has an image %v, need channels divisible by 4", x)
	}
	return []int{2 * x[0], 2 * x[1], x[2] / 4}, nil
}

// Cost counts nothing: it only moves numbers.
func (DepthToSpace) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel. The kernel is told the size of the image it makes.
func (DepthToSpace) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	kx, ky := size(in[0]), size(out)
	return plain{func(y []float32, x [][]float32, n int) {
		for i := range n {
			kernel.DepthToSpace2(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx], out[0], out[1], out[2])
		}
	}}
}

func oneImage(in [][]int) error {
	if len(in) != 1 || len(in[0]) != 3 {
		return fmt.Errorf("has inputs %v, need one image [H,W,C]", in)
	}
	return nil
}

// perImage runs f on one image after another, telling it the input's size.
func perImage(f func(y, x []float32, h, w, c int), in, out []int) Runner {
	kx, ky := size(in), size(out)
	return plain{func(y []float32, x [][]float32, n int) {
		for i := range n {
			f(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx], in[0], in[1], in[2])
		}
	}}
}
