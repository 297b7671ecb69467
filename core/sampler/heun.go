package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Heun integrates the probability-flow ODE with Heun's second-order method. With
// churn it first adds a little noise and raises the level to σ̂: Algorithm 2 of
// Karras et al. 2022, arXiv:2206.00364, for σ(t) = t and s(t) = 1. Without churn it
// is Algorithm 1. Line numbers below are those of Algorithm 2. σ̂ is at most
// sigmas[0], so that it stays in the model's range.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; a final 0 makes the last step an Euler step
//	noise   StreamStep+i is drawn in step i if it adds noise; may be nil without churn
//
// It calls denoise 2K times, once fewer when sigmas ends in 0. Errors of denoise and of the
// hook are returned unchanged; an error about sigmas wraps ErrSchedule.
func Heun(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, churn Churn, noise Noise, hook Hook) (*tensor.Tensor, error) {
	up, err := churn.lift(sigmas, noise, x)
	if err != nil {
		return nil, err
	}
	return heun(denoise, x, sigmas, up, hook)
}

func heun(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, up lift, hook Hook) (*tensor.Tensor, error) {
	return walkFrom(denoise, x, sigmas, hook, up, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		return heunStep(denoise, x, denoised, sigma, sigmaNext)
	})
}

// heunStep is lines 7 to 11; sigma is t̂ᵢ.
func heunStep(denoise diffusion.Denoiser, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
	d := slope(x, denoised, sigma)           // 7: dᵢ ← (x̂ᵢ − D(x̂ᵢ;t̂ᵢ))/t̂ᵢ
	xNext := x.AddScaled(sigmaNext-sigma, d) // 8: xᵢ₊₁ ← x̂ᵢ + (tᵢ₊₁ − t̂ᵢ)dᵢ
	denoised, err := denoise(xNext, sigmaNext)
	if err != nil {
		return nil, err
	}
	dPrime := slope(xNext, denoised, sigmaNext) // 10: dᵢ′ ← (xᵢ₊₁ − D(xᵢ₊₁;tᵢ₊₁))/tᵢ₊₁
	h := (sigmaNext - sigma) / 2
	return x.AddScaled(h, d).AddScaled(h, dPrime), nil // 11: … + (tᵢ₊₁ − t̂ᵢ)(½dᵢ + ½dᵢ′)
}
