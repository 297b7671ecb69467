package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// DPMAdaptive is DPM-Solver-12 and DPM-Solver-23 of Lu et al. 2022, arXiv:2206.00927, appendix C
// (Algorithms 3 and 4): a step of DPM-Solver-2 or -3 whose embedded solution, one order lower,
// controls the step size. A step of length h in λ = −ln σ is accepted if both agree within the
// tolerance, and the next h is 0.9·h·error^(−1/q), q the higher order. It stops at every
// level of sigmas; two levels above 0 are enough. The step to 0 is D.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	order   of the embedded solution: 1 is DPM-Solver-12, 2 DPM-Solver-23
//
// Steps are chosen for the batch as a whole: to make a sample independent of the others, draw it
// alone. It calls denoise order times for every internal step, once more for every accepted one, and
// once for a final 0. Errors of denoise and of the hook are returned unchanged; an error
// about sigmas wraps ErrSchedule.
func DPMAdaptive(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, order int, tolerance Tolerance, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, 2); err != nil {
		return nil, err
	}
	p := stepController{h: 0.05, power: 1 / float64(order+1)} // h: appendix C
	previous := x
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		level, end := float64(sigma), float64(sigmaNext)
		for {
			next, h := p.next(level, end)
			s := singleStep{denoise, noiseOverLambda, x, level, h}
			low, high, err := s.embedded(next, order, slope(x, denoised, float32(level)))
			if err != nil {
				return nil, err
			}
			if p.accept(h, tolerance.scaledError(low.Combine(1, -1, high), low, previous)) {
				x, level, previous = high, next, low
				if level <= end {
					return x, nil
				}
				if denoised, err = denoise(x, float32(level)); err != nil {
					return nil, err
				}
			}
		}
	})
}

// embedded returns the solutions of DPM-Solver of an order and of the next at a level, given
// the first value. They share their evaluations: r₁ = ½, or r₁ = ⅓ and r₂ = ⅔.
func (s *singleStep) embedded(to float64, order int, first *tensor.Tensor) (low, high *tensor.Tensor, err error) {
	r := 1 / float64(order+1)
	inner := float64(s.sigma * num.Exp(-r*s.h))
	second, err := s.value(s.advance(inner, 0, first), inner)
	if err != nil {
		return nil, nil, err
	}
	if order == 1 {
		return s.advance(to, 0, first), s.advance(to, 0, second), nil
	}
	low = s.midpoint(to, r, first, second)
	inner = s.level(2 * r)
	third, err := s.value(s.advance(inner, r, first, second), inner)
	if err != nil {
		return nil, nil, err
	}
	return low, s.advance(to, 2*r, first, third), nil
}

// midpoint returns x at a level by DPM-Solver-2 with the second value at the fraction r.
func (s *singleStep) midpoint(to, r float64, first, second *tensor.Tensor) *tensor.Tensor {
	m := s.integral.moments(s.sigma, to, 2)
	return weighted(s.integral.decay(s.sigma, to), s.x, midpointRule([]float64{0, r * s.h}, s.h, m), []*tensor.Tensor{first, second})
}
