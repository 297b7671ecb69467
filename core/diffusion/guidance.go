package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/settings"
	"tweedie/core/tensor"
)

// Guidance holds the settings of classifier-free guidance (Ho & Salimans 2022,
// arXiv:2207.12598) and classifier guidance (see ClassifierGuided), the interval of
// noise levels in which they apply (Kynkäänniemi et al. 2024, arXiv:2404.07724), and
// how much of the added contrast is removed (Lin et al. 2024, arXiv:2305.08891,
// section 3.4).
//
//	D = D_u + w·(D_c − D_u)
//	D ← φ·D·std(D_c)/std(D) + (1−φ)·D
//
// w = 1 is the conditional model, 0 the unconditional one, and values above 1 trade
// variety for fidelity to the condition. The w of Ho & Salimans is this one minus 1.
// std is over the numbers of one image.
type Guidance struct {
	Scale      float64 `json:"guidance"`                      // w, 0 ≤ w < ∞; 1 turns guidance off, 0 is unconditional
	Classifier float64 `json:"classifier_guidance,omitempty"` // weight of a classifier's gradient, 0 ≤ w < ∞; 0 turns it off
	SigmaMin   float64 `json:"guidance_sigma_min,omitempty"`  // at this noise level and below guidance is off
	SigmaMax   float64 `json:"guidance_sigma_max,omitempty"`  // above this noise level guidance is off; 0 means no limit
	Rescale    float64 `json:"guidance_rescale,omitempty"`    // φ, from 0, which turns it off, to 1
}

// Validate returns a *settings.FieldError for the first field that is out of its range.
func (g Guidance) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"guidance", g.Scale}, {"classifier_guidance", g.Classifier}, {"guidance_sigma_min", g.SigmaMin}, {"guidance_sigma_max", g.SigmaMax}} {
		if !(f.value >= 0 && f.value <= math.MaxFloat32) {
			return settings.Errorf(f.name, f.value, "a number of at least 0")
		}
	}
	if g.SigmaMax != 0 && g.SigmaMax <= g.SigmaMin {
		return settings.Errorf("guidance_sigma_max", g.SigmaMax, "above guidance_sigma_min, %g", g.SigmaMin)
	}
	if !(g.Rescale >= 0 && g.Rescale <= 1) {
		return settings.Errorf("guidance_rescale", g.Rescale, "a number from 0 to 1")
	}
	return nil
}

// ScaleAt returns w at a noise level: Scale in (SigmaMin, SigmaMax], both as float32,
// and 1 outside.
func (g Guidance) ScaleAt(sigma float32) float64 {
	if !g.active(sigma) {
		return 1
	}
	return g.Scale
}

// Passes returns how many denoisers Guided calls at a noise level, 1 or 2.
func (g Guidance) Passes(sigma float32) int {
	if w := g.ScaleAt(sigma); w == 0 || w == 1 {
		return 1
	}
	return 2
}

// active reports whether guidance applies at a noise level.
func (g Guidance) active(sigma float32) bool {
	return sigma > float32(g.SigmaMin) && !(g.SigmaMax != 0 && sigma > float32(g.SigmaMax))
}

// ClassifierPasses returns how many classifier gradients ClassifierGuided computes at a
// noise level, 0 or 1.
func (g Guidance) ClassifierPasses(sigma float32) int {
	if g.Classifier == 0 || !g.active(sigma) {
		return 0
	}
	return 1
}

// Guided combines a conditional and an unconditional denoiser. It calls only cond
// where w is 1, only uncond where w is 0, and otherwise both, cond first. uncond may be
// nil, for a model without an unconditional denoiser; then w must be 1. The error is
// one of Validate, or names such a w.
//
// With a worse model as uncond, one that is smaller or less trained and gets the same
// condition, it is autoguidance (Karras et al. 2024, arXiv:2406.02507, eq. 3), which
// also works without a condition: D₀ + w·(D₁ − D₀) extrapolates from the worse model
// past the better one.
func Guided(cond, uncond Denoiser, g Guidance) (Denoiser, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if g.Scale == 1 {
		return cond, nil
	}
	if uncond == nil {
		return nil, fmt.Errorf("diffusion: guidance: scale must be 1 without an unconditional denoiser (got %g)", g.Scale)
	}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		w := g.ScaleAt(sigma)
		switch w {
		case 0:
			return uncond(x, sigma)
		case 1:
			return cond(x, sigma)
		}
		c, err := cond(x, sigma)
		if err != nil {
			return nil, err
		}
		u, err := uncond(x, sigma)
		if err != nil {
			return nil, err
		}
		return g.Combine(c, u, float32(w), x.Shape[len(x.Shape)-1]), nil
	}, nil
}

// rescale moves the standard deviation of an image towards that of reference: Lin et
// al. 2024, eq. 15 and 16. It is applied to D, where the paper has the network's output,
// so that the image does not depend on the network's prediction type.
func rescale(image, reference []float32, amount float64) {
	if amount == 0 {
		return
	}
	sd := standardDeviation(image)
	if sd == 0 {
		return // a constant image
	}
	factor := float32(float64(amount*(standardDeviation(reference)/sd)) + (1 - amount))
	for i := range image {
		image[i] *= factor
	}
}

// standardDeviation returns the standard deviation of v about its mean.
func standardDeviation(v []float32) float64 {
	mean, squares := 0.0, 0.0
	for _, x := range v {
		mean += float64(x)
	}
	mean /= float64(len(v))
	for _, x := range v {
		diff := float64(x) - mean
		squares += float64(diff * diff)
	}
	return math.Sqrt(squares / float64(len(v)))
}
