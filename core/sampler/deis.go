package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// DEIS is tAB-DEIS, the diffusion exponential integrator sampler of Zhang & Chen
// 2023, arXiv:2204.13902, with time t = ln ρ, where ρ = σ in the coordinates of
// this package. It interpolates the last values of ε by a polynomial in ln σ and
// integrates that exactly over dσ. With a polynomial in ρ it would be LMS. Order
// 1 is DDIM.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 3; the first steps, and the step to 0, are of lower order
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func DEIS(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, noiseOverLambda, order, 3, interpolationRule, nil, hook)
}
