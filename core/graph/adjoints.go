package graph

import (
	"fmt"

	"tweedie/core/kernel"
)

// The operations in this file are used by autodiff.Gradient, in addition to those of
// networks. They give the same bits on every machine.

// NormAdjoint is the adjoint of a GroupNorm: it computes ∂loss/∂image from ∂loss/∂output,
// the image, γ and β.
type NormAdjoint struct{ Norm GroupNorm }

// Infer returns the image's shape.
func (o NormAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 4 {
		return nil, fmt.Errorf("the inputs must be ∂loss/∂output, an image [H,W,C] and two vectors [C] (got %v)", in)
	}
	if _, err := o.Norm.Infer(in[1:]); err != nil {
		return nil, err
	}
	return Add{}.Infer(in[:2])
}

// Cost counts sixty operations a number, including those of GroupNorm.
func (o NormAdjoint) Cost(_ [][]int, out []int) Cost { return perElement(out, 60) }

// Bind returns the kernel.
func (o NormAdjoint) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &normAdjointRunner{norm: o.Norm.Norm(out)}
}

type normAdjointRunner struct {
	weights
	norm kernel.Norm
}

func (r *normAdjointRunner) Scratch() int { return kernel.GroupNormAdjointScratch(r.norm) }
func (r *normAdjointRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	k := r.norm.HW * r.norm.C
	for i := range n {
		from, to := i*k, (i+1)*k
		kernel.GroupNormAdjoint(y[from:to], x[1][from:to], r.numbers[0], r.numbers[1], x[0][from:to], scratch, r.norm)
	}
}

// LogSoftmaxAdjoint is ∂ log softmax(z)[y]/∂z of logits z [1,1,K] and a class number y
// [1]: 1 at y and 0 elsewhere, minus softmax(z). A class out of range panics.
type LogSoftmaxAdjoint struct{}

// Infer returns the shape of the logits.
func (LogSoftmaxAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) == 0 || size(in[1]) != 1 || size(in[0]) != in[0][len(in[0])-1] {
		return nil, fmt.Errorf("the inputs must be logits [1,1,K] and one number (got %v)", in)
	}
	return in[0], nil
}

// Cost counts an exponential as eight.
func (LogSoftmaxAdjoint) Cost(_ [][]int, out []int) Cost { return perElement(out, 12) }

// Bind returns the kernel.
func (LogSoftmaxAdjoint) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return scratchRunner{kernel.SoftmaxScratch(k), func(y []float32, x [][]float32, n int, scratch []float32) {
		kernel.SoftmaxRows(y[:n*k], x[0][:n*k], scratch, k)
		for i := range n {
			row := y[i*k : (i+1)*k]
			for j := range row {
				row[j] = -row[j]
			}
			row[int(x[1][i])] += 1
		}
	}}
}
