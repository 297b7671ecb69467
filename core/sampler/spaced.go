package sampler

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// spaced returns n noise levels from sigmaMax to sigmaMin, evenly spaced in what
// to makes of σ and from takes back, and a final 0. The ends are sigmaMax and
// sigmaMin exactly; one level is sigmaMax.
//
// The error wraps ErrSchedule: it names an argument out of range, or levels so
// close that float32 does not tell them apart.
func spaced(n int, sigmaMin, sigmaMax float64, to, from func(float64) float64) ([]float32, error) {
	if err := checkEnds(n, sigmaMin, sigmaMax); err != nil {
		return nil, err
	}
	low, high := to(sigmaMin), to(sigmaMax)
	sigmas := make([]float32, n+1)
	for i := range n {
		switch i {
		case 0:
			sigmas[i] = float32(sigmaMax)
		case n - 1:
			sigmas[i] = float32(sigmaMin)
		default:
			part := float64(float64(i) / float64(n-1) * (low - high))
			sigmas[i] = float32(from(high + part))
		}
	}
	return sigmas, Check(sigmas)
}

// checkEnds returns an error unless n levels fit between the two.
func checkEnds(n int, sigmaMin, sigmaMax float64) error {
	if err := checkSteps(n); err != nil {
		return err
	}
	if !(sigmaMin > 0 && sigmaMin < sigmaMax && sigmaMax <= math.MaxFloat32) {
		return fmt.Errorf("sampler: %w: from %g to %g, need 0 < sigma_min < sigma_max, finite", ErrSchedule, sigmaMin, sigmaMax)
	}
	return nil
}

// Karras returns n noise levels from sigmaMax to sigmaMin, evenly spaced in
// σ^(1/rho), and a final 0: Karras et al. 2022, arXiv:2206.00364, eq. 5. The ends
// are sigmaMax and sigmaMin exactly; one level is sigmaMax. rho is 7 in the paper;
// 1 spaces evenly in σ, 2 is the quadratic schedule.
//
// The error wraps ErrSchedule: it names an argument out of range, or levels so
// close that float32 does not tell them apart.
func Karras(n int, sigmaMin, sigmaMax, rho float64) ([]float32, error) {
	if !(rho >= 1 && rho <= 1000) {
		return nil, fmt.Errorf("sampler: %w: rho is %g, need 1 to 1000", ErrSchedule, rho)
	}
	return spaced(n, sigmaMin, sigmaMax,
		func(sigma float64) float64 { return num.Pow(sigma, 1/rho) },
		func(u float64) float64 { return num.Pow(u, rho) })
}

// Exponential is as Karras, but evenly spaced in ln σ: the geometric levels of
// Song & Ermon 2019. Half the log-SNR is −ln σ, so these are DPM-Solver's levels
// of uniform log-SNR too.
func Exponential(n int, sigmaMin, sigmaMax float64) ([]float32, error) {
	return spaced(n, sigmaMin, sigmaMax, num.Log, num.Exp)
}

// Cosine is as Karras, but evenly spaced in the time t of the cosine schedule,
// √ᾱ = cos(πt/2) (Nichol & Dhariwal 2021, arXiv:2102.09672, without its offset):
// σ = √(1−ᾱ)/√ᾱ = tan(πt/2).
func Cosine(n int, sigmaMin, sigmaMax float64) ([]float32, error) {
	tan := func(t float64) float64 {
		sin, cos := num.SincosPi(t / 2)
		return sin / cos
	}
	return spaced(n, sigmaMin, sigmaMax, func(sigma float64) float64 {
		low, high := 0.0, 1.0
		for range 60 { // tan rises: halve to the last bit
			if t := (low + high) / 2; tan(t) < sigma {
				low = t
			} else {
				high = t
			}
		}
		return low
	}, tan)
}
