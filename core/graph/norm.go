package graph

import (
	"fmt"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// GroupNorm normalises an image [H,W,C] over its pixels and groups of channels
// (Wu and He 2018, arXiv:1803.08494), scales and shifts it by γ, β [C], and with SiLU
// applies that function.
type GroupNorm struct {
	Groups int
	Eps    float32
	SiLU   bool
}

// Infer returns the image's shape.
func (o GroupNorm) Infer(in [][]int) ([]int, error) {
	if len(in) != 3 || len(in[0]) != 3 || len(in[1]) != 1 || len(in[2]) != 1 || in[1][0] != in[0][2] || in[2][0] != in[0][2] {
		return nil, fmt.Errorf("the inputs must be an image [H,W,C] and two vectors [C] (got %v)", in)
	}
	if o.Groups <= 0 || in[0][2]%o.Groups != 0 {
		return nil, fmt.Errorf("the number of groups must divide the %d channels (got %d)", in[0][2], o.Groups)
	}
	return in[0], nil
}

// Cost counts eight operations a number, twenty with SiLU.
func (o GroupNorm) Cost(_ [][]int, out []int) Cost {
	if o.SiLU {
		return perElement(out, 20)
	}
	return perElement(out, 8)
}

// Norm returns the kernel's parameters for an image of this shape.
func (o GroupNorm) Norm(x []int) kernel.Norm {
	return kernel.Norm{HW: x[0] * x[1], C: x[2], Groups: o.Groups, Eps: o.Eps, SiLU: o.SiLU}
}

// Bind returns the kernel.
//
// After a run its scratch contains the means and reciprocal standard deviations of
// sample i at 2·Groups·i. The derivative uses them.
func (o GroupNorm) Bind(in, _ [][]int, _ []int, batch int, _ kernel.Arithmetic) Runner {
	return &normRunner{norm: o.Norm(in[0]), batch: batch}
}

type normRunner struct {
	norm        kernel.Norm
	batch       int
	gamma, beta []float32
}

func (r *normRunner) Load(params []quant.Numbers) {
	r.gamma, r.beta = params[0].Float32(), params[1].Float32()
}
func (r *normRunner) Scratch() int { return 2 * r.norm.Groups * r.batch }
func (r *normRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	k, g := r.norm.HW*r.norm.C, r.norm.Groups
	for i := range n {
		stats := scratch[2*g*i : 2*g*(i+1)]
		kernel.GroupNorm(y[i*k:(i+1)*k], x[0][i*k:(i+1)*k], r.gamma, r.beta, stats[:g], stats[g:], r.norm)
	}
}

// InstanceNormPlus is the conditional instance normalisation ++ of Song and Ermon 2019
// (arXiv:1907.05600, appendix A). It normalises every channel of an image [H,W,C] over its
// pixels; γ, α and β come from a vector [3C] that depends on the noise level.
type InstanceNormPlus struct{ Eps float32 }

// Infer returns the image's shape.
func (o InstanceNormPlus) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) != 3 || len(in[1]) != 1 || in[0][2] < 2 || in[1][0] != 3*in[0][2] {
		return nil, fmt.Errorf("the inputs must be an image [H,W,C] of at least 2 channels and a vector [3C] (got %v)", in)
	}
	return in[0], nil
}

// Cost counts nine operations a number.
func (InstanceNormPlus) Cost(_ [][]int, out []int) Cost { return perElement(out, 9) }

// Norm returns the kernel's parameters for an image of this shape.
func (o InstanceNormPlus) Norm(x []int) kernel.Norm {
	return kernel.Norm{HW: x[0] * x[1], C: x[2], Eps: o.Eps}
}

// Bind returns the kernel. After a run its scratch contains the statistics of sample i at
// 3·C·i. The derivative uses them.
func (o InstanceNormPlus) Bind(in, _ [][]int, _ []int, batch int, _ kernel.Arithmetic) Runner {
	n := o.Norm(in[0])
	k, c := n.HW*n.C, 3*n.C
	return scratchRunner{c * batch, func(y []float32, x [][]float32, samples int, stats []float32) {
		for i := range samples {
			kernel.InstanceNormPlus(y[i*k:(i+1)*k], x[0][i*k:(i+1)*k], x[1][i*c:(i+1)*c], stats[i*c:(i+1)*c], n)
		}
	}}
}
