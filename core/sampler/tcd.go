package sampler

import (
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// LCM is multistep latent consistency sampling: Algorithm 3 of Luo et al. 2023, arXiv:2310.04378,
// x ← f(x;σ) + σ′·z. It is Consistency where the consistency function is D itself, for a network
// that was distilled so from one that predicts noise; the paper's boundary condition, c_skip and
// c_out, differs from D by less than a part in ten thousand for every step t of a chain but the
// first few.
//
// Arguments, cost and errors are those of Consistency.
func LCM(f diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return Consistency(f, x, sigmas, noise, hook)
}

// defaultTCDGamma is γ of Zheng et al. 2024, section 5.1.
const defaultTCDGamma = 0.3

// TCD is strategic stochastic sampling for a network of trajectory consistency distillation: Algorithm
// 4 of Zheng et al. 2024, arXiv:2402.19159. A step from σ to σ′ goes along the ODE to a lower level
// σ_s, and returns with noise,
//
//	x ← D + σ_s·(x − D)/σ + √(σ′² − σ_s²)·z
//
// where σ_s is the level of the time (1−γ)·t′, and t′ that of σ′. γ near 0 is DDIM, and 1 is LCM.
//
//	denoise  D of a network distilled so
//	x        [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas   [K+1]: see Check
//	gamma    γ, above 0 and at most 1
//	chain    the steps t that the network knows; nil means that time is σ
//	noise    StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func TCD(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, gamma float64, chain *diffusion.Chain, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if !(gamma > 0 && gamma <= 1) {
		return nil, fmt.Errorf("sampler: gamma must be above 0 and at most 1 (got %g)", gamma)
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		next := float64(sigmaNext)
		low, err := strategicLevel(sigmaNext, gamma, chain)
		if err != nil {
			return nil, err
		}
		keep := low / float64(sigma)
		x = x.Combine(float32(keep), float32(1-keep), denoised)
		return x.AddScaled(float32(math.Sqrt((next-low)*(next+low))), noise(StreamStep+uint32(i))), nil
	})
}

// strategicLevel returns σ_s. On a chain it is a whole step, rounded down, and 0 for no step at all.
func strategicLevel(sigma float32, gamma float64, chain *diffusion.Chain) (float64, error) {
	if chain == nil || gamma == 1 {
		return float64(sigma) * (1 - gamma), nil
	}
	t, err := chain.Time(sigma)
	if err != nil {
		return 0, err
	}
	return min(chain.Sigma(math.Floor((1-gamma)*t)), float64(sigma)), nil
}
