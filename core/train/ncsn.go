package train

import "tweedie/core/diffusion"

// NCSN is the weighted sum of Song & Ermon 2019, arXiv:1907.05600, eq. 6: denoising
// score matching at L equally likely levels, ½·λ(σ)·‖s − ∇log q‖² with λ(σ) = σ², which
// is ‖D − x₀‖²/(2σ²).
type NCSN struct{ Levels []float32 }

// NewNCSN returns the objective on the levels of p.
func NewNCSN(p diffusion.SMLD) NCSN {
	levels := make([]float32, p.Levels)
	for i := range levels {
		levels[i] = float32(p.Kernel(float64(i)).Sigma)
	}
	return NCSN{levels}
}

// Sigma implements Objective.
func (o NCSN) Sigma(seed, sample uint64, stream uint32) float32 {
	return o.Levels[uniformIndex(len(o.Levels), seed, sample, stream)]
}

// Lambda implements Objective.
func (o NCSN) Lambda(sigma float32) float64 { return 1 / (2 * float64(sigma) * float64(sigma)) }
