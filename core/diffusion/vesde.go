package diffusion

import "tweedie/core/num"

// VESDE is the variance-exploding process of Song et al. 2021, arXiv:2011.13456,
// appendix C: s = 1, σ(t) = σ_min·(σ_max/σ_min)^t, 0 ≤ t ≤ 1. At t = 0 the data
// already have noise of level σ_min.
//
//	f = 0   g = σ(t)·√(2 ln(σ_max/σ_min))
type VESDE struct {
	SigmaMin, SigmaMax float64 // 0 < SigmaMin < SigmaMax, in units of pixels that span [−1,1]
}

// Kernel implements Process.
func (p VESDE) Kernel(t float64) Kernel {
	checkTime(p, t)
	rise := num.Log(p.SigmaMax / p.SigmaMin)
	sigma := float64(p.SigmaMin * num.Exp(t*rise))
	return Kernel{S: 1, Sigma: sigma, VarianceRate: 2 * rise * (sigma * sigma)}
}

// Time implements Process.
func (p VESDE) Time(sigma float32) (float64, error) {
	if err := checkLevel(sigma, p.SigmaMin, p.SigmaMax); err != nil {
		return 0, err
	}
	return clampTime(p, geometricTime(p.SigmaMin, p.SigmaMax, float64(sigma))), nil
}

// geometricTime returns the t at which σ_min·(σ_max/σ_min)^t is sigma.
func geometricTime(sigmaMin, sigmaMax, sigma float64) float64 {
	return num.Log(sigma/sigmaMin) / num.Log(sigmaMax/sigmaMin)
}

// Span implements Process.
func (p VESDE) Span() (first, last float64) { return 0, 1 }
