package sampler

import (
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// UniPC is the unified predictor-corrector of Zhao et al. 2023, arXiv:2302.04867,
// Algorithms 1 and 2 with data prediction. UniP-p goes to the next level with the
// last p values. Once D is known there, UniC-p raises the order of x by one without
// another evaluation. The weights match as many powers of λ as possible, and then do
// not depend on B(h). The exception is a single difference, in UniP-2 and UniC-1:
// there the paper sets a₁ = ½, and the result depends on B(h).
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   p, 1 to 3; the solution is of order p+1. The first steps are of lower
//	        order, and the step to 0 is D
//	bh      1 for B₁(h) = h, 2 for B₂(h) = e^h − 1
//
// The hook receives the predicted x; the correction keeps what the hook writes. It calls
// denoise K times. Errors of denoise and of the hook are returned unchanged; an error about
// sigmas wraps ErrSchedule.
func UniPC(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order, bh int, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, 3); err != nil {
		return nil, err
	}
	if bh != 1 && bh != 2 {
		return nil, fmt.Errorf("sampler: bh must be 1 or 2 (got %d)", bh)
	}
	r := rule(midpointRule)
	if bh == 1 {
		r = func(places []float64, h float64, m []float64) []float64 { return midpointRuleWith(h, places, h, m) }
	}
	m := history{integral: dataOverLambda, order: order}
	var predicted []float64 // weights of the prediction that gave x
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		if predicted != nil {
			// x ← x + Σ (w_c − w_p)·D: from UniP's weights to UniC's.
			w := m.weights(float64(sigma), float64(sigma), r)
			for j, p := range predicted {
				w[j] -= p
			}
			x = weighted(1, x, w, append(m.values[:len(m.values):len(m.values)], denoised))
		}
		m.add(x, denoised, sigma)
		predicted = m.weights(float64(sigmaNext), 0, r)
		return weighted(m.integral.decay(float64(sigma), float64(sigmaNext)), x, predicted, m.values), nil
	})
}
