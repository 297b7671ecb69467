package sampler

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
)

// The β of the variance-preserving SDE: Song et al. 2021, arXiv:2011.13456, appendix C.
const (
	vpBetaMin  = 0.1
	vpBetaRise = 19.9 // β_max − β_min
)

// vpTime returns the time of a noise level, σ² = e^B − 1 with B = β_min·t + (β_max−β_min)·t²/2. It
// is above 1 for levels above the process's own.
func vpTime(sigma float64) float64 {
	sum := num.Log1p(float64(sigma * sigma))
	root := math.Sqrt(float64(vpBetaMin*vpBetaMin) + float64(2*vpBetaRise*sum))
	return 2 * sum / (vpBetaMin + root)
}

// vpLevel is the inverse of vpTime.
func vpLevel(t float64) float64 {
	return math.Sqrt(num.Expm1(float64(vpBetaMin*t) + float64(vpBetaRise*t)*t/2))
}

// VP is Karras with even spacing in the time of the variance-preserving SDE: Song et al. 2021,
// arXiv:2011.13456, as in Karras et al. 2022, Table 1, column VP.
func VP(n int, sigmaMin, sigmaMax float64) ([]float32, error) {
	return evenlySpaced(n, sigmaMin, sigmaMax, vpTime, vpLevel)
}

// betaShape is α = β of the distribution of Beta: Lee et al. 2024, section 4.
const betaShape = 0.6

// Beta is Karras with the times of beta sampling: Lee et al. 2024, arXiv:2407.12173. Times are
// the quantiles of a Beta(0.6, 0.6) distribution at evenly spaced probabilities, which is denser
// at both ends. Time is that of chain, or without one that of the variance-preserving SDE.
func Beta(n int, sigmaMin, sigmaMax float64, chain *diffusion.Chain) ([]float32, error) {
	time, level := vpTime, vpLevel
	if chain != nil {
		time = func(sigma float64) float64 {
			t, err := chain.Time(float32(sigma))
			if err != nil { // the range of the levels is checked against the model's
				panic("sampler: Beta: the levels must lie in the chain's range")
			}
			return t
		}
		level = chain.Sigma
	}
	if err := checkEnds(n, sigmaMin, sigmaMax); err != nil {
		return nil, err
	}
	first, span := time(sigmaMin), time(sigmaMax)-time(sigmaMin)
	return evenlySpaced(n, sigmaMin, sigmaMax,
		func(sigma float64) float64 { return betaCDF((time(sigma) - first) / span) },
		func(p float64) float64 { return level(first + float64(span*betaQuantile(p))) })
}

// betaCDF returns the distribution function of Beta(a, a), a = betaShape, at x in [0, 1]. Below ½ it is
// the series of the incomplete beta function, xᵃ·Σ (1−a)_k/k!·xᵏ/(a+k); above, it follows by symmetry.
func betaCDF(x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > 0.5:
		return 1 - betaCDF(1-x)
	}
	return betaSeries(x) / (2 * betaSeries(0.5))
}

func betaSeries(x float64) float64 {
	sum, term := 0.0, 1.0
	for k := range 60 { // xᵏ is below 2⁻⁶⁰ then
		sum += term / (betaShape + float64(k))
		term = float64(term * ((float64(k) + 1 - betaShape) / (float64(k) + 1)))
		term = float64(term * x)
	}
	return float64(num.Pow(x, betaShape) * sum)
}

// betaQuantile is the inverse of betaCDF, by bisection.
func betaQuantile(p float64) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if middle := (low + high) / 2; betaCDF(middle) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
