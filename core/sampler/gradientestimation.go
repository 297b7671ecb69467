package sampler

import (
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// defaultGamma is γ of Permenter & Yuan 2023, section 4.2.
const defaultGamma = 2

// GradientEstimation is the second-order sampler of Permenter & Yuan 2023, arXiv:2306.04848,
// Algorithm 2: Euler's method along an extrapolated slope,
//
//	ε̄ ← γ·ε_i + (1 − γ)·ε_{i−1},   ε = (x − D)/σ
//	x ← x + (σ′ − σ)·ε̄
//
// The first step has ε̄ = ε. γ = 1 is Euler; on evenly spaced levels γ = 1.5 is the
// Adams-Bashforth method of second order. The paper chooses 2 because D, a projection onto
// the data, is then estimated best; as a solver of the ODE it is of first order.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	gamma   γ, 1 to 5
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func GradientEstimation(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, gamma float64, hook Hook) (*tensor.Tensor, error) {
	if !(gamma >= 1 && gamma <= 5) {
		return nil, fmt.Errorf("sampler: gamma must be between 1 and 5 (got %g)", gamma)
	}
	var previous *tensor.Tensor
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		eps := slope(x, denoised, sigma)
		mean := eps
		if previous != nil {
			mean = eps.Combine(float32(gamma), float32(1-gamma), previous)
		}
		previous = eps
		return x.AddScaled(sigmaNext-sigma, mean), nil
	})
}
