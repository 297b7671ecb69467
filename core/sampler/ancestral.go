package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// EulerAncestral takes an Euler step to σ_down, below the next level, and adds
// noise of standard deviation σ_up to return to that level (Crowson's k-diffusion):
//
//	σ_up² = σ′²·(σ² − σ′²)/σ²,   σ_down² = σ′² − σ_up² = (σ′²/σ)²
//
// This is the same as DDIM with eta 1, DDPM with VarianceSmall, and
// SDEDPMSolverPP of order 1; the implementation calls DDIM.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func EulerAncestral(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return DDIM(denoise, x, sigmas, 1, noise, hook)
}

// DPM2Ancestral takes a DPM-Solver-2 step to the σ_down of EulerAncestral and
// adds noise of standard deviation σ_up (Crowson's k-diffusion). Arguments and
// errors are those of EulerAncestral; it calls denoise twice a step.
func DPM2Ancestral(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		_, up := ddimStep(float64(sigma), float64(sigmaNext), 1)
		down := float64(sigmaNext) * float64(sigmaNext) / float64(sigma)
		// σ_s = √(σ·σ_down) is the next level itself.
		u := x.AddScaled(sigmaNext-sigma, slope(x, denoised, sigma))
		middle, err := denoise(u, sigmaNext)
		if err != nil {
			return nil, err
		}
		x = x.AddScaled(float32(down-float64(sigma)), slope(u, middle, sigmaNext))
		return x.AddScaled(float32(up), noise(StreamStep+uint32(i))), nil
	})
}
