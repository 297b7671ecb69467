package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// PosteriorVariance is how far data lie from D(x;σ) on average, E‖x₀ − D‖² a number of the image,
// at some noise levels: what Analytic-DPM needs to know of a model beside D (Bao et al.
// 2022, arXiv:2201.06503). Between two levels it is linear in ln σ. It is part of a model
// file.
//
// For the exact D it follows from the score alone (their eq. 7), as ε̂ = (x−D)/σ:
//
//	E‖x₀ − D‖²/d = σ²·(1 − E‖ε̂‖²/d)
type PosteriorVariance struct {
	Sigmas    []float64 `json:"sigmas"`    // rising
	Variances []float64 `json:"variances"` // at each, at least 0
}

// Validate names what about the numbers is wrong.
func (s *PosteriorVariance) Validate() error {
	if len(s.Sigmas) == 0 || len(s.Sigmas) != len(s.Variances) {
		return fmt.Errorf("diffusion: posterior: %d sigmas and %d variances, need one variance each, of one level or more", len(s.Sigmas), len(s.Variances))
	}
	before := 0.0
	for i, sigma := range s.Sigmas {
		if !(sigma > before && sigma <= math.MaxFloat32 && s.Variances[i] >= 0 && s.Variances[i] <= math.MaxFloat32) {
			return fmt.Errorf("diffusion: posterior: variances[%d] is %g at %g after %g, need finite numbers of at least 0 at rising levels above 0", i, s.Variances[i], sigma, before)
		}
		before = sigma
	}
	return nil
}

// At returns the variance at a noise level; beyond the ends it is that of the end.
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

// MeasurePosteriorVariance estimates a model's posterior variance at rising levels: the mean of ‖x₀ − D‖²/d over
// images x₀ [N,H,W,C] with noise that eps returns for a level's index. For a model that is
// off it is the variance that is best beside its mean (Bao et al. 2022b, arXiv:2206.07309,
// theorem 2), and it varies less than what the score alone says, a small difference of
// large numbers at high levels. It calls denoise once a level. The error is one of denoise.
func MeasurePosteriorVariance(denoise Denoiser, x0 *tensor.Tensor, sigmas []float32, eps func(level int) *tensor.Tensor) (*PosteriorVariance, error) {
	s := &PosteriorVariance{}
	for i, sigma := range sigmas {
		x := Perturb(x0, eps(i), sigma)
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		sum := 0.0
		for j, v := range x0.Data {
			off := float64(v) - float64(denoised.Data[j])
			sum += float64(off * off)
		}
		s.Sigmas = append(s.Sigmas, float64(sigma))
		s.Variances = append(s.Variances, sum/float64(len(x0.Data)))
	}
	return s, s.Validate()
}
