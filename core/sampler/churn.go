package sampler

import (
	"cmp"
	"math"

	"tweedie/core/tensor"
)

// Churn is the stochasticity of Algorithm 2 of Karras et al. 2022,
// arXiv:2206.00364, section 4. The zero value adds none. It is defined for every solver that
// remembers nothing between steps: the values that a multistep solver keeps belong to a path
// that churn leaves.
type Churn struct {
	S     float64 `json:"s_churn,omitempty"` // total, divided among the steps; at least 0
	Min   float64 `json:"s_tmin,omitempty"`  // noise level below which none is added
	Max   float64 `json:"s_tmax,omitempty"`  // noise level above which none is added; 0 means no limit
	Noise float64 `json:"s_noise,omitempty"` // factor of the standard deviation of the added noise; 0 means 1
}

// lift returns the noise added before each step along whole, of which the steps may be a stretch:
// churn is divided among the steps of whole, and lifts x to its highest level at most. It is nil
// without churn, and StreamStep+i is drawn in step i if that adds noise.
func (c Churn) lift(whole []float32, noise Noise, x *tensor.Tensor) (lift, error) {
	if !(c.S > 0) || len(whole) == 0 {
		return nil, nil
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	return func(i int, x *tensor.Tensor, sigma float32) (*tensor.Tensor, float32) {
		up, sd := c.step(sigma, whole[0], len(whole)-1)
		if up > sigma {
			x = x.AddScaled(float32(sd), noise(StreamStep+uint32(i))) // 6: x̂ᵢ ← xᵢ + √(t̂ᵢ² − tᵢ²)·εᵢ
		}
		return x, up
	}, nil
}

// lift returns the churn of a run.
func (r *run) lift() (lift, error) { return r.Churn.lift(r.whole, r.noise, r.x) }

// step returns σ̂ for one of steps steps, which starts at sigma, and the standard
// deviation of the noise to add: lines 4 and 5.
func (c Churn) step(sigma, highest float32, steps int) (up float32, sd float64) {
	s := float64(sigma)
	if c.S == 0 || s < c.Min || c.Max != 0 && s > c.Max {
		return sigma, 0
	}
	gamma := min(c.S/float64(steps), math.Sqrt2-1)
	up = min(sigma+float32(gamma*s), highest) // 5: t̂ᵢ ← tᵢ + γᵢtᵢ
	drop := (float64(up) - s) * (float64(up) + s)
	return up, cmp.Or(c.Noise, 1) * math.Sqrt(drop)
}
