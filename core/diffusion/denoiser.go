package diffusion

import "tweedie/core/tensor"

// Denoiser returns D(x;σ), the expected clean images given x = x₀ + σ·ε.
//
//	x      [N,H,W,C], left unchanged
//	sigma  the noise level of all N images, > 0
//
// The result is new and has the shape of x. A network that has learned variances gives
// [N,H,W,2C]: D of a pixel, and behind it v (see sampler.DDPMLearned). An error ends the sampling that
// asked and reaches its caller as it is, which is also how a run is cancelled.
type Denoiser func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error)

// OfUnit returns the denoiser of pixels in [−1,1] that one of pixels in [0,1] makes:
// D(x;σ) = 2·denoise((x+1)/2; σ/2) − 1.
func OfUnit(denoise Denoiser) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		unit := tensor.New(x.Shape...)
		for i, v := range x.Data {
			unit.Data[i] = (v + 1) / 2
		}
		d, err := denoise(unit, sigma/2)
		if err != nil {
			return nil, err
		}
		for i, v := range d.Data {
			unit.Data[i] = 2*v - 1
		}
		return unit, nil
	}
}
