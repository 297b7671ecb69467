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

// FromRange turns a denoiser of pixels in [low,high] into one of pixels in [−1,1]: with half the
// width h = (high − low)/2, D(x;σ) = (denoise(h·(x+1) + low; h·σ) − low)/h − 1.
func FromRange(denoise Denoiser, low, high float32) Denoiser {
	half := (high - low) / 2
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		own := tensor.New(x.Shape...)
		for i, v := range x.Data {
			own.Data[i] = float32(half*(v+1)) + low
		}
		d, err := denoise(own, half*sigma)
		if err != nil {
			return nil, err
		}
		for i, v := range d.Data {
			own.Data[i] = (v-low)/half - 1
		}
		return own, nil
	}
}
