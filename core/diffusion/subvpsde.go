package diffusion

import (
	"math"

	"tweedie/core/num"
)

// SubVPSDE is the sub-VP process of Song et al. 2021, section 3.4 and eq. 29: VPSDE
// with less noise at every time. With B as in VPSDE,
//
//	s = e^(−B/2)   s·σ = 1 − e^(−B)   f = −β/2   g = √(β·(1 − e^(−2B)))
//
// so that σ = 2 sinh(B/2), from which g follows as for every other process.
type SubVPSDE VPSDE

// Kernel implements Process.
func (p SubVPSDE) Kernel(t float64) Kernel {
	checkTime(p, t)
	beta, sum := VPSDE(p).beta(t)
	s := num.Exp(-sum / 2)
	sigma := -num.Expm1(-sum) / s
	// dσ/dt = β·cosh(B/2)
	return Kernel{S: s, Sigma: sigma, ScaleRate: -beta / 2, VarianceRate: sigma * beta * (s + 1/s)}
}

// Time implements Process.
func (p SubVPSDE) Time(sigma float32) (float64, error) {
	if err := checkLevel(sigma, 0, p.Kernel(1).Sigma); err != nil {
		return 0, err
	}
	return clampTime(p, betaTime(p.BetaMin, p.BetaMax, subVPSum(float64(sigma)))), nil
}

// subVPSum returns B = 2 asinh(σ/2), asinh h = ln(1 + h + h²/(1+√(1+h²))).
func subVPSum(sigma float64) float64 {
	h := sigma / 2
	square := float64(h * h)
	return 2 * num.Log1p(h+square/(1+math.Sqrt(1+square)))
}

// Span implements Process.
func (p SubVPSDE) Span() (first, last float64) { return 0, 1 }
