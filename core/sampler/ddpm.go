package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Variance is the fixed variance of a step of DDPM: of the two that Ho et al.
// 2020, section 3.2, weigh.
type Variance int

const (
	// VarianceSmall is β̃_t, that of q(x_{t−1}|x_t,x₀): right if the data are one point.
	VarianceSmall Variance = iota
	// VarianceLarge is β_t, that of the forward step: right if the data are N(0,I).
	VarianceLarge
)

// DDPM is ancestral sampling: Algorithm 2 of Ho et al. 2020, arXiv:2006.11239.
//
// The step from σ_t to σ_s, σ_s < σ_t, in the coordinates of this package: with
// z = √ᾱ·x, ᾱ = 1/(1+σ²) and β = 1 − ᾱ_t/ᾱ_s, dividing the paper's eq. 7 by √ᾱ_s
// leaves
//
//	mean     β/(1−ᾱ_t)·D + √(ᾱ_t/ᾱ_s)·(1−ᾱ_s)/(1−ᾱ_t)·√(ᾱ_t/ᾱ_s)·x = (1−r)·D + r·x,   r = σ_s²/σ_t²
//	β̃/ᾱ_s   (1−ᾱ_s)/(1−ᾱ_t)·β/ᾱ_s = σ_s²·(σ_t²−σ_s²)/σ_t²
//	β/ᾱ_s    (σ_t²−σ_s²)·(1+σ_s²)/(1+σ_t²)
//
// where s need not be t−1. Along the levels of a whole chain these are the
// paper's steps; a step to σ_s = 0 returns D and draws nothing (line 3).
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	noise   StreamStep+i is drawn in step i
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule. It panics if noise is nil.
func DDPM(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, variance Variance, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if noise == nil {
		panic("sampler: DDPM without noise")
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		keep, sd := ddpmStep(float64(sigma), float64(sigmaNext), variance)
		x = x.Combine(float32(keep), float32(1-keep), denoised)
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}

// ddpmStep returns r of the mean, and the standard deviation of the noise.
func ddpmStep(sigma, sigmaNext float64, variance Variance) (keep, sd float64) {
	fall := (sigma - sigmaNext) * (sigma + sigmaNext) // σ_t² − σ_s²
	ratio := sigmaNext / sigma
	keep = float64(ratio * ratio)
	if variance == VarianceLarge {
		return keep, math.Sqrt(fall * (1 + float64(sigmaNext*sigmaNext)) / (1 + float64(sigma*sigma)))
	}
	return keep, math.Sqrt(fall * keep)
}
