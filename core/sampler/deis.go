package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// DEIS is tAB-DEIS, the diffusion exponential integrator sampler of Zhang & Chen
// 2023, arXiv:2204.13902, for the time t = ln ρ, ρ = σ in the
// coordinates of this package: the polynomial in ln σ through the last ε is
// integrated exactly over dσ. In ρ itself it is LMS. Order 1 is DDIM.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 3; the first steps, and the step to 0, are of lower order
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule. It panics if order is out of range.
func DEIS(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, overNoise, order, 3, fit, hook)
}
