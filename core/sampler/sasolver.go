package sampler

import (
	"fmt"
	"math"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// SASolver is the stochastic Adams solver of Xue et al. 2023, arXiv:2309.05019, Algorithm 1,
// with data prediction and a constant τ. It solves the SDE whose noise is τ times that of the
// reverse SDE (eq. 6): 0 is the ODE, 1 the reverse SDE. With a = 1 + τ² and h = ln(σ/σ′) the
// exact solution (Proposition 4.2, α = 1) is
//
//	x′ = e^(−a·h)·x + ∫₀ʰ a·e^(−a(h−s))·D ds + σ′·√(1 − e^(−2τ²h))·z
//
// The predictor (eq. 14) integrates the polynomial through the last values of D exactly. The
// corrector (eq. 17) adds D at the predicted x to them and takes the step again, with the
// same z and without another evaluation.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   values of the predictor, 1 to 3; the first steps have fewer, and the step to 0 is D
//	tau     τ, above 0 and at most 10
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// The hook receives the predicted x; the correction keeps what the hook writes. It calls denoise
// K times. Errors of denoise and of the hook are returned unchanged; an error about sigmas wraps
// ErrSchedule.
func SASolver(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, tau float64, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return saSolver(denoise, x, sigmas, order, tau, noise, nil, hook)
}

// saSolver is SASolver whose last steps may be of lower order.
func saSolver(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, tau float64, noise Noise, ends ending, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, 3); err != nil {
		return nil, err
	}
	if !(tau > 0 && tau <= maxTau) {
		return nil, fmt.Errorf("sampler: tau must be above 0 and at most %d (got %g)", maxTau, tau)
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	rate := 1 + float64(tau*tau)
	m := history{integral: dataOverLambda, order: order}
	weights := func(m *history, next, at float64) []float64 {
		h := num.Log(m.sigmas[0] / next)
		places := m.places(at)
		return interpolationRule(places, h, dampedMoments(h, rate, len(places)))
	}
	var used *history       // the values of the prediction that gave x
	var predicted []float64 // their weights
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		if used != nil {
			w := weights(used, float64(sigma), float64(sigma))
			for j, p := range predicted {
				w[j] -= p
			}
			x = weighted(1, x, w, append(slices.Clone(used.values), denoised))
		}
		m.push(denoised, sigma)
		used = m.newest(ends.order(sigma, order))
		predicted = weights(used, float64(sigmaNext), 0)
		h := num.Log(float64(sigma) / float64(sigmaNext))
		x = weighted(num.Exp(-rate*h), x, predicted, used.values)
		sd := float64(sigmaNext) * math.Sqrt(1-num.Exp(-2*float64(tau*tau)*h))
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}

// maxTau is the largest τ: with more, a step forgets x.
const maxTau = 10

// dampedMoments returns ∫₀ʰ a·e^(−a(h−s))·sᵏ ds for k = 0 … n−1, by parts.
func dampedMoments(h, a float64, n int) []float64 {
	m := make([]float64, n)
	power := 1.0
	for k := range m {
		if k == 0 {
			m[k] = 1 - num.Exp(-a*h)
			continue
		}
		power = float64(power * h)
		m[k] = power - float64(float64(float64(k)/a)*m[k-1])
	}
	return m
}
