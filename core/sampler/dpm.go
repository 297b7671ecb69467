package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// DPMSolver is DPM-Solver-1, -2 and -3 of Lu et al. 2022, arXiv:2206.00927,
// Algorithms 1 and 2 with r₁ = ½ and r₁, r₂ = ⅓, ⅔: single steps in λ = −ln σ on
// the predicted noise ε. Order 1 is DDIM; order 2 is
//
//	u ← x + (σ_s − σ)·ε(x;σ),   σ_s = √(σ·σ′)
//	x ← x + (σ′ − σ)·ε(u;σ_s)
//
// which k-diffusion calls DPM2.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 3; the step to 0 is of order 1
//
// It calls denoise order·K times, order−1 times fewer when sigmas ends in 0. The
// error is one of denoise or of the hook, as it is, or wraps ErrSchedule. It
// panics if order is out of range.
func DPMSolver(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return singlestep(denoise, x, sigmas, overNoise, order, hook)
}

// DPMSolverPP is DPM-Solver++ in single steps, on the predicted D: order 2 is
// DPM-Solver++(2S), Algorithm 1 of Lu et al. 2022, arXiv:2211.01095, with r = ½;
// order 3 is DPM-Solver-3's rule on D. The rest is as in DPMSolver.
func DPMSolverPP(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return singlestep(denoise, x, sigmas, overClean, order, hook)
}

// DPMSolverMultistep is DPM-Solver on the predicted noise with a memory: the
// rules of DPMpp2M and DPMSolverPPMultistep on ε. Its third order is DEIS.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 3; the first steps, and the step to 0, are of lower order
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule. It panics if order is out of range.
func DPMSolverMultistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, overNoise, order, 3, halves, hook)
}

// DPMSolverPPMultistep is DPM-Solver++ with a memory (Lu et al. 2022,
// arXiv:2211.01095): the derivatives of D by λ come from the last values. Order 2
// is DPMpp2M, but for rounding. Order 3 weighs the second derivative by
// ∫₀ʰ e^(s−h)·s²/2 ds, as Taylor's series does; the formula in wide use has half of
// that, and is of second order. The rest is as in DPMSolverMultistep.
func DPMSolverPPMultistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, overClean, order, 3, halves, hook)
}

// singlestep is the solver of a form that starts afresh at every level: an
// exponential Runge-Kutta method of the given order.
func singlestep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, f form, order int, hook Hook) (*tensor.Tensor, error) {
	checkOrder(order, 3)
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		s := single{denoise, f, x, float64(sigma), num.Log(float64(sigma) / float64(sigmaNext))}
		first := f.value(x, denoised, sigma)
		to := float64(sigmaNext)
		switch order {
		case 1:
			return s.from(to, 0, first), nil
		case 2:
			half := s.at(1. / 2)
			middle, err := s.value(s.from(half, 0, first), half)
			if err != nil {
				return nil, err
			}
			return s.from(to, 0, middle), nil
		}
		third, twoThirds := s.at(1./3), s.at(2./3)
		second, err := s.value(s.from(third, 0, first), third)
		if err != nil {
			return nil, err
		}
		last, err := s.value(s.from(twoThirds, 1./3, first, second), twoThirds)
		if err != nil {
			return nil, err
		}
		return s.from(to, 2./3, first, last), nil
	})
}

// single is one step from x at sigma, of length h in λ.
type single struct {
	denoise  diffusion.Denoiser
	form     form
	x        *tensor.Tensor
	sigma, h float64
}

// at returns the level of the part r of the step.
func (s *single) at(r float64) float64 { return float64(s.sigma * num.Exp(-r*s.h)) }

// value returns what the form integrates, at u.
func (s *single) value(u *tensor.Tensor, level float64) (*tensor.Tensor, error) {
	denoised, err := s.denoise(u, float32(level))
	if err != nil {
		return nil, err
	}
	return s.form.value(u, denoised, float32(level)), nil
}

// from returns x taken to a level with the line through a value at the start and,
// if there is one, another at the part r.
func (s *single) from(level, r float64, values ...*tensor.Tensor) *tensor.Tensor {
	places := []float64{0, r * s.h}[:len(values)]
	w := fit(places, 0, s.form.moments(s.sigma, level, len(values)))
	return weighted(s.form.keep(s.sigma, level), s.x, w, values)
}
