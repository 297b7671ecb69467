package graph

import (
	"fmt"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// Sinusoid turns a number [1] into [Width] sines and cosines of frequencies
// exp(−ln(10000)·i/(Width/2−FreqShift)): the time embedding of Ho et al. 2020, in the
// layout of diffusers' Timesteps.
type Sinusoid struct {
	Width        int
	FlipSinToCos bool // cosines first
	FreqShift    float32
}

// Infer returns [Width].
func (o Sinusoid) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 || size(in[0]) != 1 {
		return nil, fmt.Errorf("the inputs must be one number (got %v)", in)
	}
	if o.Width <= 0 || o.Width%2 != 0 || float32(o.Width/2) <= o.FreqShift {
		return nil, fmt.Errorf("the width must be even, and half of it above the frequency shift (got %d and %g)", o.Width, o.FreqShift)
	}
	return []int{o.Width}, nil
}

// Cost counts a sine as twenty.
func (o Sinusoid) Cost(_ [][]int, out []int) Cost { return perElement(out, 20) }

// Bind returns the kernel.
func (o Sinusoid) Bind(_, _ [][]int, _ []int, _ int, _ kernel.Arithmetic) Runner {
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i := range n {
			kernel.Sinusoid(y[i*o.Width:(i+1)*o.Width], x[0][i], o.FlipSinToCos, o.FreqShift)
		}
	}}
}

// Fourier turns a number t [1] into sines and then cosines of t·w for learned or random
// angular frequencies w [n]: random Fourier features (Tancik et al. 2020,
// arXiv:2006.10739), the noise level embedding of Song et al. 2021.
type Fourier struct{}

// Infer returns [2n].
func (Fourier) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || size(in[0]) != 1 || len(in[1]) != 1 {
		return nil, fmt.Errorf("the inputs must be one number and a vector (got %v)", in)
	}
	return []int{2 * in[1][0]}, nil
}

// Cost counts a sine as twenty.
func (Fourier) Cost(_ [][]int, out []int) Cost { return perElement(out, 20) }

// Bind returns the kernel.
func (Fourier) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &fourierRunner{half: out[0] / 2}
}

type fourierRunner struct {
	half int
	w    []float32
}

func (r *fourierRunner) Load(params []quant.Numbers) { r.w = params[0].Float32() }
func (r *fourierRunner) Scratch() int                { return 0 }
func (r *fourierRunner) Run(y []float32, x [][]float32, n int, _ []float32) {
	for i := range n {
		row := y[2*r.half*i:]
		kernel.Fourier(row[:r.half], row[r.half:2*r.half], r.w, x[0][i])
	}
}

// Embedding looks up a row of a table [rows,C]; its input [1] is the row's number. A
// number out of range panics.
type Embedding struct{}

// Infer returns [C].
func (Embedding) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || size(in[0]) != 1 || len(in[1]) != 2 {
		return nil, fmt.Errorf("the inputs must be one number and a table [rows,C] (got %v)", in)
	}
	return in[1][1:], nil
}

// Cost is zero: it only copies numbers.
func (Embedding) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (Embedding) Bind(_, params [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &embeddingRunner{c: out[0]}
}

type embeddingRunner struct {
	c     int
	table []float32
}

func (r *embeddingRunner) Load(params []quant.Numbers) { r.table = params[0].Float32() }
func (r *embeddingRunner) Scratch() int                { return 0 }
func (r *embeddingRunner) Run(y []float32, x [][]float32, n int, _ []float32) {
	for i := range n {
		kernel.Embed(y[i*r.c:(i+1)*r.c], r.table, int(x[0][i]), r.c)
	}
}
