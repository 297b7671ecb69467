package sampler

import "tweedie/core/tensor"

// Hook is called after every step with the step's index, counted from 0, and the
// new x, whose noise level is sigma = sigmas[step+1]. It may write x. Annealed
// Langevin calls it after each of its T updates at a level, with the index of the
// step that led to the level: −1 at sigmas[0]. Inpainting uses it to replace the
// known pixels; progress and cancellation go through the denoiser. An error ends
// the run and is returned unchanged. A nil Hook does nothing.
type Hook func(step int, x *tensor.Tensor, sigma float32) error

func (h Hook) call(step int, x *tensor.Tensor, sigma float32) error {
	if h == nil {
		return nil
	}
	return h(step, x, sigma)
}
