package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// stepper takes x from sigma to sigmaNext, which is above 0, in step i. denoised
// is D(x;sigma). It returns a new tensor, or the denoiser's error.
type stepper func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error)

// walk takes x down sigmas: at every level one evaluation, one step and one call
// of the hook. The step to 0 is x ← D(x;σ), whatever the method: exact where D
// does not change below σ, and no solver knows more of it than D. Its error is
// one of denoise, step or the hook, as it is, or wraps ErrSchedule.
func walk(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook, step stepper) (*tensor.Tensor, error) {
	return walkFrom(denoise, x, sigmas, hook, nil, step)
}

// walkFrom is walk for a method that goes to another level before it asks: lift,
// unless nil, returns x and sigma as they are then.
func walkFrom(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, hook Hook,
	lift func(i int, x *tensor.Tensor, sigma float32) (*tensor.Tensor, float32), step stepper) (*tensor.Tensor, error) {
	if err := Check(sigmas); err != nil {
		return nil, err
	}
	for i := range len(sigmas) - 1 {
		sigma, sigmaNext := sigmas[i], sigmas[i+1]
		if lift != nil {
			x, sigma = lift(i, x, sigma)
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
