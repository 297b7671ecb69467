package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// SDEDPMSolverPP is SDE-DPM-Solver++ of order 1 and 2M: Lu et al. 2022,
// arXiv:2211.01095. It solves the reverse SDE exactly except for the change of D
// within a step. With h = λ′ − λ = ln(σ/σ′), e^(−h) = σ′/σ and h₋₁ the previous h,
//
//	𝐃 ← D + h/(2h₋₁)·(D − D₋₁)
//	x ← (σ′/σ)²·x + (1 − e^(−2h))·𝐃 + σ′·√(1 − e^(−2h))·z
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 or 2; the first step, and the step to 0, are of order 1
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func SDEDPMSolverPP(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return sdeMultistep(denoise, x, sigmas, dataOverLambda, order, SolverMidpoint, noise, hook)
}

// SDEDPMSolver is SDE-DPM-Solver of order 1 and 2M, from the same paper. Within a step
// it approximates the predicted noise ε = (x − D)/σ where SDEDPMSolverPP approximates D:
//
//	𝛆 ← ε + h/(2h₋₁)·(ε − ε₋₁)
//	x ← x − 2·(σ − σ′)·𝛆 + √(σ² − σ′²)·z
//
// The method is unstable in long steps: a step of order 1 multiplies the error of x, in
// units of the noise level, by 2 − σ/σ′, so errors grow where the level falls by a factor
// above 3, and with order 2 above 5/3. Arguments, cost and errors are those of
// SDEDPMSolverPP.
func SDEDPMSolver(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return sdeMultistep(denoise, x, sigmas, noiseOverLambda, order, SolverMidpoint, noise, hook)
}

// sdeMultistep solves the reverse SDE with data or noise prediction: f is dataOverLambda
// or noiseOverLambda. With SolverHeun a step of order 2 integrates the line through both values
// exactly, where SolverMidpoint takes its value in the middle of the step.
func sdeMultistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, f integral, order int, kind string, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, 2); err != nil {
		return nil, err
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	var previous *tensor.Tensor
	var hPrevious float64
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		ratio := float64(sigmaNext) / float64(sigma)
		h := -num.Log(ratio)
		value := f.value(x, denoised, sigma)
		target := value
		square := float64(ratio * ratio)
		if order == 2 && previous != nil {
			over := h / (2 * hPrevious)
			if kind == SolverHeun {
				over = sdeMean(f, h, square) / hPrevious
			}
			target = value.Combine(float32(1+over), float32(-over), previous)
		}
		previous, hPrevious = value, h
		keep, weight, sd := square, 1-square, float64(sigmaNext)*math.Sqrt(1-square)
		if f == noiseOverLambda {
			keep, weight, sd = 1, 2*(float64(sigmaNext)-float64(sigma)), float64(sigma)*math.Sqrt(1-square)
		}
		x = x.Combine(float32(keep), float32(weight), target)
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}

// sdeMean returns the mean of s over a step of length h with the weight of sdeMultistep's integral,
// e^(−2(h−s)) for D and e^(−s) for ε; square is e^(−2h).
func sdeMean(f integral, h, square float64) float64 {
	if f == dataOverLambda {
		return h/(1-square) - 0.5
	}
	decay := num.Exp(-h)
	return 1 - h*decay/(1-decay)
}

// SDEDPMSolverPPSinglestep is single-step SDE-DPM-Solver++, of second order in D
// (k-diffusion's dpmpp_sde with r = ½): a step of SDEDPMSolverPP to σ_s = √(σ·σ′), then a
// full step with D at σ_s. The noise of the full step is that of its two halves:
//
//	u ← (σ_s/σ)²·x + (1 − e^(−h))·D(x;σ) + n,   n = σ_s·√(1 − e^(−h))·z₁
//	x ← (σ′/σ)²·x + (1 − e^(−2h))·D(u;σ_s) + (σ′/σ_s)²·n + σ′·√(1 − e^(−h))·z₂
//
//	noise   StreamStep+i+StreamInner and StreamStep+i are drawn in step i: z₁ and z₂
//
// It calls denoise twice a step, once in a step to 0. Other arguments and errors are those
// of SDEDPMSolverPP.
func SDEDPMSolverPPSinglestep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		to := float64(sigmaNext)
		ratio := to / float64(sigma) // e^(−h), and (σ_s/σ)², and (σ′/σ_s)²
		middle := float64(float64(sigma) * math.Sqrt(ratio))
		sd := math.Sqrt(1 - ratio)
		step := noise(StreamStep + uint32(i) + StreamInner).Scaled(float32(middle * sd))
		u := x.Combine(float32(ratio), float32(1-ratio), denoised).AddScaled(1, step)
		second, err := denoise(u, float32(middle))
		if err != nil {
			return nil, err
		}
		square := float64(ratio * ratio)
		x = x.Combine(float32(square), float32(1-square), second).AddScaled(float32(ratio), step)
		return x.AddScaled(float32(to*sd), noise(StreamStep+uint32(i))), nil
	})
}
