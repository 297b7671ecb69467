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

// Clipped returns denoise with every number of its result held to [−1,1], the
// range of pixels: the static thresholding of Saharia et al. 2022,
// arXiv:2205.11487, section 2.3. Guidance goes inside it, not around. NaN stays
// NaN, so that a broken network shows.
func Clipped(denoise Denoiser) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		out := tensor.New(denoised.Shape...)
		for i, v := range denoised.Data {
			switch {
			case v > 1:
				v = 1
			case v < -1:
				v = -1
			}
			out.Data[i] = v
		}
		return out, nil
	}
}
