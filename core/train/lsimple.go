package train

import (
	"tweedie/core/diffusion"
	"tweedie/core/rng"
)

// LSimple is L_simple of Ho et al. 2020, arXiv:2006.11239, eq. 14: t is uniform on
// the chain, and ‖ε − ε̂‖² has no weight. As D − x₀ = σ·(ε − ε̂), λ(σ) is 1/σ².
type LSimple struct{ Chain *diffusion.Chain }

// Sigma implements Objective. A step's probability is 1/T to within 2⁻³².
func (o LSimple) Sigma(seed, sample uint64, stream uint32) float32 {
	return float32(o.Chain.Sigmas[uniformIndex(o.Chain.Steps(), seed, sample, stream)])
}

// Lambda implements Objective.
func (o LSimple) Lambda(sigma float32) float64 {
	return 1 / (float64(sigma) * float64(sigma))
}

// uniformIndex returns a uniform random number from 0 to n−1.
func uniformIndex(n int, seed, sample uint64, stream uint32) int {
	var u [1]uint32
	rng.Uint32s(u[:], seed, sample, stream)
	return int(uint64(u[0]) * uint64(n) >> 32)
}

// uniform returns a uniform random number: the midpoint of one of 2³² parts of (0,1).
func uniform(seed, sample uint64, stream uint32) float64 {
	var u [1]uint32
	rng.Uint32s(u[:], seed, sample, stream)
	return (float64(u[0]) + 0.5) / (1 << 32)
}
