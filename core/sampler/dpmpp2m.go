package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// DPMpp2M is DPM-Solver++(2M), a two-step solver of the probability-flow ODE that
// is exact in its linear part: Algorithm 2 of Lu et al. 2022, arXiv:2211.01095.
// In the coordinates of this package (α = 1) half the log-SNR is λ = −ln σ, and
// with h_i = λ_i − λ_{i−1}, r_i = h_{i−1}/h_i its lines are
//
//	𝐃 ← (1 + 1/(2r_i))·D_{i−1} − 1/(2r_i)·D_{i−2}
//	x ← σ_i/σ_{i−1}·x − (exp(−h_i) − 1)·𝐃,   exp(−h_i) = σ_i/σ_{i−1}
//
// The first step, having no D_{i−2}, and a step to σ = 0, where h is infinite,
// take 𝐃 = D_{i−1}: first order.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule.
func DPMpp2M(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	var denoisedBefore *tensor.Tensor // D_{i−2}
	var hBefore float64               // h_{i−1}
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		ratio := float64(sigmaNext) / float64(sigma)
		h := -num.Log(ratio)
		target := denoised
		if denoisedBefore != nil {
			over := h / (2 * hBefore) // 1/(2r)
			target = denoised.Combine(float32(1+over), float32(-over), denoisedBefore)
		}
		denoisedBefore, hBefore = denoised, h
		return x.Combine(float32(ratio), float32(1-ratio), target), nil
	})
}
