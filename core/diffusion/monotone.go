package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// Monotone is an increasing γ(t): a network of one hidden layer with positive weights
// (Kingma et al. 2021, arXiv:2107.00630, appendix H):
//
//	h(t) = w·t + Σ_j c_j·sigmoid(a_j·t + b_j)
//	γ(t) = γ₀ + (γ₁ − γ₀)·(h(t) − h(0))/(h(1) − h(0))
//
// With no hidden units γ is linear in t.
type Monotone struct {
	Start float64      `json:"start"`           // γ₀, at t = 0
	End   float64      `json:"end"`             // γ₁ > γ₀, at t = 1
	Slope float64      `json:"slope"`           // w > 0
	Units [][3]float64 `json:"units,omitempty"` // a > 0, b, c > 0 of each hidden unit, at most maxUnits
}

// maxUnits is the most hidden units of a model file; the paper has as many.
const maxUnits = 1024

// Validate returns an error that names the first weight that is out of range.
func (m *Monotone) Validate() error {
	finite := func(v float64) bool { return math.Abs(v) <= math.MaxFloat32 }
	if !(finite(m.Start) && finite(m.End) && m.Start < m.End) {
		return fmt.Errorf("diffusion: gamma: start and end must be finite, and end above start (got %g and %g)", m.Start, m.End)
	}
	if !(finite(m.Slope) && m.Slope > 0) {
		return fmt.Errorf("diffusion: gamma: slope must be positive and finite (got %g)", m.Slope)
	}
	if len(m.Units) > maxUnits {
		return fmt.Errorf("diffusion: gamma: units must be at most %d (got %d)", maxUnits, len(m.Units))
	}
	for i, u := range m.Units {
		if !(finite(u[0]) && finite(u[1]) && finite(u[2]) && u[0] > 0 && u[2] > 0) {
			return fmt.Errorf("diffusion: gamma: unit %d must be three finite numbers, the first and the last positive (got %g)", i, u)
		}
	}
	return nil
}

// hidden returns h(t) and its derivative.
func (m *Monotone) hidden(t float64) (h, rate float64) {
	h, rate = float64(m.Slope*t), m.Slope
	for _, u := range m.Units {
		y := sigmoid(float64(u[0]*t) + u[1])
		h += float64(u[2] * y)
		rate += float64(u[2] * u[0] * y * (1 - y))
	}
	return h, rate
}

// At implements Gamma.
func (m *Monotone) At(t float64) (gamma, rate float64) {
	first, _ := m.hidden(0)
	last, _ := m.hidden(1)
	h, dh := m.hidden(t)
	scale := (m.End - m.Start) / (last - first)
	return m.Start + float64(scale*(h-first)), scale * dh
}

func sigmoid(x float64) float64 { return 1 / (1 + num.Exp(-x)) }
