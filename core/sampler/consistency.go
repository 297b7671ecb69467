package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Consistency is sampling from a consistency model: Algorithm 1 of Song et al. 2023,
// arXiv:2303.01469. f takes x to the data at once; each further level gives it noise
// again and lets f make up its mind anew:
//
//	x ← f(x;σ) + σ′·z
//
// The paper's noise is √(σ′² − ε²), as f ends at ε = σ_min and not at 0; with its ε of
// 0.002 that is the same to a millionth for every σ′ above 2.
//
//	f       the consistency function of a model that was trained to be one: D of another
//	        is an average and no image
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; above σ_min, where f does nothing
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls f K times: once for an image in one step. The error is one of f or of the
// hook, as it is, or wraps ErrSchedule. It panics if noise is nil.
func Consistency(f diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if noise == nil {
		panic("sampler: Consistency without noise")
	}
	return walk(f, x, sigmas, hook, func(i int, _, image *tensor.Tensor, _, sigmaNext float32) (*tensor.Tensor, error) {
		return image.AddScaled(sigmaNext, noise(StreamStep+uint32(i))), nil
	})
}
