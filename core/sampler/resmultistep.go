package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// RESMultistep is the multistep solver of RES, the refined exponential solver of Zhang et al.
// 2023, arXiv:2308.02157 (Algorithm 2): it integrates the line through the last two values of D
// exactly. With h = ln(σ/σ′), h₋₁ the previous h, c₂ = −h₋₁/h and the φ functions
// φ₁(−h) = (1 − e^(−h))/h, φ₂(−h) = (1 − φ₁(−h))/h,
//
//	x ← e^(−h)·x + h·(φ₁ − φ₂/c₂)·D + h·φ₂/c₂·D₋₁
//
// DPMpp2M differs in the weight of the difference only, by terms of third order: it has h·φ₁/2
// where RES has h·φ₂. diffusers calls this DPM-Solver++ of solver type heun.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; the first step, and the step to 0, are of order 1
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func RESMultistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, dataOverLambda, 2, 2, interpolationRule, nil, hook)
}
