package sampler

import (
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// langevinStep is one unadjusted step of Langevin dynamics at a noise level,
//
//	x ← x + ε·∇log p(x;σ) + √(2ε)·z,   ∇log p = (D − x)/σ²   (Tweedie's formula)
//
// where step returns ε for each row of x.
func langevinStep(x, denoised, z *tensor.Tensor, sigma float32, step func(row int) float64) *tensor.Tensor {
	out := denoised.AddScaled(-1, x)
	v, n := float64(sigma)*float64(sigma), len(x.Data)/x.Shape[0]
	for i := range x.Shape[0] {
		eps := step(i)
		pull, sd := float32(eps/v), float32(math.Sqrt(2*eps))
		for j := i * n; j < (i+1)*n; j++ {
			out.Data[j] = x.Data[j] + float32(pull*out.Data[j]) + float32(sd*z.Data[j])
		}
	}
	return out
}

// annealedSteps is T of Song & Ermon 2019, section 5; annealedStep is ε/σ_L², for
// the paper's ε = 2e-5 and σ_L = 0.01.
const (
	annealedSteps = 100
	annealedStep  = 0.2
)

// AnnealedLangevin is annealed Langevin dynamics, Algorithm 1 of Song & Ermon
// 2019, arXiv:1907.05600: at each level σ_i, the first and the last above 0
// included, it takes T steps
//
//	x ← x + α_i/2·(D − x)/σ_i² + √α_i·z,   α_i = ε·σ_i²/σ_L²
//
// A final 0 returns D, which removes the noise of level σ_L that Algorithm 1 leaves
// in x (Jolicoeur-Martineau et al. 2021, arXiv:2009.05475, section 3.1).
//
//	x        [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas   [K+1]: see Check
//	steps    T, 1 to 255
//	epsilon  ε, the step size at σ_L, the lowest level above 0; 0 means 0.2·σ_L²
//	noise    StreamStep+i+m·StreamInner is drawn in step i, from σ_i to σ_{i+1}, for
//	         m from 1 to T, and in step 0 to 2T
//
// It calls denoise T times for every level above 0, and once for a final 0. Errors of
// denoise and of the hook are returned unchanged; an error about sigmas wraps ErrSchedule.
func AnnealedLangevin(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, steps int, epsilon float64, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return annealed(denoise, x, sigmas, sigmas, steps, epsilon, noise, hook)
}

// annealed is AnnealedLangevin for a stretch of the schedule whole: epsilon is the step size at
// its lowest level.
func annealed(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas, whole []float32, steps int, epsilon float64, noise Noise, hook Hook) (_ *tensor.Tensor, err error) {
	defer rescue(&err)
	if steps < 1 || steps > maxInner {
		return nil, fmt.Errorf("sampler: Langevin steps must be between 1 and %d (got %d)", maxInner, steps)
	}
	if denoise, err = checked(denoise, x, false); err != nil {
		return nil, err
	}
	if noise, err = noise.checked(x); err != nil {
		return nil, err
	}
	if err := Check(sigmas); err != nil {
		return nil, err
	}
	last := len(sigmas) - 1
	lowest := float64(whole[len(whole)-1])
	if lowest == 0 {
		lowest = float64(whole[len(whole)-2])
	}
	ratio := epsilon / (lowest * lowest)
	if epsilon == 0 {
		ratio = annealedStep
	}
	stream := StreamStep + StreamInner + uint32(steps)*StreamInner
	for i := -1; i < last; i++ {
		sigma := sigmas[i+1]
		if sigma == 0 {
			denoised, err := denoise(x, sigmas[i])
			if err != nil {
				return nil, err
			}
			x = denoised.Scaled(1)
			if err := hook.call(i, x, sigma); err != nil {
				return nil, err
			}
		} else {
			alpha := ratio * (float64(sigma) * float64(sigma))
			for m := range uint32(steps) {
				denoised, err := denoise(x, sigma)
				if err != nil {
					return nil, err
				}
				x = langevinStep(x, denoised, noise(stream+m*StreamInner), sigma, func(int) float64 { return alpha / 2 })
				if err := hook.call(i, x, sigma); err != nil {
					return nil, err
				}
			}
		}
		stream = StreamStep + StreamInner + uint32(i+1)
	}
	return x, nil
}
