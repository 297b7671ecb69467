package sampler

import (
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/num"
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
	return unipc(denoise, x, sigmas, dataOverLambda, order, bh, nil, hook)
}

// UniPCNoise is UniPC with noise prediction (Zhao et al. 2023, eq. 2): the same rules for the
// integral of ε = (x − D)/σ, in place of that of D. Arguments, cost and errors are those of
// UniPC.
func UniPCNoise(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order, bh int, hook Hook) (*tensor.Tensor, error) {
	return unipc(denoise, x, sigmas, noiseOverLambda, order, bh, nil, hook)
}

// unipc is UniPC for an integral form.
func unipc(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, f integral, order, bh int, ends ending, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, 3); err != nil {
		return nil, err
	}
	if bh != 1 && bh != 2 {
		return nil, fmt.Errorf("sampler: bh must be 1 or 2 (got %d)", bh)
	}
	r := rule(midpointRule)
	if bh == 1 {
		r = func(places []float64, h float64, m []float64) []float64 {
			if b := h; f == dataOverLambda {
				return midpointRuleWith(b, places, h, m)
			}
			return midpointRuleWith(m[0]*h/(num.Exp(h)-1), places, h, m) // m₀ is −σ′·(e^h − 1)
		}
	}
	m := history{integral: f, order: order}
	var used *history       // the values of the prediction that gave x
	var predicted []float64 // their weights
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		value := f.value(x, denoised, sigma)
		if used != nil {
			// x ← x + Σ (w_c − w_p)·value: from UniP's weights to UniC's.
			w := used.weights(float64(sigma), float64(sigma), r)
			for j, p := range predicted {
				w[j] -= p
			}
			x = weighted(1, x, w, append(slices.Clone(used.values), value))
		}
		m.push(value, sigma)
		used = m.newest(ends.order(sigma, order))
		predicted = used.weights(float64(sigmaNext), 0, r)
		return weighted(f.decay(float64(sigma), float64(sigmaNext)), x, predicted, used.values), nil
	})
}
