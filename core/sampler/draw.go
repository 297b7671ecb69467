package sampler

import (
	"errors"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Draw samples any denoiser: it starts from noise of standard deviation sigmaMax and
// runs the method that s names down the levels of its schedule, from sigmaMax to
// sigmaMin and then 0. noise decides how many samples there are and of what shape:
// NewNoise(seed, 0, n, 2) makes n points of the plane.
//
// It is Sigmas, Start and Run one after the other, for a model without a chain; the
// error is one of theirs.
func Draw(s Settings, denoise diffusion.Denoiser, noise Noise, sigmaMin, sigmaMax float32) (*tensor.Tensor, error) {
	if noise == nil {
		return nil, errors.New("sampler: noise must not be nil: see NewNoise")
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	sigmas, err := s.Sigmas(sigmaMin, sigmaMax, nil)
	if err != nil {
		return nil, err
	}
	return Run(s, denoise, Start(noise, sigmas), sigmas, noise, nil)
}
