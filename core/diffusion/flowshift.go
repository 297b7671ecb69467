package diffusion

import "tweedie/core/num"

// MaxFlowShift is the largest shift of the times of rectified flow; the smallest is its inverse.
const MaxFlowShift = 1000

// DynamicShift is a shift by image size, with the settings of diffusers' FlowMatchEulerDiscreteScheduler: a
// line in the length of the sequence that a transformer makes of an image, one token for 2×2 pixels of its input
// (Esser et al. 2024, section 5.3.2, let the shift grow with the size; Flux takes this line).
type DynamicShift struct {
	BaseShift  float64 `json:"base_shift"` // μ at BaseLength
	MaxShift   float64 `json:"max_shift"`  // μ at MaxLength
	BaseLength float64 `json:"base_length"`
	MaxLength  float64 `json:"max_length"`
	Linear     bool    `json:"linear,omitempty"` // the shift is μ, and not e^μ
}

// Shift returns the shift of images of a height and a width, at least 0.001 and at most 1000.
func (d DynamicShift) Shift(height, width int) float64 {
	slope := (d.MaxShift - d.BaseShift) / (d.MaxLength - d.BaseLength)
	mu := d.BaseShift + float64(slope*(float64(height*width)/4-d.BaseLength))
	if !d.Linear {
		mu = num.Exp(mu)
	}
	return min(max(mu, 1./MaxFlowShift), MaxFlowShift)
}
