package sampler

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// evenlySpaced returns n noise levels from sigmaMax to sigmaMin, evenly spaced in
// forward(σ), and a final 0; inverse is the inverse function of forward. The first
// level is exactly sigmaMax, the last above 0 exactly sigmaMin; a single level is
// sigmaMax.
//
// The error wraps ErrSchedule: an argument is out of range, or levels are too close
// for float32.
func evenlySpaced(n int, sigmaMin, sigmaMax float64, forward, inverse func(float64) float64) ([]float32, error) {
	if err := checkEnds(n, sigmaMin, sigmaMax); err != nil {
		return nil, err
	}
	low, high := forward(sigmaMin), forward(sigmaMax)
	sigmas := make([]float32, n+1)
	for i := range n {
		switch i {
		case 0:
			sigmas[i] = float32(sigmaMax)
		case n - 1:
			sigmas[i] = float32(sigmaMin)
		default:
			part := float64(float64(i) / float64(n-1) * (low - high))
			sigmas[i] = float32(inverse(high + part))
		}
	}
	return sigmas, Check(sigmas)
}

// checkEnds returns an error unless n and the two ends of a schedule are valid.
func checkEnds(n int, sigmaMin, sigmaMax float64) error {
	if err := checkSteps(n); err != nil {
		return err
	}
	if !(sigmaMin > 0 && sigmaMin < sigmaMax && sigmaMax <= math.MaxFloat32) {
		return fmt.Errorf("sampler: %w: need 0 < sigma_min < sigma_max, both finite (got %g and %g)", ErrSchedule, sigmaMin, sigmaMax)
	}
	return nil
}

// Karras returns n noise levels from sigmaMax to sigmaMin, evenly spaced in
// σ^(1/rho), and a final 0: Karras et al. 2022, arXiv:2206.00364, eq. 5. The first
// level is exactly sigmaMax, the last above 0 exactly sigmaMin; a single level is
// sigmaMax. rho is 7 in the paper and from 0.1 to 1000 here; 1 gives even spacing in σ,
// 2 the quadratic schedule.
//
// The error wraps ErrSchedule: an argument is out of range, or levels are too close
// for float32.
func Karras(n int, sigmaMin, sigmaMax, rho float64) ([]float32, error) {
	if err := checkRho(rho); err != nil {
		return nil, err
	}
	return evenlySpaced(n, sigmaMin, sigmaMax,
		func(sigma float64) float64 { return num.Pow(sigma, 1/rho) },
		func(u float64) float64 { return num.Pow(u, rho) })
}

// The range of ρ.
const (
	minRho = 0.1
	maxRho = 1000
)

func checkRho(rho float64) error {
	if !(rho >= minRho && rho <= maxRho) {
		return fmt.Errorf("sampler: %w: rho must be between %g and %d (got %g)", ErrSchedule, minRho, maxRho, rho)
	}
	return nil
}

// Polyexponential is Karras with even spacing in ((ln σ − ln σ_min)/(ln σ_max − ln σ_min))^(1/rho): the
// polynomial in ln σ of Crowson's k-diffusion. rho is from 0.1 to 1000; 1 is Exponential, and higher puts
// more levels near sigmaMin.
func Polyexponential(n int, sigmaMin, sigmaMax, rho float64) ([]float32, error) {
	if err := checkRho(rho); err != nil {
		return nil, err
	}
	if err := checkEnds(n, sigmaMin, sigmaMax); err != nil {
		return nil, err
	}
	low := num.Log(sigmaMin)
	span := num.Log(sigmaMax) - low
	return evenlySpaced(n, sigmaMin, sigmaMax,
		func(sigma float64) float64 { return num.Pow(max((num.Log(sigma)-low)/span, 0), 1/rho) },
		func(u float64) float64 { return num.Exp(low + float64(span*num.Pow(u, rho))) })
}

// Exponential is Karras with even spacing in ln σ: the geometric levels of Song &
// Ermon 2019. As half the log-SNR is −ln σ, these are also DPM-Solver's levels of
// uniform log-SNR.
func Exponential(n int, sigmaMin, sigmaMax float64) ([]float32, error) {
	return evenlySpaced(n, sigmaMin, sigmaMax, num.Log, num.Exp)
}

// Cosine is Karras with even spacing in the time t of the cosine schedule,
// √ᾱ = cos(πt/2) (Nichol & Dhariwal 2021, arXiv:2102.09672, without its offset):
// σ = √(1−ᾱ)/√ᾱ = tan(πt/2).
func Cosine(n int, sigmaMin, sigmaMax float64) ([]float32, error) {
	tan := func(t float64) float64 {
		sin, cos := num.SincosPi(t / 2)
		return sin / cos
	}
	return evenlySpaced(n, sigmaMin, sigmaMax, func(sigma float64) float64 {
		low, high := 0.0, 1.0
		for range 60 { // bisection to the last bit: tan is increasing
			if t := (low + high) / 2; tan(t) < sigma {
				low = t
			} else {
				high = t
			}
		}
		return low
	}, tan)
}
