package sampler

import (
	"fmt"
	"math"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// The correctors of PredictorCorrector.
const (
	CorrectorLangevin = "langevin"
	CorrectorAnnealed = "annealed-langevin"
	CorrectorNone     = "none"
)

// Predictors and Correctors list the choices of PredictorCorrector, the default
// first. They are read only.
var (
	Predictors = []string{"reverse-diffusion", "euler-maruyama", "ancestral"}
	Correctors = []string{CorrectorLangevin, CorrectorAnnealed, CorrectorNone}
)

// predictors, in the order of Predictors, return the coefficients of a step
// x ← x + pull·(D − x) + sd·z.
var predictors = []func(sigma, next float64) (pull, sd float64){
	func(sigma, next float64) (pull, sd float64) { // Song 2021, Algorithm 2
		drop := (sigma - next) * (sigma + next)
		return drop / (sigma * sigma), math.Sqrt(drop)
	},
	func(sigma, next float64) (pull, sd float64) { // eq. 30: g² dt = 2σ² d ln σ
		twoH := 2 * num.Log(sigma/next)
		return twoH, sigma * math.Sqrt(twoH)
	},
	func(sigma, next float64) (pull, sd float64) { // appendix F
		keep, sd := ddimStep(sigma, next, 1)
		return 1 - keep, sd
	},
}

// PredictorCorrector is predictor-corrector sampling of the variance-exploding
// SDE: Algorithms 2 and 4 of Song et al. 2021, arXiv:2011.13456. A step from σ to
// σ′ is one step of a predictor, which solves the reverse SDE,
//
//	reverse-diffusion  x ← x + (σ² − σ′²)·s + √(σ² − σ′²)·z,   s = (D − x)/σ²
//	euler-maruyama     x ← x + 2σ²h·s + σ·√(2h)·z,   h = ln(σ/σ′): σ is geometric in t
//	ancestral          x ← x + (σ² − σ′²)·s + σ′/σ·√(σ² − σ′²)·z
//
// and then steps of a corrector at σ′, Langevin dynamics x ← x + ε·s + √(2ε)·z, with
//
//	langevin           ε = 2·(r·‖z‖/‖s‖)², for each sample, at most σ′²
//	annealed-langevin  ε = 2·(r·σ′)²
//	none               no step
//
// The norms of langevin are those of each sample, as in Algorithm 4: the authors' program takes their means
// over the batch, and then a sample depends on the others. For images the two are nearly the same. In a sample
// of few numbers ‖s‖ can be near 0, and the step without a bound; ε = σ′², which moves x all the
// way to D, is far above the steps of images, 2r²·σ′², and keeps x in the range of the level.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; a step to 0 is D
//	steps   corrector steps, 0 to 255
//	snr     r, above 0; the paper uses 0.16
//	noise   in step i StreamStep+i is drawn for the predictor, and
//	        StreamStep+i+m·StreamInner, m from 1, for the corrector
//
// It calls denoise 1+steps times a step, once in the step to 0. Errors of denoise and of
// the hook are returned unchanged; an error about sigmas wraps ErrSchedule.
func PredictorCorrector(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, predictor, corrector string, steps int, snr float64, noise Noise, hook Hook) (*tensor.Tensor, error) {
	predict, rule := slices.Index(Predictors, predictor), slices.Index(Correctors, corrector)
	switch {
	case predict < 0:
		return nil, fmt.Errorf("sampler: the predictor must be one of %q (got %q)", Predictors, predictor)
	case rule < 0:
		return nil, fmt.Errorf("sampler: the corrector must be one of %q (got %q)", Correctors, corrector)
	case steps < 0 || steps > maxInner:
		return nil, fmt.Errorf("sampler: Langevin steps must be between 0 and %d (got %d)", maxInner, steps)
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	if corrector == CorrectorNone {
		steps = 0
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		pull, sd := predictors[predict](float64(sigma), float64(sigmaNext))
		x = x.Combine(float32(1-pull), float32(pull), denoised)
		x = x.AddScaled(float32(sd), noise(StreamStep+uint32(i)))
		for m := range uint32(steps) {
			denoised, err := denoise(x, sigmaNext)
			if err != nil {
				return nil, err
			}
			z := noise(StreamStep + uint32(i) + (m+1)*StreamInner)
			v := float64(sigmaNext) * float64(sigmaNext)
			x = langevinStep(x, denoised, z, sigmaNext, func(row int) float64 {
				if Correctors[rule] == CorrectorAnnealed {
					return 2 * (snr * snr) * v
				}
				return langevinStepSize(x, denoised, z, row, v, snr)
			})
		}
		return x, nil
	})
}

// langevinStepSize returns 2·(r·‖z‖/‖s‖)² of a row, s = (D − x)/v, at most v. It returns 0
// where s is 0: x has reached the data, which are a single point.
func langevinStepSize(x, denoised, z *tensor.Tensor, row int, v, snr float64) float64 {
	var squaredNorm, squaredNoise float64
	d, zRow := denoised.Row(row), z.Row(row)
	for j, from := range x.Row(row) {
		diff := float64(d[j]) - float64(from)
		squaredNorm += float64(diff * diff)
		squaredNoise += float64(float64(zRow[j]) * float64(zRow[j]))
	}
	if squaredNorm == 0 {
		return 0
	}
	return min(2*(snr*snr)*squaredNoise/squaredNorm*(v*v), v)
}
