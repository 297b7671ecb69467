package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// EulerAncestral takes Euler's step to σ_down, below the next level, and adds
// noise of standard deviation σ_up to come back to it (Crowson's k-diffusion):
//
//	σ_up² = σ′²·(σ² − σ′²)/σ²,   σ_down² = σ′² − σ_up² = (σ′²/σ)²
//
// That is DDIM with eta 1, DDPM with VarianceSmall, and SDEDPMSolverPP of order
// 1, and it is DDIM that runs.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//	noise   StreamStep+i is drawn in step i, but not in the step to 0
//
// It calls denoise K times. The error is one of denoise or of the hook, as it
// is, or wraps ErrSchedule. It panics if noise is nil.
func EulerAncestral(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return DDIM(denoise, x, sigmas, 1, noise, hook)
}

// DPM2Ancestral takes DPM-Solver-2's step to the σ_down of EulerAncestral and
// adds the noise of σ_up (Crowson's k-diffusion). The rest is as there, but that
// it calls denoise twice a step.
func DPM2Ancestral(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if noise == nil {
		panic("sampler: DPM2Ancestral without noise")
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
