package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Variance selects the fixed variance of a DDPM step: one of the two choices of
// Ho et al. 2020, section 3.2.
type Variance int

const (
	// VarianceSmall is β̃_t, the variance of q(x_{t−1}|x_t,x₀): optimal if the data are a single point.
	VarianceSmall Variance = iota
	// VarianceLarge is β_t, the variance of the forward step: optimal if the data are N(0,I).
	VarianceLarge
)

// DDPM is ancestral sampling: Algorithm 2 of Ho et al. 2020, arXiv:2006.11239.
//
// In the coordinates of this package z = √ᾱ·x, ᾱ = 1/(1+σ²) and β = 1 − ᾱ_t/ᾱ_s.
// Dividing the paper's eq. 7 by √ᾱ_s gives for the step from σ_t to σ_s, σ_s < σ_t,
//
//	mean     β/(1−ᾱ_t)·D + √(ᾱ_t/ᾱ_s)·(1−ᾱ_s)/(1−ᾱ_t)·√(ᾱ_t/ᾱ_s)·x = (1−r)·D + r·x,   r = σ_s²/σ_t²
//	β̃/ᾱ_s   (1−ᾱ_s)/(1−ᾱ_t)·β/ᾱ_s = σ_s²·(σ_t²−σ_s²)/σ_t²
//	β/ᾱ_s    (σ_t²−σ_s²)·(1+σ_s²)/(1+σ_t²)
//
// where s need not be t−1. Along all levels of a chain these are the paper's
// steps; a step to σ_s = 0 returns D and draws no noise (line 3).
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	noise   StreamStep+i is drawn in step i
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func DDPM(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, variance Variance, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		keep, sd := ddpmStep(float64(sigma), float64(sigmaNext), variance)
		x = x.Combine(float32(keep), float32(1-keep), denoised)
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}

// ddpmStep returns r, the factor of x in the mean, and the standard deviation of
// the noise.
func ddpmStep(sigma, sigmaNext float64, variance Variance) (keep, sd float64) {
	drop := (sigma - sigmaNext) * (sigma + sigmaNext) // σ_t² − σ_s²
	ratio := sigmaNext / sigma
	keep = float64(ratio * ratio)
	if variance == VarianceLarge {
		return keep, math.Sqrt(drop * (1 + float64(sigmaNext*sigmaNext)) / (1 + float64(sigma*sigma)))
	}
	return keep, math.Sqrt(drop * keep)
}
