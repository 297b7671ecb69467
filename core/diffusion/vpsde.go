package diffusion

import (
	"math"

	"tweedie/core/num"
)

// VPSDE is the variance-preserving process of Song et al. 2021, arXiv:2011.13456,
// eq. 32 and 33: the continuous limit of DDPM's linear chain, β(t) =
// β_min + t·(β_max − β_min), 0 ≤ t ≤ 1. With B(t) = ∫₀ᵗ β,
//
//	s = e^(−B/2)   σ² = e^B − 1   f = −β/2   g = √β
type VPSDE struct {
	BetaMin, BetaMax float64 // 0 < BetaMin ≤ BetaMax; the paper uses 0.1 and 20
}

// beta returns β(t) and B(t).
func (p VPSDE) beta(t float64) (beta, sum float64) {
	rise := p.BetaMax - p.BetaMin
	return p.BetaMin + float64(rise*t), float64(p.BetaMin*t) + float64(rise*t)*t/2
}

// betaTime returns the t at which B(t) is sum.
func betaTime(betaMin, betaMax, sum float64) float64 {
	// 2B/(β_min + √(β_min² + 2·(β_max−β_min)·B)) avoids a difference of close numbers.
	root := math.Sqrt(float64(betaMin*betaMin) + float64(2*(betaMax-betaMin)*sum))
	return 2 * sum / (betaMin + root)
}

// Kernel implements Process.
func (p VPSDE) Kernel(t float64) Kernel {
	checkTime(p, t)
	beta, sum := p.beta(t)
	return variancePreserving(num.Expm1(sum), beta*num.Exp(sum))
}

// Time implements Process.
func (p VPSDE) Time(sigma float32) (float64, error) {
	if err := checkLevel(sigma, 0, p.Kernel(1).Sigma); err != nil {
		return 0, err
	}
	s := float64(sigma)
	return clampTime(p, betaTime(p.BetaMin, p.BetaMax, num.Log1p(s*s))), nil
}

// Span implements Process.
func (p VPSDE) Span() (first, last float64) { return 0, 1 }
