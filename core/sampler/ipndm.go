package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// adams holds the Adams-Bashforth weights for evenly spaced levels in units of the
// step, one row for each order (Hairer, Nørsett & Wanner 1993, Table III.1.1).
var adams = [...][]float64{
	{1},
	{3. / 2, -1. / 2},
	{23. / 12, -16. / 12, 5. / 12},
	{55. / 24, -59. / 24, 37. / 24, -9. / 24},
}

// adamsRule applies the Adams-Bashforth weights for evenly spaced levels whatever
// the spacing.
func adamsRule(places []float64, h float64, _ []float64) []float64 {
	row := adams[len(places)-1]
	w := make([]float64, len(row))
	for j, a := range row {
		w[j] = a * h
	}
	return w
}

// IPNDM is the improved pseudo linear multistep method. It has the weights of
// PNDM, but its first steps are of lower order instead of Runge-Kutta steps (Zhang
// & Chen 2023, arXiv:2204.13902, who compare it with DEIS).
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; on levels evenly spaced in σ the method is of the
//	        given order, on others of order 2 at most
//	order   1 to 4; the first steps, and the step to 0, are of lower order
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func IPNDM(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, noiseOverSigma, order, len(adams), adamsRule, nil, hook)
}
