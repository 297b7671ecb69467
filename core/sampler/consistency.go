package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Consistency samples from a consistency model: Algorithm 1 of Song et al. 2023,
// arXiv:2303.01469. f maps x to data in one evaluation; each further level adds
// noise to the result and applies f again:
//
//	x ← f(x;σ) + σ′·z
//
// The paper's noise has standard deviation √(σ′² − ε²), because its f ends at
// ε = σ_min and not at 0. With the paper's ε of 0.002 the two agree to one part in
// a million for every σ′ above 2.
//
//	f       the consistency function of a model trained as a consistency model: the
//	        D of any other model is a posterior mean, not an image
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; above σ_min, where f is the identity
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls f K times, so an image can take a single evaluation. Errors of f and of the hook are
// returned unchanged; an error about sigmas wraps ErrSchedule.
func Consistency(f diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	return walk(f, x, sigmas, hook, func(i int, _, image *tensor.Tensor, _, sigmaNext float32) (*tensor.Tensor, error) {
		return image.AddScaled(sigmaNext, noise(StreamStep+uint32(i))), nil
	})
}
