package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// LMS is the linear multistep method of Adams and Bashforth on levels of any
// spacing (Hairer, Nørsett & Wanner 1993, section III.5): the step integrates the
// polynomial in σ through the last slopes (x − D)/σ. Karras et al. 2022's
// followers know it by this name (Crowson's k-diffusion); Zhang & Chen 2023,
// arXiv:2204.13902, call it ρAB-DEIS. Order 1 is Euler.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 4; the first steps, and the step to 0, are of lower order
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule. It panics if order is out of range.
func LMS(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, overSigma, order, 4, fit, hook)
}
