package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// ERSDE is ER-SDE-Solver-1, -2 and -3 of Cui et al. 2023, arXiv:2309.06169, Algorithms 1 to 3 for the
// variance-exploding process. It solves an extended reverse SDE whose noise is set by a function φ; with
// r = φ(σ′)/φ(σ), σ₋₁ and σ₋₂ the levels before σ, and integrals from σ′ to σ,
//
//	D⁽¹⁾ ← (D − D₋₁)/(σ − σ₋₁),   D⁽²⁾ ← 2·(D⁽¹⁾ − D⁽¹⁾₋₁)/(σ − σ₋₂)
//	x ← r·x + (1 − r)·D + √(σ′² − r²·σ²)·z
//	  + (σ′ − σ + φ(σ′)·∫ ds/φ(s))·D⁽¹⁾ + ((σ′ − σ)²/2 + φ(σ′)·∫ (s − σ)/φ(s) ds)·D⁽²⁾
//
// φ is that of the paper's ER-SDE 5 (section 4.3), φ(σ) = σ·(e^(σ^0.3) + 10), which has more noise than
// the ODE, φ = σ, and less than the reverse SDE, φ = σ². The paper computes the integrals by sums.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 3; the first steps, and the step to 0, are of lower order
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func ERSDE(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, 3); err != nil {
		return nil, err
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	m := history{integral: noiseOverSigma, order: order}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		m.push(denoised, sigma)
		from, to := float64(sigma), float64(sigmaNext)
		keep, moments := extendedMoments(from, to, len(m.values))
		x = weighted(keep, x, differenceWeights(m.sigmas, moments), m.values)
		part := float64(keep * from / to)
		sd := to * math.Sqrt(1-float64(part*part))
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}

// differenceWeights returns the weights of D, D₋₁ and D₋₂, or of as many as there are, in
// m₀·D + m₁·D⁽¹⁾ + m₂/2·D⁽²⁾.
func differenceWeights(sigmas, m []float64) []float64 {
	w := []float64{m[0], 0, 0}
	if len(m) > 1 {
		first := m[1]
		if len(m) > 2 { // m₂/2·D⁽²⁾ is a part of D⁽¹⁾ and of D⁽¹⁾₋₁
			second := m[2] / (sigmas[0] - sigmas[2])
			first += second
			before := -second / (sigmas[1] - sigmas[2])
			w[1], w[2] = before, -before
		}
		first /= sigmas[0] - sigmas[1]
		w[0] += first
		w[1] -= first
	}
	return w[:len(m)]
}

// logPhi returns ln φ at the level e^l.
func logPhi(l float64) float64 {
	u := num.Exp(0.3 * l)
	return l + u + num.Log(1+float64(10*num.Exp(-u)))
}

// extendedMoments returns r, and the weights that the step from one level to another gives to the
// first n powers of σ − from: m₀ = 1 − r, and by parts
//
//	m_k = (to − from)ᵏ + k·∫ (σ−from)ᵏ⁻¹·φ(to)/φ(σ) dσ,   σ from to to from
//
// by Simpson's rule in ln σ.
func extendedMoments(from, to float64, n int) (r float64, moments []float64) {
	const panels = 64 // for a step of a whole decade the error is below 1e-8
	low, high := num.Log(to), num.Log(from)
	atLow := logPhi(low)
	r = num.Exp(atLow - logPhi(high))
	moments = make([]float64, n)
	moments[0] = 1 - r
	width := (high - low) / panels
	for j := range panels + 1 {
		l := low + float64(float64(j)*width)
		sigma := num.Exp(l)
		w := float64(width / 3 * [...]float64{2, 4}[j%2])
		if j == 0 || j == panels {
			w = width / 3
		}
		part := float64(float64(w*sigma) * num.Exp(atLow-logPhi(l))) // dσ = σ dl
		for k := 1; k < n; k++ {
			moments[k] += float64(float64(k) * part)
			part = float64(part * (sigma - from))
		}
	}
	power := 1.0
	for k := 1; k < n; k++ {
		power = float64(power * (to - from))
		moments[k] += power
	}
	return r, moments
}
