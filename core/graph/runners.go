package graph

import (
	"fmt"
	"slices"

	"tweedie/core/kernel"
	"tweedie/core/quant"
	"tweedie/core/tensor"
)

func size(shape []int) int { return tensor.Size(shape) }

// simpleRunner is a Runner without parameters and scratch.
type simpleRunner struct {
	run func(y []float32, x [][]float32, n int)
}

func (simpleRunner) Load([]quant.Numbers) {}
func (simpleRunner) Scratch() int         { return 0 }
func (p simpleRunner) Run(y []float32, x [][]float32, n int, _ []float32) {
	p.run(y, x, n)
}

// scratchRunner is a Runner with scratch and without parameters.
type scratchRunner struct {
	scratch int
	run     func(y []float32, x [][]float32, n int, scratch []float32)
}

func (scratchRunner) Load([]quant.Numbers) {}
func (s scratchRunner) Scratch() int       { return s.scratch }
func (s scratchRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	s.run(y, x, n, scratch)
}

// perElement returns a cost of k operations for each element of the output.
func perElement(out []int, k int64) Cost { return Cost{FLOPs: k * int64(size(out))} }

// SiLU is x·sigmoid(x) (Hendrycks and Gimpel 2016, arXiv:1606.08415; "swish").
type SiLU struct{}

// Infer returns x's shape.
func (SiLU) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("there must be 1 input (got %d)", len(in))
	}
	return in[0], nil
}

// Cost counts an exponential as eight.
func (SiLU) Cost(_ [][]int, out []int) Cost { return perElement(out, 12) }

// Bind returns the kernel.
func (SiLU) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) { kernel.SiLU(y[:n*k], x[0][:n*k]) }}
}

// ELU is x where x > 0 and eˣ − 1 elsewhere (Clevert et al. 2016, arXiv:1511.07289).
type ELU struct{}

// Infer returns x's shape.
func (ELU) Infer(in [][]int) ([]int, error) { return SiLU{}.Infer(in) }

// Cost counts an exponential as eight.
func (ELU) Cost(_ [][]int, out []int) Cost { return perElement(out, 10) }

// Bind returns the kernel.
func (ELU) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) { kernel.ELU(y[:n*k], x[0][:n*k]) }}
}

// Affine is Scale·x + Shift, number by number.
type Affine struct{ Scale, Shift float32 }

// Infer returns x's shape.
func (Affine) Infer(in [][]int) ([]int, error) { return SiLU{}.Infer(in) }

// Cost counts two operations a number.
func (Affine) Cost(_ [][]int, out []int) Cost { return perElement(out, 2) }

// Bind returns a loop.
func (o Affine) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i, v := range x[0][:n*k] {
			y[i] = float32(o.Scale*v) + o.Shift
		}
	}}
}

// Add is the sum of two values of one shape.
type Add struct{}

// Infer returns the common shape.
func (Add) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || !slices.Equal(in[0], in[1]) {
		return nil, fmt.Errorf("the inputs must be two of one shape (got %v)", in)
	}
	return in[0], nil
}

// Cost counts one operation a number.
func (Add) Cost(_ [][]int, out []int) Cost { return perElement(out, 1) }

// Bind returns the kernel.
func (Add) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) { kernel.Add(y[:n*k], x[0][:n*k], x[1][:n*k]) }}
}

// AddChannels adds a vector [C], such as a time embedding, to every pixel of an image
// [H,W,C].
type AddChannels struct{}

// Infer returns the image's shape.
func (AddChannels) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) != 3 || len(in[1]) != 1 || in[0][2] != in[1][0] {
		return nil, fmt.Errorf("the inputs must be an image [H,W,C] and a vector [C] (got %v)", in)
	}
	return in[0], nil
}

// Cost counts one operation a number.
func (AddChannels) Cost(_ [][]int, out []int) Cost { return perElement(out, 1) }

// Bind returns the kernel.
func (AddChannels) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k, c := size(out), out[2]
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i := range n {
			kernel.AddRows(y[i*k:(i+1)*k], x[0][i*k:(i+1)*k], x[1][i*c:(i+1)*c])
		}
	}}
}

// Modulate computes (1+s)·x + b for every channel of an image x [H,W,C]; a vector [2C]
// contains s and then b (Perez et al. 2018, arXiv:1709.07871; the scale-shift norm of
// Nichol and Dhariwal 2021, arXiv:2102.09672, appendix A).
type Modulate struct{}

// Infer returns the image's shape.
func (Modulate) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) != 3 || len(in[1]) != 1 || 2*in[0][2] != in[1][0] {
		return nil, fmt.Errorf("the inputs must be an image [H,W,C] and a vector [2C] (got %v)", in)
	}
	return in[0], nil
}

// Cost counts two operations a number.
func (Modulate) Cost(_ [][]int, out []int) Cost { return perElement(out, 2) }

// Bind returns the kernel.
func (Modulate) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k, c := size(out), out[2]
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i := range n {
			v := x[1][2*c*i : 2*c*(i+1)]
			kernel.Modulate(y[i*k:(i+1)*k], x[0][i*k:(i+1)*k], v[:c], v[c:])
		}
	}}
}

// Concat concatenates two images along their channels.
type Concat struct{}

// Infer returns [H,W,C₀+C₁].
func (Concat) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) != 3 || len(in[1]) != 3 || in[0][0] != in[1][0] || in[0][1] != in[1][1] {
		return nil, fmt.Errorf("the inputs must be two images of one height and width (got %v)", in)
	}
	return []int{in[0][0], in[0][1], in[0][2] + in[1][2]}, nil
}

// Cost is zero: it only copies numbers.
func (Concat) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (Concat) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	rows, ca, cb := out[0]*out[1], in[0][2], in[1][2]
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		m := n * rows
		kernel.Concat(y[:m*(ca+cb)], x[0][:m*ca], x[1][:m*cb], m, ca, cb)
	}}
}
