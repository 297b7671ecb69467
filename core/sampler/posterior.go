package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
)

// OfPosteriorVariance is the measured error of a model. It interpolates the model's
// variances, adjusted to increase, by the monotone cubic in ln σ of Fritsch & Carlson
// 1980, whose slope is continuous and not negative. Beyond both ends it continues
// linearly in ln σ. s must be valid and have two levels or more.
func OfPosteriorVariance(s *diffusion.PosteriorVariance) MeanSquareError {
	n := len(s.Sigmas)
	logSigma, m, slope := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, sigma := range s.Sigmas {
		logSigma[i], m[i] = num.Log(sigma), s.Variances[i]
		if i > 0 {
			m[i] = max(m[i], float64(m[i-1]*1.001), 1e-12) // or levels would coincide
		}
	}
	secant := func(i int) float64 { return (m[i+1] - m[i]) / (logSigma[i+1] - logSigma[i]) }
	slope[0], slope[n-1] = secant(0), secant(n-2)
	for i := 1; i < n-1; i++ {
		a, b := secant(i-1), secant(i)
		slope[i] = 2 * a * b / (a + b) // the harmonic mean keeps the cubic monotone
	}
	return func(sigma float64) (value, derivative float64) {
		l, i := num.Log(sigma), 0
		for i < n-2 && logSigma[i+1] < l {
			i++
		}
		if l < logSigma[0] || l > logSigma[n-1] {
			end := i
			if l > logSigma[0] {
				end = n - 1
			}
			return m[end] + float64(slope[end]*(l-logSigma[end])), slope[end] / sigma
		}
		h := logSigma[i+1] - logSigma[i]
		t := (l - logSigma[i]) / h
		// Hermite's cubic: m + t·(h·s₀ + t·(c₂ + t·c₃)), from values and slopes at both ends.
		s0, s1, rise := h*slope[i], h*slope[i+1], m[i+1]-m[i]
		c2, c3 := 3*rise-2*s0-s1, s0+s1-2*rise
		inner := c2 + float64(t*c3)
		value = m[i] + float64(t*(s0+float64(t*inner)))
		return value, (s0 + float64(t*(2*c2+float64(3*t*c3)))) / h / sigma
	}
}
