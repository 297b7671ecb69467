package sampler

import (
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// DDIM is the non-Markovian sampler of Song, Meng & Ermon 2021, arXiv:2010.02502,
// eq. 12, with the noise of eq. 16. Divided by √ᾱ_s, and with D as the predicted
// x₀ and (x − D)/σ_t as the predicted ε, the step from σ_t to σ_s is
//
//	x ← D + √(σ_s² − ν²)·(x − D)/σ_t + ν·z,   ν = eta·σ_s·√(σ_t² − σ_s²)/σ_t
//
// With eta 0 it is deterministic and the same as Euler; with eta 1 it is DDPM
// with VarianceSmall.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	eta     0 to 1
//	noise   StreamStep+i is drawn in step i, unless eta is 0; then noise may be nil
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func DDIM(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, eta float64, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if !(eta >= 0 && eta <= 1) {
		return nil, fmt.Errorf("sampler: eta must be between 0 and 1 (got %g)", eta)
	}
	if eta > 0 {
		var err error
		if noise, err = noise.checked(x); err != nil {
			return nil, err
		}
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		keep, sd := ddimStep(float64(sigma), float64(sigmaNext), eta)
		x = x.Combine(float32(keep), float32(1-keep), denoised)
		if sd > 0 {
			x = x.AddScaled(float32(sd), noise(StreamStep+uint32(i)))
		}
		return x, nil
	})
}

// ddimStep returns √(σ_s² − ν²)/σ_t and ν.
func ddimStep(sigma, sigmaNext, eta float64) (keep, sd float64) {
	drop := (sigma - sigmaNext) * (sigma + sigmaNext) // σ_t² − σ_s²
	ratio := sigmaNext / sigma
	// σ_s² − ν² = σ_s²·(1 − eta²·(σ_t² − σ_s²)/σ_t²)
	part := float64(eta * eta * (drop / (sigma * sigma)))
	return float64(ratio * math.Sqrt(1-part)), eta * ratio * math.Sqrt(drop)
}
