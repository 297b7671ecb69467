package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Heun integrates the probability-flow ODE with Heun's second-order rule:
// Algorithm 1 of Karras et al. 2022, arXiv:2206.00364, for σ(t) = t and s(t) = 1.
// Line numbers below are its own.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; a final 0 makes the last step an Euler step
//
// It calls denoise 2K times, once fewer when sigmas ends in 0. The error is one
// of denoise or of the hook, as it is, or wraps ErrSchedule.
func Heun(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	if err := Check(sigmas); err != nil {
		return nil, err
	}
	for i := range len(sigmas) - 1 { // 3
		sigma, sigmaNext := sigmas[i], sigmas[i+1]
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		if sigmaNext == 0 {
			x = denoised.Clone() // 5, without its rounding
		} else if x, err = heunStep(denoise, x, denoised, sigma, sigmaNext); err != nil {
			return nil, err
		}
		if err := hook.call(i, x, sigmaNext); err != nil {
			return nil, err
		}
	}
	return x, nil // 9
}

// heunStep is lines 4 to 8 for σᵢ₊₁ ≠ 0.
func heunStep(denoise diffusion.Denoiser, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
	d := slope(x, denoised, sigma)           // 4: dᵢ ← (xᵢ − D(xᵢ;σᵢ))/σᵢ
	xNext := x.AddScaled(sigmaNext-sigma, d) // 5: xᵢ₊₁ ← xᵢ + (σᵢ₊₁ − σᵢ)dᵢ
	denoised, err := denoise(xNext, sigmaNext)
	if err != nil {
		return nil, err
	}
	dPrime := slope(xNext, denoised, sigmaNext) // 7: dᵢ′ ← (xᵢ₊₁ − D(xᵢ₊₁;σᵢ₊₁))/σᵢ₊₁
	h := (sigmaNext - sigma) / 2
	return x.AddScaled(h, d).AddScaled(h, dPrime), nil // 8: … + (σᵢ₊₁ − σᵢ)(½dᵢ + ½dᵢ′)
}
