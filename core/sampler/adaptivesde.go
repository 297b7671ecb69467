package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// AdaptiveSDE solves the reverse SDE and chooses its own step sizes:
// Algorithm 1 of Jolicoeur-Martineau et al. 2021, arXiv:2105.14080 ("Gotta go
// fast when generating data with score-based models"), for the variance-exploding
// process, where f = 0 and g² dt = 2σ² d ln σ. With h = ln(σ/σ′),
//
//	x′ ← x + 2h·(D(x;σ) − x) + σ·√(2h)·z            Euler and Maruyama
//	x̃ ← x + 2h·(D(x′;σ′) − x′) + σ′·√(2h)·z
//	x″ ← (x′ + x̃)/2                                 stochastic improved Euler
//
// A step is accepted if x′ and x″ agree within the tolerance for numbers of the
// magnitude of x′ and its predecessor; it continues from x″ (extrapolation). The
// next h is θ·h·error^(−r), θ = r = 0.9. Unlike the paper, z comes from a Brownian
// path, so that a rejected step does not bias the noise of the steps that replace
// it. The solver stops at every level of sigmas; the step to 0 is D.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check, and Brownian for the range
//	noise   streams from StreamPath on are drawn
//
// Steps are chosen for the batch as a whole: to make a sample independent of the others,
// draw it alone. It calls denoise twice for an accepted step, once for one that is
// refused, and once for a final 0. Errors of denoise and of the hook are returned
// unchanged; an error about sigmas wraps ErrSchedule.
func AdaptiveSDE(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, tolerance Tolerance, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	if err := checkPath(sigmas); err != nil {
		return nil, err
	}
	path := NewBrownian(noise)
	p := stepController{h: 0.1, power: 0.9}
	previous := x // x′ of the previous step
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		level, end := float64(sigma), float64(sigmaNext)
		for {
			next, h := p.next(level, end)
			z := path.Between(level, next)
			move := func(from, denoised *tensor.Tensor, level float64) *tensor.Tensor {
				drift := denoised.Combine(float32(2*h), float32(-2*h), from)
				return x.AddScaled(1, drift).AddScaled(float32(level*math.Sqrt(2*h)), z)
			}
			euler := move(x, denoised, level)
			denoisedEuler, err := denoise(euler, float32(next))
			if err != nil {
				return nil, err
			}
			improved := euler.Combine(0.5, 0.5, move(euler, denoisedEuler, next))
			if p.accept(h, tolerance.scaledError(euler.Combine(1, -1, improved), euler, previous)) {
				x, level, previous = improved, next, euler
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
