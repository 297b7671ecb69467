package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// stepper performs step i: it takes x from sigma to sigmaNext, which is above 0.
// denoised is D(x;sigma). It returns a new tensor, or an error of the denoiser.
type stepper func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error)

// walk takes x down sigmas: at every level one evaluation, one step and one call of the
// hook. The step to 0 is x ← D(x;σ), whatever the method: exact where D does not change
// below σ, and no solver knows more of it than D. Errors of denoise, step and the hook are
// returned unchanged; an error about sigmas wraps ErrSchedule.
func walk(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook, step stepper) (*tensor.Tensor, error) {
	return walkFrom(denoise, x, sigmas, hook, nil, step)
}

// lift changes the noise level before step i: it returns the new x and sigma.
type lift func(i int, x *tensor.Tensor, sigma float32) (*tensor.Tensor, float32)

// walkFrom is walk with a change of the noise level before each evaluation, unless up is nil.
func walkFrom(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook,
	up lift, step stepper) (_ *tensor.Tensor, err error) {
	defer rescue(&err)
	if err := Check(sigmas); err != nil {
		return nil, err
	}
	if denoise, err = checked(denoise, x, false); err != nil {
		return nil, err
	}
	for i := range len(sigmas) - 1 {
		sigma, sigmaNext := sigmas[i], sigmas[i+1]
		if up != nil {
			x, sigma = up(i, x, sigma)
		}
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		if sigmaNext == 0 {
			x = denoised.Scaled(1)
		} else if x, err = step(i, x, denoised, sigma, sigmaNext); err != nil {
			return nil, err
		}
		if err := hook.call(i, x, sigmaNext); err != nil {
			return nil, err
		}
	}
	return x, nil
}
