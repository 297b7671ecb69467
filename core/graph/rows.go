package graph

import (
	"fmt"
	"slices"

	"tweedie/core/kernel"
)

// Softmax is exp(x)/Σ exp(x) along the last axis.
type Softmax struct{}

// Infer returns x's shape.
func (Softmax) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("the inputs must be one with an axis (got %v)", in)
	}
	return in[0], nil
}

// Cost counts an exponential as eight.
func (Softmax) Cost(_ [][]int, out []int) Cost { return perElement(out, 10) }

// Bind returns the kernel.
func (Softmax) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	width := out[len(out)-1]
	return scratchRunner{kernel.SoftmaxScratch(width), func(y []float32, x [][]float32, n int, scratch []float32) {
		k := n * size(out)
		kernel.SoftmaxRows(y[:k], x[0][:k], scratch, width)
	}}
}

// LayerNorm normalises along the last axis (Ba et al. 2016, arXiv:1607.06450) and
// scales and shifts by γ and β, which have the length of that axis.
type LayerNorm struct{ Eps float32 }

// Infer returns x's shape.
func (LayerNorm) Infer(in [][]int) ([]int, error) {
	if len(in) != 3 || len(in[0]) == 0 || len(in[1]) != 1 || len(in[2]) != 1 {
		return nil, fmt.Errorf("the inputs must be x and two vectors (got %v)", in)
	}
	if c := in[0][len(in[0])-1]; in[1][0] != c || in[2][0] != c {
		return nil, fmt.Errorf("the inputs must be vectors as long as the last axis (got %v)", in)
	}
	return in[0], nil
}

// Cost counts eight operations a number.
func (LayerNorm) Cost(_ [][]int, out []int) Cost { return perElement(out, 8) }

// Bind returns the kernel, a group norm of images of one pixel.
func (o LayerNorm) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &layerNormRunner{norm: kernel.Norm{HW: 1, C: out[len(out)-1], Groups: 1, Eps: o.Eps}, k: size(out)}
}

type layerNormRunner struct {
	weights
	norm kernel.Norm
	k    int
}

func (*layerNormRunner) Scratch() int { return 2 }
func (r *layerNormRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	c := r.norm.C
	for at := 0; at < n*r.k; at += c {
		kernel.GroupNorm(y[at:at+c], x[0][at:at+c], r.numbers[0], r.numbers[1], scratch[:1], scratch[1:2], r.norm)
	}
}

// Reduce reduces the last axis by "sum", "mean", "max", "min" or "prod", in order; sums
// are in float64.
type Reduce struct{ Fn string }

// reductions are the functions of Reduce.
var reductions = []kernel.Function[func(x []float32) float32]{
	{Name: "sum", Of: func(x []float32) float32 { return float32(total(x)) }},
	{Name: "mean", Of: func(x []float32) float32 { return float32(total(x) / float64(len(x))) }},
	{Name: "max", Of: func(x []float32) float32 { return slices.Max(x) }},
	{Name: "min", Of: func(x []float32) float32 { return slices.Min(x) }},
	{Name: "prod", Of: func(x []float32) float32 {
		y := float32(1)
		for _, v := range x {
			y *= v
		}
		return y
	}},
}

func total(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v)
	}
	return sum
}

// Infer returns x's shape without its last axis, or [1] if it has one axis.
func (o Reduce) Infer(in [][]int) ([]int, error) {
	if _, ok := kernel.Lookup(reductions, o.Fn); !ok {
		return nil, unknownFunction(o.Fn)
	}
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("the inputs must be one with an axis (got %v)", in)
	}
	if len(in[0]) == 1 {
		return []int{1}, nil
	}
	return in[0][:len(in[0])-1], nil
}

// Cost counts one operation a number.
func (Reduce) Cost(in [][]int, _ []int) Cost { return perElement(in[0], 1) }

// Bind returns the kernel.
func (o Reduce) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := in[0][len(in[0])-1]
	f, _ := kernel.Lookup(reductions, o.Fn)
	return sampleRunner(in[0], out, func(y, x []float32) {
		for i := range y {
			y[i] = f(x[i*k : (i+1)*k])
		}
	})
}

// MatMul multiplies matrices [B,M,K] by matrices [B,K,N].
type MatMul struct{}

// Infer returns [B,M,N].
func (MatMul) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) != 3 || len(in[1]) != 3 || in[0][0] != in[1][0] || in[0][2] != in[1][1] {
		return nil, fmt.Errorf("the inputs must be matrices [B,M,K] and [B,K,N] (got %v)", in)
	}
	return []int{in[0][0], in[0][1], in[1][2]}, nil
}

// Cost counts two operations a product.
func (MatMul) Cost(in [][]int, out []int) Cost { return perElement(out, 2*int64(in[0][2])) }

// Bind returns the kernel.
func (MatMul) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	b, m, k, n := in[0][0], in[0][1], in[0][2], in[1][2]
	return scratchRunner{kernel.BatchScratch(k, n), func(y []float32, x [][]float32, samples int, scratch []float32) {
		batch := b * samples
		kernel.BatchMatMul(y[:batch*m*n], x[0][:batch*m*k], x[1][:batch*k*n], scratch, batch, m, k, n)
	}}
}
