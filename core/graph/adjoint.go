package graph

import (
	"fmt"

	"tweedie/core/kernel"
)

// The operations of this file are what autodiff.Gradient needs beside those of networks.
// Every machine computes the same bits.

// NormAdjoint is that of a GroupNorm: of ∂loss/∂output, the image that it was given, and
// its γ and β.
type NormAdjoint struct{ Of GroupNorm }

// Infer returns the image's shape.
func (o NormAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 4 {
		return nil, fmt.Errorf("has inputs %v, need ∂loss/∂output, an image [H,W,C] and two vectors [C]", in)
	}
	if _, err := o.Of.Infer(in[1:]); err != nil {
		return nil, err
	}
	return Add{}.Infer(in[:2])
}

// Cost counts that of GroupNorm, and its own.
func (o NormAdjoint) Cost(_ [][]int, out []int) Cost { return each(out, 60) }

// Bind returns the kernel.
func (o NormAdjoint) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &normAdjointRunner{norm: o.Of.Norm(out)}
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
// [1]: 1 at y and 0 elsewhere, less softmax(z). A number out of range is the caller's
// mistake and panics.
type LogSoftmaxAdjoint struct{}

// Infer returns the shape of the logits.
func (LogSoftmaxAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) == 0 || size(in[1]) != 1 || size(in[0]) != in[0][len(in[0])-1] {
		return nil, fmt.Errorf("has inputs %v, need logits [1,1,K] and one number", in)
	}
	return in[0], nil
}

// Cost counts an exponential as eight.
func (LogSoftmaxAdjoint) Cost(_ [][]int, out []int) Cost { return each(out, 12) }

// Bind returns the kernel.
func (LogSoftmaxAdjoint) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return spacious{kernel.SoftmaxScratch(k), func(y []float32, x [][]float32, n int, scratch []float32) {
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
