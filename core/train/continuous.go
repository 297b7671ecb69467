package train

import "tweedie/core/diffusion"

// Continuous is denoising score matching over a process in continuous time: Song et al.
// 2021, arXiv:2011.13456, eq. 7, with t uniform between two times and λ(t) the inverse of
// E‖∇ log q(z_t|x₀)‖². This gives ‖ε − ε̂‖² without a weight, like LSimple for a chain.
type Continuous struct {
	Process     diffusion.Process
	First, Last float64 // times
}

// Sigma implements Objective.
func (o Continuous) Sigma(seed, sample uint64, stream uint32) float32 {
	t := o.First + float64((o.Last-o.First)*uniform(seed, sample, stream))
	return float32(o.Process.Kernel(t).Sigma)
}

// Lambda implements Objective.
func (o Continuous) Lambda(sigma float32) float64 { return LSimple{}.Lambda(sigma) }
