package diffusion

import "math"

// RectifiedFlow is the process of flow matching (Lipman et al. 2023, arXiv:2210.02747;
// Liu et al. 2023, arXiv:2209.03003) with time running from data to noise: the
// straight line z_t = (1−t)·x₀ + t·ε, 0 ≤ t < 1.
//
//	s = 1−t   σ = t/(1−t)   f = −1/(1−t)   g = √(2t/(1−t))
//
// At t = 1 z does not depend on x₀ and σ is infinite; the span ends at the largest
// float64 below 1.
type RectifiedFlow struct{}

// Kernel implements Process.
func (p RectifiedFlow) Kernel(t float64) Kernel {
	checkTime(p, t)
	s := 1 - t
	sigma := t / s
	return Kernel{S: s, Sigma: sigma, ScaleRate: -1 / s, VarianceRate: 2 * sigma / (s * s)}
}

// Time implements Process.
func (p RectifiedFlow) Time(sigma float32) (float64, error) {
	s := float64(sigma)
	return s / (1 + s), checkSigma(sigma)
}

// Span implements Process.
func (p RectifiedFlow) Span() (first, last float64) { return 0, math.Nextafter(1, 0) }
