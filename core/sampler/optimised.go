package sampler

import (
	"fmt"

	"tweedie/core/num"
	"tweedie/core/settings"
)

// MeanSquareError returns m(σ) = E‖x₀ − D(x;σ)‖², the mean square error of a data
// set's exact denoiser at a noise level, and its derivative m′(σ). m must increase
// with σ; its units do not matter.
type MeanSquareError func(sigma float64) (m, slope float64)

// White is the error for pixels drawn from N(0, sd²): sd²·σ²/(sd² + σ²).
func White(sd float64) MeanSquareError {
	return func(sigma float64) (m, slope float64) {
		v, s := float64(sd*sd), float64(sigma*sigma)
		part := v / (v + s)
		return float64(part * s), float64(2 * sigma * float64(part*part))
	}
}

// ScaleFree is the error for Gaussian images whose power spectrum, like that of
// natural images, falls with the square of the frequency (Field 1987), from the
// variance high² of the coarsest component to low² of the finest. Every octave of
// variance has the same power, so that up to a constant and a factor
//
//	m = ∫ σ²/(λ+σ²) dλ/λ = ln((low²+σ²)/(high²+σ²)) + …
func ScaleFree(low, high float64) MeanSquareError {
	return func(sigma float64) (m, slope float64) {
		s := float64(sigma * sigma)
		fine, coarse := float64(low*low)+s, float64(high*high)+s
		return num.Log(fine / coarse), float64(2*sigma) * ((coarse - fine) / float64(fine*coarse))
	}
}

// maxOptimised is the most levels that Optimised computes, each of them by bisection.
const maxOptimised = 1000

// Optimised returns n noise levels from sigmaMax to sigmaMin, and a final 0, that
// minimise a bound on the error of a first-order solver of the reverse SDE: the
// objective of Sabour et al. 2024, arXiv:2404.14507 ("Align your steps"), solved for
// data whose m(σ) is known. A solver that keeps D constant over the step from
// σ_{i−1} down to σ_i has the error
//
//	KL ≤ Σ_i ∫ E‖D(x_σ;σ) − D(x_{σ_{i−1}};σ_{i−1})‖²/σ³ dσ,   σ from σ_i to σ_{i−1}
//
// D(x_σ;σ) is a martingale as σ falls, so the square is m(σ_{i−1}) − m(σ), and the
// bound depends on the data through m alone. At its minimum every derivative with
// respect to a σ_i vanishes:
//
//	m(σ_{i−1}) = m(σ_i) + ½·m′(σ_i)·σ_i³·(1/σ_{i+1}² − 1/σ_i²)
//
// so the two lowest levels determine all others, and the second lowest is found by
// bisection.
//
// The bound is in nats, so most levels go to the last, faint noise, where an invisible
// change costs as much as one of the whole picture. Use it for comparison, or with a
// sigma_min at which noise is visible.
//
// n is at most 1000. The error wraps ErrSchedule: an argument is out of range, or
// levels are too close for float32.
func Optimised(n int, sigmaMin, sigmaMax float64, m MeanSquareError) ([]float32, error) {
	if m == nil {
		return nil, fmt.Errorf("sampler: %w: the denoising error must not be nil", ErrSchedule)
	}
	if err := checkEnds(n, sigmaMin, sigmaMax); err != nil {
		return nil, err
	}
	if n > maxOptimised {
		return nil, asSchedule(settings.Errorf("steps", n, "at most %d with schedule %s", maxOptimised, KindOptimised))
	}
	sigmas := make([]float32, n+1)
	if n > 2 {
		low, high := 0.0, num.Log(sigmaMax/sigmaMin) // of ln σ_{n−2}/σ_{n−1}
		for range 50 {
			middle := (low + high) / 2
			if solveLevels(sigmas, sigmaMin, sigmaMax, num.Exp(middle), m) {
				low = middle
			} else {
				high = middle
			}
		}
		solveLevels(sigmas, sigmaMin, sigmaMax, num.Exp(low), m)
	}
	if n > 1 {
		sigmas[n-1] = float32(sigmaMin)
	}
	sigmas[0] = float32(sigmaMax)
	return sigmas, Check(sigmas)
}

// solveLevels writes the levels that follow from the two lowest, whose ratio is
// given, and reports whether they stay below sigmaMax.
func solveLevels(sigmas []float32, sigmaMin, sigmaMax, ratio float64, m MeanSquareError) bool {
	largest, _ := m(sigmaMax)
	below, here := sigmaMin, float64(sigmaMin*ratio)
	for i := len(sigmas) - 3; i > 0; i-- {
		sigmas[i] = float32(here)
		at, slope := m(here)
		up := float64(here / below)
		target := at + float64(slope*here*(float64(up*up)-1)/2)
		if !(target < largest) {
			return false
		}
		low, high := 0.0, num.Log(sigmaMax/here)
		for range 50 {
			middle := (low + high) / 2
			if v, _ := m(float64(here * num.Exp(middle))); v < target {
				low = middle
			} else {
				high = middle
			}
		}
		below, here = here, float64(here*num.Exp(low))
	}
	return true
}
