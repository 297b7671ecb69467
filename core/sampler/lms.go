package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// LMS is the Adams-Bashforth linear multistep method for levels of any spacing
// (Hairer, Nørsett & Wanner 1993, section III.5): a step integrates the polynomial
// in σ through the last slopes (x − D)/σ. Crowson's k-diffusion calls it LMS;
// Zhang & Chen 2023, arXiv:2204.13902, call it ρAB-DEIS. Order 1 is Euler.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 4; the first steps, and the step to 0, are of lower order
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func LMS(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, noiseOverSigma, order, 4, interpolationRule, nil, hook)
}
