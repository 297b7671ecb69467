package graph

import (
	"fmt"
	"slices"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// Attention is softmax(q·kᵀ/√d)·v over the pixels of images q, k, v [H,W,C], in
// Heads heads of d = C/Heads channels (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).
type Attention struct{ Heads int }

// Infer returns q's shape.
func (o Attention) Infer(in [][]int) ([]int, error) {
	if len(in) != 3 || len(in[0]) != 3 || !slices.Equal(in[0], in[1]) || !slices.Equal(in[0], in[2]) {
		return nil, fmt.Errorf("the inputs must be three images of one shape (got %v)", in)
	}
	if o.Heads <= 0 || in[0][2]%o.Heads != 0 {
		return nil, fmt.Errorf("the number of heads must divide the %d channels (got %d)", in[0][2], o.Heads)
	}
	return in[0], nil
}

// Cost counts both products and an exponential as eight.
func (o Attention) Cost(_ [][]int, out []int) Cost {
	l, c := int64(out[0]*out[1]), int64(out[2])
	return Cost{FLOPs: 4*l*l*c + 10*l*l*int64(o.Heads)}
}

// Attn returns the kernel's parameters for images of this shape.
func (o Attention) Attn(x []int) kernel.Attn {
	return kernel.Attn{L: x[0] * x[1], C: x[2], Heads: o.Heads}
}

// Bind returns the kernel.
//
// q may have fewer positions than k and v: see Partition.
func (o Attention) Bind(in, _ [][]int, out []int, _ int, mode kernel.Arithmetic) Runner {
	return attentionRunner{o.Attn(in[1]), size(out), mode}
}

type attentionRunner struct {
	attn    kernel.Attn
	queries int // size of q, and of the output
	mode    kernel.Arithmetic
}

func (attentionRunner) Load([]quant.Numbers) {}
func (r attentionRunner) Scratch() int       { return kernel.AttentionScratch(r.attn) }
func (r attentionRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	q, k := r.queries, r.attn.L*r.attn.C
	for i := range n {
		kernel.Attention(y[i*q:(i+1)*q], x[0][i*q:(i+1)*q], x[1][i*k:(i+1)*k], x[2][i*k:(i+1)*k], scratch, r.attn, r.mode)
	}
}
