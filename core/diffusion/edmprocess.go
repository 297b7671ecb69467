package diffusion

import "math"

// EDMProcess is the process of Karras et al. 2022, arXiv:2206.00364, section 3: s = 1 and
// σ(t) = t, so that time is the noise level and z = x.
//
//	f = 0   g = √(2t)
type EDMProcess struct{}

// Kernel implements Process.
func (p EDMProcess) Kernel(t float64) Kernel {
	checkTime(p, t)
	return Kernel{S: 1, Sigma: t, VarianceRate: 2 * t}
}

// Time implements Process.
func (p EDMProcess) Time(sigma float32) (float64, error) { return float64(sigma), checkSigma(sigma) }

// Span implements Process.
func (p EDMProcess) Span() (first, last float64) { return 0, math.MaxFloat32 }
