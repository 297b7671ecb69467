package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

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
	return sdeMultistep(denoise, x, sigmas, overClean, order, noise, hook)
}

// SDEDPMSolver is SDE-DPM-Solver of order 1 and 2M (there too), which holds the predicted
// noise ε = (x − D)/σ within a step where SDEDPMSolverPP holds D:
//
//	𝛆 ← ε + h/(2h₋₁)·(ε − ε₋₁)
//	x ← x − 2·(σ − σ′)·𝛆 + √(σ² − σ′²)·z
//
// It is unsteady in long steps by its nature: of what x is off by, in units of the level, a
// step of order 1 leaves 2 − σ/σ′, so that noise grows where levels fall by more than 3, and
// of order 2 by more than 5/3. The rest is as with SDEDPMSolverPP.
func SDEDPMSolver(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return sdeMultistep(denoise, x, sigmas, overNoise, order, noise, hook)
}

// sdeMultistep is the solver of the reverse SDE in a form, overClean or overNoise.
func sdeMultistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, f form, order int, noise Noise, hook Hook) (*tensor.Tensor, error) {
	checkOrder(order, 2)
	if noise == nil {
		panic("sampler: SDE-DPM-Solver without noise")
	}
	var before *tensor.Tensor
	var hBefore float64
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		ratio := float64(sigmaNext) / float64(sigma)
		h := -num.Log(ratio)
		value := f.value(x, denoised, sigma)
		target := value
		if order == 2 && before != nil {
			over := h / (2 * hBefore)
			target = value.Combine(float32(1+over), float32(-over), before)
		}
		before, hBefore = value, h
		square := float64(ratio * ratio)
		keep, weight, sd := square, 1-square, float64(sigmaNext)*math.Sqrt(1-square)
		if f == overNoise {
			keep, weight, sd = 1, 2*(float64(sigmaNext)-float64(sigma)), float64(sigma)*math.Sqrt(1-square)
		}
		x = x.Combine(float32(keep), float32(weight), target)
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}

// SDEDPMSolverPPSinglestep is SDE-DPM-Solver++ without a memory, of second order in D
// (k-diffusion's dpmpp_sde with r = ½): a step of SDEDPMSolverPP to σ_s = √(σ·σ′), and a
// whole one with the D found there, whose noise is that of both halves of the way:
//
//	u ← (σ_s/σ)²·x + (1 − e^(−h))·D(x;σ) + n,   n = σ_s·√(1 − e^(−h))·z₁
//	x ← (σ′/σ)²·x + (1 − e^(−2h))·D(u;σ_s) + (σ′/σ_s)²·n + σ′·√(1 − e^(−h))·z₂
//
//	noise   StreamStep+i+StreamInner and StreamStep+i are drawn in step i: z₁ and z₂
//
// It calls denoise twice a step, once in a step to 0. The rest is as with SDEDPMSolverPP.
func SDEDPMSolverPPSinglestep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if noise == nil {
		panic("sampler: SDEDPMSolverPPSinglestep without noise")
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		to := float64(sigmaNext)
		ratio := to / float64(sigma) // e^(−h), and (σ_s/σ)², and (σ′/σ_s)²
		middle := float64(float64(sigma) * math.Sqrt(ratio))
		spread := math.Sqrt(1 - ratio)
		step := noise(StreamStep + uint32(i) + StreamInner).Scaled(float32(middle * spread))
		u := x.Combine(float32(ratio), float32(1-ratio), denoised).AddScaled(1, step)
		second, err := denoise(u, float32(middle))
		if err != nil {
			return nil, err
		}
		square := float64(ratio * ratio)
		x = x.Combine(float32(square), float32(1-square), second).AddScaled(float32(ratio), step)
		return x.AddScaled(float32(to*spread), noise(StreamStep+uint32(i))), nil
	})
}
