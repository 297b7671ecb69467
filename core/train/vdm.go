package train

import (
	"math"

	"tweedie/core/diffusion"
)

// VDM is the loss of variational diffusion models in continuous time: Kingma et al.
// 2021, arXiv:2107.00630, section 5,
//
//	L_∞ = ½·E[ γ̇(t)·‖ε − ε̂‖² ],   t uniform in (0,1), σ² = e^γ
//
// the diffusion term of the bound on −ln p(x₀), in nats. Its expectation depends on γ
// only through the ends, its variance on γ between them (see
// diffusion.UniformLossTimes). VDMLoss learns both.
type VDM struct{ Process diffusion.Variational }

// Sigma implements Objective.
func (o VDM) Sigma(seed, sample uint64, stream uint32) float32 {
	return float32(o.Process.Kernel(uniform(seed, sample, stream)).Sigma)
}

// Lambda implements Objective: ½·γ̇/σ², and 0 outside the ends of γ.
func (o VDM) Lambda(sigma float32) float64 {
	t, err := o.Process.Time(sigma)
	if err != nil {
		return 0
	}
	_, rate := o.Process.Gamma.At(t)
	return rate / (2 * float64(sigma) * float64(sigma))
}

// LinearGamma returns a γ that is linear in t, from 2·ln sigmaMin to 2·ln sigmaMax: that
// of a VDM without a learned γ.
func LinearGamma(sigmaMin, sigmaMax float64) *diffusion.Monotone {
	return &diffusion.Monotone{Start: 2 * math.Log(sigmaMin), End: 2 * math.Log(sigmaMax), Slope: 1}
}
