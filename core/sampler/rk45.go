package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// The tableau of Dormand & Prince 1980 (Hairer, Nørsett & Wanner 1993, Table
// II.5.2): nodes, weights of the stages, and the difference between the weights
// of order 5, the last stage's, and those of order 4.
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
// & Prince 1980, whose embedded fourth order says how long a step may be: what
// Song et al. 2021, arXiv:2011.13456, section 4.3, sample with. Time is λ = −ln σ:
// dx/dλ = D − x. It steps as the tolerance asks and stops at every level of
// sigmas; the step to 0 is D, so two levels above it are all that is needed.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//
// The steps are those of the whole batch; a sample that is not to depend on the
// others is drawn alone. It calls denoise 6 times for every step of its own, once
// more for every level above a final 0, and once for a final 0. The error is one
// of denoise or of the hook, as it is, or wraps ErrSchedule.
func RK45(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, tolerance Tolerance, hook Hook) (*tensor.Tensor, error) {
	p := pace{h: 0.1, power: 1. / 5}
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		at, end := float64(sigma), float64(sigmaNext)
		first := denoised.Combine(1, -1, x)
		for at > end {
			next, h := p.within(at, end)
			ks, there, err := dopri(denoise, x, first, at, h, float32(next))
			if err != nil {
				return nil, err
			}
			off := weighted(0, x, scaled(h, dopriError), ks)
			if p.accepts(h, tolerance.of(off, x, there)) {
				x, at, first = there, next, ks[len(ks)-1]
			}
		}
		return x, nil
	})
}

// dopri takes one step of length h in λ, whose first slope is known. It returns
// the slopes, the last of them at the new x.
func dopri(denoise diffusion.Denoiser, x, first *tensor.Tensor, sigma, h float64, next float32) (ks []*tensor.Tensor, there *tensor.Tensor, err error) {
	ks = []*tensor.Tensor{first}
	for i, weights := range dopriStages {
		level := next
		if dopriNodes[i] < 1 {
			level = float32(sigma * num.Exp(-dopriNodes[i]*h))
		}
		there = weighted(1, x, scaled(h, weights), ks)
		denoised, err := denoise(there, level)
		if err != nil {
			return nil, nil, err
		}
		ks = append(ks, denoised.Combine(1, -1, there))
	}
	return ks, there, nil
}

// scaled returns h·w.
func scaled(h float64, w []float64) []float64 {
	out := make([]float64, len(w))
	for i, v := range w {
		out[i] = h * v
	}
	return out
}
