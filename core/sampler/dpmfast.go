package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// DPMFast is DPM-Solver-fast of Lu et al. 2022, arXiv:2206.00927, section 3.4: steps of DPM-Solver-3
// as far as the levels go, and a last one or two of lower order. A step of order p spans p intervals
// of sigmas, and its inner evaluations are at the levels between, so that a run has as many evaluations
// as levels. On levels evenly spaced in ln σ these are the paper's r₁ = ⅓ and r₂ = ⅔. The orders
// of n intervals are
//
//	3, …, 3, 2, 1 for n = 3k;   3, …, 3, 1 for n = 3k+1;   3, …, 3, 2 for n = 3k+2
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; the interval to 0 is not counted: its step is D
//
// Within a step the hook receives the inner x, and at the end of a step x itself. It calls denoise K
// times. Errors of denoise and of the hook are returned unchanged; an error about sigmas wraps
// ErrSchedule.
func DPMFast(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	n := len(sigmas) - 1
	if n > 0 && sigmas[n] == 0 {
		n--
	}
	orders := fastOrders(n)
	m := history{integral: noiseOverLambda, order: 1} // the value at the start of a step
	var start *tensor.Tensor                          // x there
	stage := 0
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		value := slope(x, denoised, sigma)
		values := []*tensor.Tensor{value}
		if stage == 0 {
			m.push(value, sigma)
			start = x
		} else {
			values = []*tensor.Tensor{m.values[0], value}
		}
		w := m.weights(float64(sigmaNext), 0, interpolationRule)
		if stage > 0 {
			r := rule(interpolationRule) // DPM-Solver-3, and the inner level of it
			if orders[0] == 2 {
				r = midpointRule
			}
			w = m.weights(float64(sigmaNext), float64(sigma), r)
		}
		if stage++; stage == orders[0] {
			stage, orders = 0, orders[1:]
		}
		return weighted(1, start, w, values), nil
	})
}

// fastOrders returns the orders of the steps of n intervals.
func fastOrders(n int) []int {
	var orders []int
	for ; n > 3; n -= 3 {
		orders = append(orders, 3)
	}
	if n == 3 {
		return append(orders, 2, 1)
	}
	return append(orders, n)
}
