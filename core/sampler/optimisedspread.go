package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
)

// OfPosteriorVariance is the error that was measured of a model: through its variances, made to
// rise, the cubic in ln σ of Fritsch & Carlson 1980, whose slope is continuous and not
// negative between rising numbers. Beyond the ends it goes on straight. s must be valid
// and have two levels or more.
func OfPosteriorVariance(s *diffusion.PosteriorVariance) MeanSquareError {
	n := len(s.Sigmas)
	at, m, slope := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, sigma := range s.Sigmas {
		at[i], m[i] = num.Log(sigma), s.Variances[i]
		if i > 0 {
			m[i] = max(m[i], float64(m[i-1]*1.001), 1e-12) // or levels could not be told apart
		}
	}
	rise := func(i int) float64 { return (m[i+1] - m[i]) / (at[i+1] - at[i]) }
	slope[0], slope[n-1] = rise(0), rise(n-2)
	for i := 1; i < n-1; i++ {
		a, b := rise(i-1), rise(i)
		slope[i] = 2 * a * b / (a + b) // the harmonic mean of two keeps the cubic rising
	}
	return func(sigma float64) (value, by float64) {
		l, i := num.Log(sigma), 0
		for i < n-2 && at[i+1] < l {
			i++
		}
		if l < at[0] || l > at[n-1] {
			end := i
			if l > at[0] {
				end = n - 1
			}
			return m[end] + float64(slope[end]*(l-at[end])), slope[end] / sigma
		}
		h := at[i+1] - at[i]
		t := (l - at[i]) / h
		// Hermite's: m + t·(h·s₀ + t·(c₂ + t·c₃)), with the ends' values and slopes.
		s0, s1, all := h*slope[i], h*slope[i+1], m[i+1]-m[i]
		c2, c3 := 3*all-2*s0-s1, s0+s1-2*all
		inner := c2 + float64(t*c3)
		value = m[i] + float64(t*(s0+float64(t*inner)))
		return value, (s0 + float64(t*(2*c2+float64(3*t*c3)))) / h / sigma
	}
}
