package diffusion

import "tweedie/core/tensor"

// Denoiser returns D(x;σ), the expected clean images given x = x₀ + σ·ε.
//
//	x      [N,H,W,C], left unchanged
//	sigma  the noise level of all N images, > 0
//
// The result is new and has the shape of x. A network with learned variances returns
// [N,H,W,2C]: for each pixel D, then v (see sampler.DDPMLearned). An error ends the
// sampling, which returns it unchanged; this is also the way to cancel a run.
type Denoiser func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error)

// FromUnitRange turns a denoiser of pixels in [0,1] into one of pixels in [−1,1]:
// D(x;σ) = 2·denoise((x+1)/2; σ/2) − 1.
func FromUnitRange(denoise Denoiser) Denoiser {
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
