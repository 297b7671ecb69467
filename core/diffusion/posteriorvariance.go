package diffusion

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// PosteriorVariance is the mean square error E‖x₀ − D(x;σ)‖²/d of a denoiser at some
// noise levels, where d is the number of values in an image. Analytic-DPM needs it (Bao
// et al. 2022, arXiv:2201.06503). Between two levels it is linear in ln σ. It is part of
// a model file.
//
// For the exact D it follows from the score alone (their eq. 7), with ε̂ = (x−D)/σ:
//
//	E‖x₀ − D‖²/d = σ²·(1 − E‖ε̂‖²/d)
type PosteriorVariance struct {
	Sigmas    []float64 `json:"sigmas"`    // noise levels, increasing
	Variances []float64 `json:"variances"` // at each level, at least 0
}

// Validate returns an error that names the first invalid number.
func (s *PosteriorVariance) Validate() error {
	if len(s.Sigmas) == 0 || len(s.Sigmas) != len(s.Variances) {
		return fmt.Errorf("diffusion: posterior: there must be at least one noise level, and one variance for each (got %d sigmas and %d variances)", len(s.Sigmas), len(s.Variances))
	}
	before := 0.0
	for i, sigma := range s.Sigmas {
		if !(sigma > before && sigma <= math.MaxFloat32 && s.Variances[i] >= 0 && s.Variances[i] <= math.MaxFloat32) {
			return fmt.Errorf("diffusion: posterior: sigmas must be positive and increasing, variances at least 0, all finite (got variances[%d] = %g at %g after %g)", i, s.Variances[i], sigma, before)
		}
		before = sigma
	}
	return nil
}

// At returns the variance at a noise level; outside the range it is that of the nearest
// end.
func (s *PosteriorVariance) At(sigma float32) float64 {
	last := len(s.Sigmas) - 1
	level := min(max(float64(sigma), s.Sigmas[0]), s.Sigmas[last])
	i := 0
	for i+1 < last && s.Sigmas[i+1] < level {
		i++
	}
	if i == last {
		return s.Variances[i]
	}
	part := num.Log(level/s.Sigmas[i]) / num.Log(s.Sigmas[i+1]/s.Sigmas[i])
	return s.Variances[i] + float64(part*(s.Variances[i+1]-s.Variances[i]))
}

// MeasurePosteriorVariance estimates a model's posterior variance at increasing levels:
// the mean of ‖x₀ − D‖²/d over images x₀ [N,H,W,C], with the noise that eps returns for
// the index of a level. For an imperfect model this is the optimal variance given its mean
// (Bao et al. 2022b, arXiv:2206.07309, theorem 2). The estimate has less variance than one
// from the score alone, which at high levels is a small difference of large numbers. It
// calls denoise once for each level. The error is one of denoise.
func MeasurePosteriorVariance(denoise Denoiser, x0 *tensor.Tensor, sigmas []float32, eps func(level int) *tensor.Tensor) (*PosteriorVariance, error) {
	if denoise == nil || eps == nil {
		return nil, errors.New("diffusion: the denoiser and the noise must not be nil")
	}
	if err := x0.Check(); err != nil {
		return nil, err
	}
	s := &PosteriorVariance{}
	for i, sigma := range sigmas {
		z := eps(i)
		if z == nil || !slices.Equal(z.Shape, x0.Shape) {
			return nil, fmt.Errorf("diffusion: noise must have the shape of the images, %v", x0.Shape)
		}
		x := Perturb(x0, z, sigma)
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		if denoised == nil || len(denoised.Data) < len(x0.Data) {
			return nil, fmt.Errorf("diffusion: the denoiser's result must have the shape of the images, %v", x0.Shape)
		}
		sum := 0.0
		for j, v := range x0.Data {
			diff := float64(v) - float64(denoised.Data[j])
			sum += float64(diff * diff)
		}
		s.Sigmas = append(s.Sigmas, float64(sigma))
		s.Variances = append(s.Variances, sum/float64(len(x0.Data)))
	}
	return s, s.Validate()
}
