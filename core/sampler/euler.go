package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Euler integrates the probability-flow ODE dx/dσ = (x − D(x;σ))/σ along sigmas
// with Euler's rule (Karras et al. 2022, arXiv:2206.00364, Algorithm 1 without
// lines 6 to 8). It is DDIM with eta 0, differently rounded.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule.
func Euler(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	if err := Check(sigmas); err != nil {
		return nil, err
	}
	for i := range len(sigmas) - 1 {
		sigma, sigmaNext := sigmas[i], sigmas[i+1]
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		if sigmaNext == 0 {
			x = denoised.Clone() // x − σ·(x − D)/σ, without its rounding
		} else {
			x = x.AddScaled(sigmaNext-sigma, slope(x, denoised, sigma))
		}
		if err := hook.call(i, x, sigmaNext); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// slope returns dx/dσ = (x − D)/σ.
func slope(x, denoised *tensor.Tensor, sigma float32) *tensor.Tensor {
	a := float32(1 / float64(sigma))
	return x.Combine(a, -a, denoised)
}
