package diffusion

// SMLD is the chain of Song & Ermon 2019, arXiv:1907.05600 (NCSN), score matching
// with Langevin dynamics: L noise levels in geometric sequence, t = 0 … L−1. They
// increase with t; the paper numbers them from the highest. It is the discrete-time
// VESDE (Song et al. 2021, eq. 20): z_t = z_{t−1} + √(σ_t² − σ_{t−1}²)·ε.
type SMLD struct {
	VESDE
	Levels int // L ≥ 2; the paper uses 10
}

// Kernel implements Process; t may be fractional.
func (p SMLD) Kernel(t float64) Kernel {
	checkTime(p, t)
	steps := float64(p.Levels - 1)
	k := p.VESDE.Kernel(t / steps)
	k.VarianceRate /= steps
	return k
}

// Time implements Process.
func (p SMLD) Time(sigma float32) (float64, error) {
	t, err := p.VESDE.Time(sigma)
	return t * float64(p.Levels-1), err
}

// Span implements Process.
func (p SMLD) Span() (first, last float64) { return 0, float64(p.Levels - 1) }
