package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// Guidance says how far a conditional denoiser is pushed away from the
// unconditional one (Ho & Salimans 2022, arXiv:2207.12598), and at which noise
// levels (Kynkäänniemi et al. 2024, arXiv:2404.07724).
//
//	D = D_u + w·(D_c − D_u)
//
// so w = 1 is the plain conditional model, 0 the unconditional one, and more
// than 1 trades variety for fidelity to the condition. Ho & Salimans' own w is
// this one less 1.
type Guidance struct {
	Scale    float64 `json:"guidance"`                     // w, 0 ≤ w < ∞; 0 is unconditional
	SigmaMin float64 `json:"guidance_sigma_min,omitempty"` // at this noise level and below w is 1
	SigmaMax float64 `json:"guidance_sigma_max,omitempty"` // above this noise level w is 1; 0 means no limit
}

// Validate names the first field that is out of its range.
func (g Guidance) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"scale", g.Scale}, {"sigma_min", g.SigmaMin}, {"sigma_max", g.SigmaMax}} {
		if !(f.value >= 0 && f.value <= math.MaxFloat32) {
			return fmt.Errorf("diffusion: guidance: %s is %g, need a finite number of at least 0", f.name, f.value)
		}
	}
	if g.SigmaMax != 0 && g.SigmaMax <= g.SigmaMin {
		return fmt.Errorf("diffusion: guidance: interval ends at %g, need more than its start %g", g.SigmaMax, g.SigmaMin)
	}
	return nil
}

// ScaleAt returns w at a noise level: Scale within (SigmaMin, SigmaMax], else 1.
func (g Guidance) ScaleAt(sigma float32) float64 {
	s := float64(sigma)
	if s <= g.SigmaMin || (g.SigmaMax != 0 && s > g.SigmaMax) {
		return 1
	}
	return g.Scale
}

// Guided combines a conditional and an unconditional denoiser. It calls only
// cond where w is 1, only uncond where w is 0, else both, cond first; uncond may
// be nil if w is 1 everywhere. The error is that of Validate.
func Guided(cond, uncond Denoiser, g Guidance) (Denoiser, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if g.Scale == 1 {
		return cond, nil
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
		return u.AddScaled(float32(w), c.AddScaled(-1, u)), nil
	}, nil
}
