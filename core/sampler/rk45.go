package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// The tableau of Dormand & Prince 1980 (Hairer, Nørsett & Wanner 1993, Table
// II.5.2): nodes, weights of the stages, and the difference between the weights
// of order 5, which are those of the last stage, and the weights of order 4.
var (
	dopriNodes  = [...]float64{1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1}
	dopriStages = [...][]float64{
		{1. / 5},
		{3. / 40, 9. / 40},
		{44. / 45, -56. / 15, 32. / 9},
		{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
		{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
		{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
	}
	dopriError = []float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}
)

// RK45 integrates the probability-flow ODE with the fifth-order method of Dormand
// & Prince 1980, whose embedded fourth-order solution controls the step size: the
// sampler of Song et al. 2021, arXiv:2011.13456, section 4.3. Time is λ = −ln σ:
// dx/dλ = D − x. It stops at every level of sigmas; two levels above 0 are enough,
// as the tolerance determines the steps between them. The step to 0 is D.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//
// Steps are chosen for the batch as a whole: to make a sample independent of the others,
// draw it alone. It calls denoise 6 times for every internal step, once more for every
// level above a final 0, and once for a final 0. Errors of denoise and of the hook are
// returned unchanged; an error about sigmas wraps ErrSchedule.
func RK45(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, tolerance Tolerance, hook Hook) (*tensor.Tensor, error) {
	p := stepController{h: 0.1, power: 1. / 5}
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		level, end := float64(sigma), float64(sigmaNext)
		first := denoised.Combine(1, -1, x)
		for level > end {
			next, h := p.next(level, end)
			ks, xNext, err := dormandPrince(denoise, x, first, level, h, float32(next))
			if err != nil {
				return nil, err
			}
			difference := weighted(0, x, scaled(h, dopriError), ks)
			if p.accept(h, tolerance.scaledError(difference, x, xNext)) {
				x, level, first = xNext, next, ks[len(ks)-1]
			}
		}
		return x, nil
	})
}

// dormandPrince takes one step of length h in λ, given the first slope. It returns
// the slopes, the last of them at the new x.
func dormandPrince(denoise diffusion.Denoiser, x, first *tensor.Tensor, sigma, h float64, next float32) (ks []*tensor.Tensor, xNext *tensor.Tensor, err error) {
	ks = []*tensor.Tensor{first}
	for i, weights := range dopriStages {
		level := next
		if dopriNodes[i] < 1 {
			level = float32(sigma * num.Exp(-dopriNodes[i]*h))
		}
		xNext = weighted(1, x, scaled(h, weights), ks)
		denoised, err := denoise(xNext, level)
		if err != nil {
			return nil, nil, err
		}
		ks = append(ks, denoised.Combine(1, -1, xNext))
	}
	return ks, xNext, nil
}

// scaled returns h·w.
func scaled(h float64, w []float64) []float64 {
	out := make([]float64, len(w))
	for i, v := range w {
		out[i] = h * v
	}
	return out
}
