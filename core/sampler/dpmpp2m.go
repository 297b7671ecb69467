package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// DPMpp2M is DPM-Solver++(2M), a two-step solver of the probability-flow ODE that
// solves the linear part exactly: Algorithm 2 of Lu et al. 2022, arXiv:2211.01095.
// In the coordinates of this package (α = 1) half the log-SNR is λ = −ln σ. With
// h_i = λ_i − λ_{i−1} and r_i = h_{i−1}/h_i the lines of the algorithm are
//
//	𝐃 ← (1 + 1/(2r_i))·D_{i−1} − 1/(2r_i)·D_{i−2}
//	x ← σ_i/σ_{i−1}·x − (exp(−h_i) − 1)·𝐃,   exp(−h_i) = σ_i/σ_{i−1}
//
// The first step, which has no D_{i−2}, and the step to σ = 0, where h is
// infinite, use 𝐃 = D_{i−1} and are of first order.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func DPMpp2M(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	var denoisedPrevious *tensor.Tensor // D_{i−2}
	var hPrevious float64               // h_{i−1}
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		ratio := float64(sigmaNext) / float64(sigma)
		h := -num.Log(ratio)
		target := denoised
		if denoisedPrevious != nil {
			over := h / (2 * hPrevious) // 1/(2r)
			target = denoised.Combine(float32(1+over), float32(-over), denoisedPrevious)
		}
		denoisedPrevious, hPrevious = denoised, h
		return x.Combine(float32(ratio), float32(1-ratio), target), nil
	})
}
