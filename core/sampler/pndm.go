package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// pndmStart is the number of Runge-Kutta steps at the start of PNDM.
const pndmStart = 3

// PNDM is the pseudo numerical method F-PNDM of Liu et al. 2022, arXiv:2202.09778:
// three pseudo Runge-Kutta steps, then the pseudo linear multistep method. The
// paper's transfer part is x + (σ′ − σ)·ε in the coordinates of this package, so both
// are the classical rules in σ. The paper's time half way between two steps of a
// chain becomes the midpoint of their levels.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; on levels evenly spaced in σ the method is of
//	        order 4, on others of order 2
//
// It calls denoise K times, and 3 more times in each of the first three steps that do not
// go to 0. Errors of denoise and of the hook are returned unchanged; an error about sigmas
// wraps ErrSchedule.
func PNDM(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	m := history{integral: noiseOverSigma, order: len(adams)}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		m.add(x, denoised, sigma)
		if i >= pndmStart {
			return m.step(x, float64(sigmaNext), adamsRule), nil
		}
		return rungeKutta(denoise, x, m.values[0], sigma, sigmaNext)
	})
}

// rungeKutta is the classical fourth-order step (Kutta 1901) for dx/dσ = ε, given
// the first slope.
func rungeKutta(denoise diffusion.Denoiser, x, first *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
	h := sigmaNext - sigma
	slopes := []*tensor.Tensor{first}
	for _, part := range []float32{0.5, 0.5, 1} {
		at := sigmaNext // sigma + part·h could differ by a rounding error
		if part < 1 {
			at = sigma + float32(part*h)
		}
		u := x.AddScaled(part*h, slopes[len(slopes)-1])
		denoised, err := denoise(u, at)
		if err != nil {
			return nil, err
		}
		slopes = append(slopes, slope(u, denoised, at))
	}
	sixth := float64(h) / 6
	return weighted(1, x, []float64{sixth, 2 * sixth, 2 * sixth, sixth}, slopes), nil
}
