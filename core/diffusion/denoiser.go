package diffusion

import "tweedie/core/tensor"

// Denoiser returns D(x;σ), the expected clean images given x = x₀ + σ·ε.
//
//	x      [N,H,W,C], left unchanged
//	sigma  the noise level of all N images, > 0
//
// The result is new and has the shape of x. An error ends the sampling that
// asked and reaches its caller as it is, which is also how a run is cancelled.
type Denoiser func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error)
