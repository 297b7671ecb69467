package sampler

import (
	"fmt"

	"tweedie/core/num"
)

// MeanSquareError is m(σ) = E‖x₀ − D(x;σ)‖², what a data set's exact denoiser is
// off by at a noise level, and its derivative m′(σ). m rises, in any units.
type MeanSquareError func(sigma float64) (m, slope float64)

// White is the error for pixels drawn from N(0, sd²): sd²·σ²/(sd² + σ²).
func White(sd float64) MeanSquareError {
	return func(sigma float64) (m, slope float64) {
		v, s := float64(sd*sd), float64(sigma*sigma)
		part := v / (v + s)
		return float64(part * s), float64(2 * sigma * float64(part*part))
	}
}

// ScaleFree is the error for normal images whose spectrum falls as natural ones'
// does, with the square of the frequency (Field 1987), from the variance high²
// of the coarsest component to low² of the finest. Every octave of variance holds
// the same power, so that up to a constant and a factor
//
//	m = ∫ σ²/(λ+σ²) dλ/λ = ln((low²+σ²)/(high²+σ²)) + …
func ScaleFree(low, high float64) MeanSquareError {
	return func(sigma float64) (m, slope float64) {
		s := float64(sigma * sigma)
		fine, coarse := float64(low*low)+s, float64(high*high)+s
		return num.Log(fine / coarse), float64(2*sigma) * ((coarse - fine) / float64(fine*coarse))
	}
}

// maxOptimised bounds the levels that Optimised seeks, each of them by halving.
const maxOptimised = 1000

// Optimised returns n noise levels from sigmaMax to sigmaMin, and a final 0, that
// make a bound on the error of a first-order solver of the reverse SDE as small
// as it can be: the objective of Sabour et al. 2024, arXiv:2404.14507 ("Align your
// steps"), worked out for data whose m(σ) is known. A solver that holds D over the
// step from σ_{i−1} down to σ_i is off by
//
//	KL ≤ Σ_i ∫ E‖D(x_σ;σ) − D(x_{σ_{i−1}};σ_{i−1})‖²/σ³ dσ,   σ from σ_i to σ_{i−1}
//
// D(x_σ;σ) is a martingale as σ falls, so the square is m(σ_{i−1}) − m(σ), and
// nothing of the data counts but m. At the least bound no derivative by a σ_i is
// left:
//
//	m(σ_{i−1}) = m(σ_i) + ½·m′(σ_i)·σ_i³·(1/σ_{i+1}² − 1/σ_i²)
//
// so the two lowest levels give all others, and the second is sought by halving.
//
// The bound counts nats: it spends most levels on the last, faint noise, where a
// change that nobody sees costs as much as one of the whole picture. It is for comparing,
// and for a sigma_min at which noise shows.
//
// The error wraps ErrSchedule, as of Karras; n is 1000 at most.
func Optimised(n int, sigmaMin, sigmaMax float64, m MeanSquareError) ([]float32, error) {
	if err := checkEnds(n, sigmaMin, sigmaMax); err != nil {
		return nil, err
	}
	if n > maxOptimised {
		return nil, fmt.Errorf("sampler: %w: %d optimised levels, need at most %d", ErrSchedule, n, maxOptimised)
	}
	sigmas := make([]float32, n+1)
	if n > 2 {
		low, high := 0.0, num.Log(sigmaMax/sigmaMin) // of ln σ_{n−2}/σ_{n−1}
		for range 50 {
			middle := (low + high) / 2
			if shoot(sigmas, sigmaMin, sigmaMax, num.Exp(middle), m) {
				low = middle
			} else {
				high = middle
			}
		}
		shoot(sigmas, sigmaMin, sigmaMax, num.Exp(low), m)
	}
	if n > 1 {
		sigmas[n-1] = float32(sigmaMin)
	}
	sigmas[0] = float32(sigmaMax)
	return sigmas, Check(sigmas)
}

// shoot writes the levels that follow from the two lowest, and reports whether
// they stay below sigmaMax.
func shoot(sigmas []float32, sigmaMin, sigmaMax, ratio float64, m MeanSquareError) bool {
	most, _ := m(sigmaMax)
	below, here := sigmaMin, float64(sigmaMin*ratio)
	for i := len(sigmas) - 3; i > 0; i-- {
		sigmas[i] = float32(here)
		at, slope := m(here)
		up := float64(here / below)
		target := at + float64(slope*here*(float64(up*up)-1)/2)
		if !(target < most) {
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
