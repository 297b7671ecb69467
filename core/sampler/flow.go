package sampler

import (
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// FlowEuler integrates the rectified flow z = (1−t)·x₀ + t·ε, dz/dt = v = (z − D)/t,
// with Euler's method in t: the sampler of flow matching (Lipman et al. 2023,
// arXiv:2210.02747) and of rectified flow. In x = z/(1−t), σ = t/(1−t), the step
//
//	z′ = z + (t′−t)·v   is   x′ = (σ′/σ)·x + (1 − σ′/σ)·D
//
// which is an Euler step in σ, so the implementation calls Euler. The methods
// differ only in their default noise levels, see Flow.
//
//	x       [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas  [K+1]: see Check
//
// It calls denoise K times. Errors of denoise and of the hook are returned unchanged; an
// error about sigmas wraps ErrSchedule.
func FlowEuler(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	return Euler(denoise, x, sigmas, hook)
}

// FlowHeun is FlowEuler with Heun's method in t, which differs from Heun's method
// in σ. With h = t′−t
//
//	z* = z + h·v,   z′ = z + h/2·(v + v*),   v* = (z* − D(z*/(1−t′);σ′))/t′
//
// It calls denoise 2K times, once fewer when sigmas ends in 0.
func FlowHeun(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook) (*tensor.Tensor, error) {
	return flowHeun(denoise, x, sigmas, nil, hook)
}

func flowHeun(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, up lift, hook Hook) (*tensor.Tensor, error) {
	return walkFrom(denoise, x, sigmas, hook, up, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		t, s := flowTime(sigma)
		tNext, sNext := flowTime(sigmaNext)
		half := (tNext - t) / 2
		v := x.Combine(float32(s/t), float32(-1/t), denoised) // (z − D)/t
		star := x.Combine(float32(s/sNext), float32(2*half/sNext), v)
		denoised, err := denoise(star, sigmaNext)
		if err != nil {
			return nil, err
		}
		vStar := star.Combine(float32(sNext/tNext), float32(-1/tNext), denoised)
		x = x.Combine(float32(s/sNext), float32(half/sNext), v)
		return x.AddScaled(float32(half/sNext), vStar), nil
	})
}

// flowTime returns t = σ/(1+σ) and 1−t.
func flowTime(sigma float32) (t, s float64) {
	s = 1 / (1 + float64(sigma))
	return float64(sigma) * s, s
}

// Flow is Karras with levels evenly spaced in t = σ/(1+σ), the time of rectified flow.
func Flow(n int, sigmaMin, sigmaMax float64) ([]float32, error) {
	return FlowShifted(n, sigmaMin, sigmaMax, 1)
}

// FlowShifted is Flow with shifted times: Esser et al. 2024, arXiv:2403.03206, eq. 23,
// t′ = s·t/(1 + (s−1)·t) for evenly spaced t. In noise levels that is σ′ = s·σ. A shift s above 1 puts
// more levels where there is much noise, as larger images need. The first and the last level
// stay sigmaMax and sigmaMin; they are not shifted.
func FlowShifted(n int, sigmaMin, sigmaMax, shift float64) ([]float32, error) {
	if !(shift > 0 && shift <= maxShift) {
		return nil, fmt.Errorf("sampler: %w: the shift must be above 0 and at most %d (got %g)", ErrSchedule, maxShift, shift)
	}
	return evenlySpaced(n, sigmaMin, sigmaMax,
		func(sigma float64) float64 { return sigma / shift / (1 + sigma/shift) },
		func(t float64) float64 { return float64(shift * (t / (1 - t))) })
}

// maxShift is the largest shift of FlowShifted.
const maxShift = diffusion.MaxFlowShift
