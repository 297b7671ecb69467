package sampler

import (
	"cmp"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Churn is the stochasticity of Algorithm 2 of Karras et al. 2022,
// arXiv:2206.00364, section 4. The zero value adds none.
type Churn struct {
	S     float64 `json:"s_churn,omitempty"` // total, divided among the steps; at least 0
	Min   float64 `json:"s_tmin,omitempty"`  // noise level below which none is added
	Max   float64 `json:"s_tmax,omitempty"`  // noise level above which none is added; 0 means no limit
	Noise float64 `json:"s_noise,omitempty"` // factor of the standard deviation of the added noise; 0 means 1
}

// Heun integrates the probability-flow ODE with Heun's second-order method. With
// churn it first adds a little noise and raises the level to σ̂: Algorithm 2 of
// Karras et al. 2022, arXiv:2206.00364, for σ(t) = t and s(t) = 1. Without churn it
// is Algorithm 1. Line numbers below are those of Algorithm 2. σ̂ is at most
// sigmas[0], so that it stays in the model's range.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check; a final 0 makes the last step an Euler step
//	noise   StreamStep+i is drawn in step i if it adds noise; may be nil without churn
//
// It calls denoise 2K times, once fewer when sigmas ends in 0. Errors of denoise and of the
// hook are returned unchanged; an error about sigmas wraps ErrSchedule.
func Heun(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, churn Churn, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return heun(denoise, x, sigmas, sigmas, churn, noise, hook)
}

// heun is Heun for a stretch of the schedule whole: churn is of all its steps, and lifts x to
// its highest level at most.
func heun(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas, whole []float32, churn Churn, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if churn.S > 0 {
		var err error
		if noise, err = noise.checked(x); err != nil {
			return nil, err
		}
	}
	lift := func(i int, x *tensor.Tensor, sigma float32) (*tensor.Tensor, float32) {
		up, sd := churn.step(sigma, whole[0], len(whole)-1)
		if up > sigma {
			x = x.AddScaled(float32(sd), noise(StreamStep+uint32(i))) // 6: x̂ᵢ ← xᵢ + √(t̂ᵢ² − tᵢ²)·εᵢ
		}
		return x, up
	}
	return walkFrom(denoise, x, sigmas, hook, lift, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		d := slope(x, denoised, sigma)           // 7: dᵢ ← (x̂ᵢ − D(x̂ᵢ;t̂ᵢ))/t̂ᵢ
		xNext := x.AddScaled(sigmaNext-sigma, d) // 8: xᵢ₊₁ ← x̂ᵢ + (tᵢ₊₁ − t̂ᵢ)dᵢ
		denoised, err := denoise(xNext, sigmaNext)
		if err != nil {
			return nil, err
		}
		dPrime := slope(xNext, denoised, sigmaNext) // 10: dᵢ′ ← (xᵢ₊₁ − D(xᵢ₊₁;tᵢ₊₁))/tᵢ₊₁
		h := (sigmaNext - sigma) / 2
		return x.AddScaled(h, d).AddScaled(h, dPrime), nil // 11: … + (tᵢ₊₁ − t̂ᵢ)(½dᵢ + ½dᵢ′)
	})
}

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
