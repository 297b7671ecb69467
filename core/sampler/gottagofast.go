package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// AdaptiveSDE is the solver of the reverse SDE that chooses its own steps:
// Algorithm 1 of Jolicoeur-Martineau et al. 2021, arXiv:2105.14080 ("Gotta go
// fast when generating data with score-based models"), for the variance-exploding
// process, where f = 0 and g² dt = 2σ² d ln σ. With h = ln(σ/σ′),
//
//	x′ ← x + 2h·(D(x;σ) − x) + σ·√(2h)·z            Euler and Maruyama
//	x̃ ← x + 2h·(D(x′;σ′) − x′) + σ′·√(2h)·z
//	x″ ← (x′ + x̃)/2                                 stochastic improved Euler
//
// The step is taken if x′ and x″ agree within the tolerance for numbers of the
// size of x′ and its predecessor, and continues from x″ (extrapolation). The next
// h is θ·h·error^(−r), θ = r = 0.9. Unlike there, z comes from a Brownian path, so
// that a step which is refused does not bias the noise of those taken instead. It
// stops at every level of sigmas; the step to 0 is D.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check, and Brownian for the range
//	noise   StreamPath + … are drawn
//
// The steps are those of the whole batch; a sample that is not to depend on the
// others is drawn alone. It calls denoise twice for a step that is taken, once
// for one that is refused, and once for a final 0. The error is one of denoise or
// of the hook, as it is, or wraps ErrSchedule. It panics if noise is nil.
func AdaptiveSDE(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, tolerance Tolerance, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if noise == nil {
		panic("sampler: AdaptiveSDE without noise")
	}
	if err := checkPath(sigmas); err != nil {
		return nil, err
	}
	path := NewBrownian(noise)
	p := pace{h: 0.1, power: 0.9}
	before := x // x′ of the step before
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		at, end := float64(sigma), float64(sigmaNext)
		for {
			next, h := p.within(at, end)
			z := path.Between(at, next)
			move := func(from, denoised *tensor.Tensor, level float64) *tensor.Tensor {
				drift := denoised.Combine(float32(2*h), float32(-2*h), from)
				return x.AddScaled(1, drift).AddScaled(float32(level*math.Sqrt(2*h)), z)
			}
			euler := move(x, denoised, at)
			there, err := denoise(euler, float32(next))
			if err != nil {
				return nil, err
			}
			improved := euler.Combine(0.5, 0.5, move(euler, there, next))
			if p.accepts(h, tolerance.of(euler.Combine(1, -1, improved), euler, before)) {
				x, at, before = improved, next, euler
				if at <= end {
					return x, nil
				}
				if denoised, err = denoise(x, float32(at)); err != nil {
					return nil, err
				}
			}
		}
	})
}
