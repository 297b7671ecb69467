package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// Guidance says how far a conditional denoiser is pushed away from the
// unconditional one (Ho & Salimans 2022, arXiv:2207.12598) and along the gradient of a
// classifier (see Classified), at which noise levels (Kynkäänniemi et al. 2024,
// arXiv:2404.07724), and how far the contrast that this adds is taken back (Lin et al.
// 2024, arXiv:2305.08891, section 3.4).
//
//	D = D_u + w·(D_c − D_u)
//	D ← φ·D·std(D_c)/std(D) + (1−φ)·D
//
// so w = 1 is the plain conditional model, 0 the unconditional one, and more
// than 1 trades variety for fidelity to the condition. Ho & Salimans' own w is
// this one less 1. std is over the numbers of one image.
type Guidance struct {
	Scale      float64 `json:"guidance"`                      // w, 0 ≤ w < ∞; 0 is unconditional
	Classifier float64 `json:"classifier_guidance,omitempty"` // weight of a classifier's gradient, 0 (none) ≤ w < ∞
	SigmaMin   float64 `json:"guidance_sigma_min,omitempty"`  // at this noise level and below w is 1, and the classifier's 0
	SigmaMax   float64 `json:"guidance_sigma_max,omitempty"`  // above this noise level the same; 0 means no limit
	Rescale    float64 `json:"guidance_rescale,omitempty"`    // φ, 0 (none) to 1
}

// Validate names the first field that is out of its range.
func (g Guidance) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"scale", g.Scale}, {"classifier's weight", g.Classifier}, {"sigma_min", g.SigmaMin}, {"sigma_max", g.SigmaMax}} {
		if !(f.value >= 0 && f.value <= math.MaxFloat32) {
			return fmt.Errorf("diffusion: guidance: %s is %g, need a finite number of at least 0", f.name, f.value)
		}
	}
	if g.SigmaMax != 0 && g.SigmaMax <= g.SigmaMin {
		return fmt.Errorf("diffusion: guidance: interval ends at %g, need more than its start %g", g.SigmaMax, g.SigmaMin)
	}
	if !(g.Rescale >= 0 && g.Rescale <= 1) {
		return fmt.Errorf("diffusion: guidance: rescale is %g, need a number in [0, 1]", g.Rescale)
	}
	return nil
}

// ScaleAt returns w at a noise level: Scale within (SigmaMin, SigmaMax], both as
// float32, else 1.
func (g Guidance) ScaleAt(sigma float32) float64 {
	if !g.acts(sigma) {
		return 1
	}
	return g.Scale
}

// Passes returns how many denoisers Guided calls at a noise level: 2 where both count.
func (g Guidance) Passes(sigma float32) int {
	if w := g.ScaleAt(sigma); w == 0 || w == 1 {
		return 1
	}
	return 2
}

// acts reports whether there is guidance at a noise level.
func (g Guidance) acts(sigma float32) bool {
	return sigma > float32(g.SigmaMin) && !(g.SigmaMax != 0 && sigma > float32(g.SigmaMax))
}

// Slopes returns how many gradients of a classifier Classified takes at a noise level.
func (g Guidance) Slopes(sigma float32) int {
	if g.Classifier == 0 || !g.acts(sigma) {
		return 0
	}
	return 1
}

// Guided combines a conditional and an unconditional denoiser. It calls only
// cond where w is 1, only uncond where w is 0, else both, cond first. uncond is nil
// for a model that knows its condition only, and w must be 1 then. The error is that
// of Validate, or names such a w.
//
// With a worse model in the place of uncond, one that is smaller or less trained and
// is given the same condition, it is autoguidance (Karras et al. 2024,
// arXiv:2406.02507, eq. 3), which needs no condition at all: D₀ + w·(D₁ − D₀) moves
// from the worse towards the better and beyond.
func Guided(cond, uncond Denoiser, g Guidance) (Denoiser, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if g.Scale == 1 {
		return cond, nil
	}
	if uncond == nil {
		return nil, fmt.Errorf("diffusion: guidance: scale is %g, need 1: there is no unconditional denoiser to move away from", g.Scale)
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
		return g.Combine(c, u, float32(w), x.Shape[3]), nil
	}, nil
}

// rescale gives an image a part of the standard deviation of another: Lin et al.
// 2024, eq. 15 and 16, on D, where the paper has the network's output, so that the
// image does not depend on what the network predicts.
func rescale(image, like []float32, part float64) {
	if part == 0 {
		return
	}
	sd := deviation(image)
	if sd == 0 {
		return // nothing to scale
	}
	factor := float32(float64(part*(deviation(like)/sd)) + (1 - part))
	for i := range image {
		image[i] *= factor
	}
}

// deviation returns the standard deviation of v about its mean.
func deviation(v []float32) float64 {
	mean, squares := 0.0, 0.0
	for _, x := range v {
		mean += float64(x)
	}
	mean /= float64(len(v))
	for _, x := range v {
		off := float64(x) - mean
		squares += float64(off * off)
	}
	return math.Sqrt(squares / float64(len(v)))
}
