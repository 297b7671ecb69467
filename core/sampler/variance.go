package sampler

import (
	"errors"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// DDPMLearned is DDPM with a learned variance for each number of an image: Nichol &
// Dhariwal 2021, arXiv:2102.09672, eq. 15. It interpolates between the two fixed
// variances,
//
//	Σ = exp(u·ln β + (1−u)·ln β̃),   u = (v+1)/2
//
// A step need not be one of the chain that the network was trained on.
//
//	denoise  returns [N,H,W,2C]: for each pixel D, then v
//
// Other arguments, cost and errors are those of DDPM; it is also an error if denoise
// returns no v.
func DDPMLearned(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	if denoise, err = checked(denoise, x, true); err != nil {
		return nil, err
	}
	var v *tensor.Tensor
	mean := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		if d, v = diffusion.SplitChannels(d, x.Shape[len(x.Shape)-1]); v == nil {
			return nil, errors.New("sampler: method \"ddpm-learned\" needs a network with learned variances: use \"ddpm\" or \"ddpm-large\"")
		}
		return d, nil
	}
	return walk(mean, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		keep, small := ddpmStep(float64(sigma), float64(sigmaNext), VarianceSmall)
		_, large := ddpmStep(float64(sigma), float64(sigmaNext), VarianceLarge)
		rise := num.Log(large/small) / 2 // of ln √Σ, over v from −1 to 1
		x = x.Combine(float32(keep), float32(1-keep), denoised)
		z := noise(StreamStep + uint32(i))
		for j, u := range v.Data {
			sd := float64(small * num.Exp(rise*(float64(u)+1)))
			x.Data[j] += float32(float32(sd) * z.Data[j])
		}
		return x, nil
	})
}

// DDPMAnalytic is DDPM with the variance that is optimal on average: Analytic-DPM, Bao
// et al. 2022, arXiv:2201.06503, theorem 1. A step that uses D in place of x₀ neglects
// the distance between them; by the law of total variance the optimum is
//
//	Σ = β̃ + (1 − r)²·E‖x₀ − D‖²/d,   r = σ_s²/σ_t²
//
// posterior holds E‖x₀ − D‖²/d of the model. Other arguments, cost and errors are those
// of DDPM.
func DDPMAnalytic(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, posterior *diffusion.PosteriorVariance, noise Noise, hook Hook) (*tensor.Tensor, error) {
	if posterior == nil {
		return nil, errors.New("sampler: the posterior variances must not be nil")
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		keep, small := ddpmStep(float64(sigma), float64(sigmaNext), VarianceSmall)
		x = x.Combine(float32(keep), float32(1-keep), denoised)
		added := float64((1 - keep) * (1 - keep) * posterior.At(sigma))
		sd := math.Sqrt(float64(small*small) + added)
		return x.AddScaled(float32(sd), noise(StreamStep+uint32(i))), nil
	})
}
