package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Euler integrates the probability-flow ODE dx/dσ = (x − D(x;σ))/σ along sigmas
// with Euler's method (Karras et al. 2022, arXiv:2206.00364, Algorithm 1 without
// lines 6 to 8). It is DDIM with eta 0 up to rounding.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func Euler(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	return euler(denoise, x, sigmas, nil, hook)
}

func euler(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, up lift, hook Hook) (*tensor.Tensor, error) {
	return walkFrom(denoise, x, sigmas, hook, up, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		return x.AddScaled(sigmaNext-sigma, slope(x, denoised, sigma)), nil
	})
}

// slope returns dx/dσ = (x − D)/σ.
func slope(x, denoised *tensor.Tensor, sigma float32) *tensor.Tensor {
	a := float32(1 / float64(sigma))
	return x.Combine(a, -a, denoised)
}
