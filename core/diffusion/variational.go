package diffusion

import (
	"errors"

	"tweedie/core/num"
)

// Gamma is γ(t), an increasing function on [0,1]: the negative logarithm of the
// signal-to-noise ratio. At returns γ(t) and its derivative.
type Gamma interface {
	At(t float64) (gamma, rate float64)
}

// Variational is the process of variational diffusion models (Kingma et al. 2021,
// arXiv:2107.00630, section 3), which have a learned noise schedule: σ² = e^γ,
// variance-preserving, 0 ≤ t ≤ 1.
//
//	s = √sigmoid(−γ)   s·σ = √sigmoid(γ)   f = −½·γ̇·sigmoid(γ)   g = √(γ̇·sigmoid(γ))
type Variational struct{ Gamma Gamma }

var errNoGamma = errors.New("diffusion: the variational process must have a Gamma")

// Kernel implements Process.
func (p Variational) Kernel(t float64) Kernel {
	checkTime(p, t)
	gamma, rate := p.Gamma.At(t)
	variance := num.Exp(gamma)
	return variancePreserving(variance, rate*variance)
}

// Time implements Process, by bisection of the increasing γ.
func (p Variational) Time(sigma float32) (float64, error) {
	if p.Gamma == nil {
		return 0, errNoGamma
	}
	if err := checkLevel(sigma, p.Kernel(0).Sigma, p.Kernel(1).Sigma); err != nil {
		return 0, err
	}
	target := 2 * num.Log(float64(sigma))
	low, high := 0.0, 1.0
	for {
		t := (low + high) / 2
		if t == low || t == high {
			return t, nil
		}
		if gamma, _ := p.Gamma.At(t); gamma < target {
			low = t
		} else {
			high = t
		}
	}
}

// Span implements Process.
func (p Variational) Span() (first, last float64) { return 0, 1 }

// Input implements Input: c_in is s, and c_noise is γ.
func (p Variational) Input(sigma float32) (cIn, cNoise float64, err error) {
	if p.Gamma == nil {
		return 0, 0, errNoGamma
	}
	return variancePreservingScale(float64(sigma)), 2 * num.Log(float64(sigma)),
		checkLevel(sigma, p.Kernel(0).Sigma, p.Kernel(1).Sigma)
}
