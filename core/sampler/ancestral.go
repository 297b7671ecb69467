package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// EulerAncestral takes Euler's step to σ_down, below the next level, and adds
// noise of standard deviation σ_up to come back to it (Crowson's k-diffusion):
//
//	σ_up² = σ′²·(σ² − σ′²)/σ²,   σ_down² = σ′² − σ_up² = (σ′²/σ)²
//
// That is DDIM with eta 1, DDPM with VarianceSmall, and SDEDPMSolverPP of order
// 1, and it is DDIM that runs.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule. It panics if noise is nil.
func EulerAncestral(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return DDIM(denoise, x, sigmas, 1, noise, hook)
}

// DPM2Ancestral takes DPM-Solver-2's step to the σ_down of EulerAncestral and
// adds the noise of σ_up (Crowson's k-diffusion). The rest is as there, but that
// it calls denoise twice a step.
func DPM2Ancestral(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if noise == nil {
		panic("sampler: DPM2Ancestral without noise")
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		_, up := ddimStep(float64(sigma), float64(sigmaNext), 1)
		down := float64(sigmaNext) * float64(sigmaNext) / float64(sigma)
		// σ_s = √(σ·σ_down) is the next level itself.
		u := x.AddScaled(sigmaNext-sigma, slope(x, denoised, sigma))
		middle, err := denoise(u, sigmaNext)
		if err != nil {
			return nil, err
		}
		x = x.AddScaled(float32(down-float64(sigma)), slope(u, middle, sigmaNext))
		return x.AddScaled(float32(up), noise(StreamStep+uint32(i))), nil
	})
}

// SDEDPMSolverPP is SDE-DPM-Solver++ of order 1 and 2M: Lu et al. 2022,
// arXiv:2211.01095, which solve the reverse SDE exactly but for what D does within
// a step. With h = λ′ − λ = ln(σ/σ′), e^(−h) = σ′/σ and
// h₋₁ the step before,
//
//	𝐃 ← D + h/(2h₋₁)·(D − D₋₁)
//	x ← (σ′/σ)²·x + (1 − e^(−2h))·𝐃 + σ′·√(1 − e^(−2h))·z
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 or 2; the first step, and the step to 0, are of order 1
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule. It panics if order is out of range or noise is nil.
func SDEDPMSolverPP(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, noise Noise, hook Hook) (*tensor.Tensor, error) {
	checkOrder(order, 2)
	if noise == nil {
		panic("sampler: SDEDPMSolverPP without noise")
	}
	var denoisedBefore *tensor.Tensor
	var hBefore float64
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		ratio := float64(sigmaNext) / float64(sigma)
		h := -num.Log(ratio)
		target := denoised
		if order == 2 && denoisedBefore != nil {
			over := h / (2 * hBefore)
			target = denoised.Combine(float32(1+over), float32(-over), denoisedBefore)
		}
		denoisedBefore, hBefore = denoised, h
		keep := float64(ratio * ratio)
		x = x.Combine(float32(keep), float32(1-keep), target)
		sd := float64(sigmaNext) * math.Sqrt(1-keep)
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}
