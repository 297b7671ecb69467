package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// DPMSolver is DPM-Solver-1, -2 and -3 of Lu et al. 2022, arXiv:2206.00927,
// Algorithms 1 and 2 with r₁ = ½ and r₁, r₂ = ⅓, ⅔: a single-step solver in
// λ = −ln σ with noise prediction. Order 1 is DDIM; order 2 is
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
// It calls denoise order·K times, order−1 times fewer when sigmas ends in 0. Errors of
// denoise and of the hook are returned unchanged; an error about sigmas wraps ErrSchedule.
func DPMSolver(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return singlestep(denoise, x, sigmas, noiseOverLambda, order, SolverMidpoint, nil, hook)
}

// DPMSolverPP is single-step DPM-Solver++, which uses data prediction: order 2 is
// DPM-Solver++(2S), Algorithm 1 of Lu et al. 2022, arXiv:2211.01095, with r = ½;
// order 3 is the rule of DPM-Solver-3 applied to D. Arguments, cost and errors are
// those of DPMSolver.
func DPMSolverPP(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return singlestep(denoise, x, sigmas, dataOverLambda, order, SolverMidpoint, nil, hook)
}

// DPMSolverMultistep is multistep DPM-Solver, with noise prediction: the rules of
// DPMpp2M and DPMSolverPPMultistep applied to ε. Order 3 is DEIS.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   1 to 3; the first steps, and the step to 0, are of lower order
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func DPMSolverMultistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, noiseOverLambda, order, 3, midpointRule, nil, hook)
}

// DPMSolverPPMultistep is multistep DPM-Solver++ (Lu et al. 2022,
// arXiv:2211.01095): it estimates the derivatives of D with respect to λ from the
// last values. Order 2 is DPMpp2M up to rounding. Order 3 weights the second
// derivative by ∫₀ʰ e^(s−h)·s²/2 ds, as the Taylor series does; the formula in wide
// use has half of that, and is of second order. Arguments, cost and errors are
// those of DPMSolverMultistep.
func DPMSolverPPMultistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, hook Hook) (*tensor.Tensor, error) {
	return multistep(denoise, x, sigmas, dataOverLambda, order, 3, midpointRule, nil, hook)
}

// singlestep is a single-step solver for an integral form: an exponential
// Runge-Kutta method of the given order. With SolverHeun it integrates the polynomial through
// all values of a step: the line in order 2, the parabola in order 3.
func singlestep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, f integral, order int, kind string, up lift, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, 3); err != nil {
		return nil, err
	}
	return walkFrom(denoise, x, sigmas, hook, up, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		s := singleStep{denoise, f, x, float64(sigma), num.Log(float64(sigma) / float64(sigmaNext))}
		first := f.value(x, denoised, sigma)
		to := float64(sigmaNext)
		switch order {
		case 1:
			return s.advance(to, 0, first), nil
		case 2:
			half := s.level(1. / 2)
			middle, err := s.value(s.advance(half, 0, first), half)
			if err != nil {
				return nil, err
			}
			if kind == SolverHeun {
				return s.advance(to, 1./2, first, middle), nil
			}
			return s.advance(to, 0, middle), nil
		}
		third, twoThirds := s.level(1./3), s.level(2./3)
		second, err := s.value(s.advance(third, 0, first), third)
		if err != nil {
			return nil, err
		}
		last, err := s.value(s.advance(twoThirds, 1./3, first, second), twoThirds)
		if err != nil {
			return nil, err
		}
		if kind == SolverHeun {
			return s.through(to, []float64{0, 1. / 3, 2. / 3}, first, second, last), nil
		}
		return s.advance(to, 2./3, first, last), nil
	})
}

// singleStep is one step from x at sigma, of length h in λ.
type singleStep struct {
	denoise  diffusion.Denoiser
	integral integral
	x        *tensor.Tensor
	sigma, h float64
}

// level returns the noise level at the fraction r of the step.
func (s *singleStep) level(r float64) float64 { return float64(s.sigma * num.Exp(-r*s.h)) }

// value returns the integrand at u.
func (s *singleStep) value(u *tensor.Tensor, level float64) (*tensor.Tensor, error) {
	denoised, err := s.denoise(u, float32(level))
	if err != nil {
		return nil, err
	}
	return s.integral.value(u, denoised, float32(level)), nil
}

// advance returns x at a level, integrating the constant or line through values:
// the first at the start of the step, the second at its fraction r.
func (s *singleStep) advance(level, r float64, values ...*tensor.Tensor) *tensor.Tensor {
	return s.through(level, []float64{0, r}[:len(values)], values...)
}

// through is advance for the polynomial through values at the fractions rs of the step.
func (s *singleStep) through(level float64, rs []float64, values ...*tensor.Tensor) *tensor.Tensor {
	places := make([]float64, len(rs))
	for i, r := range rs {
		places[i] = r * s.h
	}
	w := interpolationRule(places, 0, s.integral.moments(s.sigma, level, len(values)))
	return weighted(s.integral.decay(s.sigma, level), s.x, w, values)
}
