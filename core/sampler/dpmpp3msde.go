package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// DPMpp3MSDE is DPM-Solver++(3M) for the reverse SDE: sample_dpmpp_3m_sde of Crowson's k-diffusion with
// η = 1. With h = ln(σ/σ′), r₀ = h₋₁/h and r₁ = h₋₂/h of the steps before, the differences of D are
//
//	a ← (D − D₋₁)/r₀,   b ← (D₋₁ − D₋₂)/r₁
//	d₁ ← a + (a − b)·r₀/(r₀ + r₁),   d₂ ← (a − b)/(r₀ + r₁)
//
// and with φ₂ = 1 − (1 − e^(−2h))/(2h), φ₃ = φ₂/(2h) − ½ a step is
//
//	x ← e^(−2h)·x + (1 − e^(−2h))·D + φ₂·d₁ − φ₃·d₂ + σ′·√(1 − e^(−2h))·z
//
// The second step has d₁ = a and d₂ = 0, the first none. The Taylor series has twice the weight of d₂, which
// makes few and long steps noisy; SASolver with τ = 1 has that one.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func DPMpp3MSDE(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	m := history{integral: dataOverLambda, order: 3}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		m.push(denoised, sigma)
		h := num.Log(float64(sigma) / float64(sigmaNext))
		keep := num.Exp(-2 * h)
		w := thirdOrderWeights(m.sigmas, h, 1-keep)
		x = weighted(keep, x, w, m.values)
		return x.AddScaled(float32(float64(sigmaNext)*math.Sqrt(1-keep)), noise(StreamStep+uint32(i))), nil
	})
}

// thirdOrderWeights returns the weights of D, D₋₁ and D₋₂, or of as many as there are, whose levels are given;
// total is 1 − e^(−2h).
func thirdOrderWeights(levels []float64, h, total float64) []float64 {
	phi2 := 1 - total/(2*h)
	if len(levels) == 1 {
		return []float64{total}
	}
	r0 := num.Log(levels[1]/levels[0]) / h
	if len(levels) == 2 {
		return []float64{total + phi2/r0, -phi2 / r0}
	}
	r1 := num.Log(levels[2]/levels[1]) / h
	phi3 := phi2/(2*h) - 0.5
	bend := (float64(phi2*r0) - phi3) / (r0 + r1) // of a − b
	a, b := (phi2+bend)/r0, -bend/r1
	return []float64{total + a, b - a, -b}
}
