package diffusion

import (
	"errors"

	"tweedie/core/tensor"
)

// ClassifierGradient returns ∇ₓ log p(y|x;σ) of a classifier of noisy images
// x = x₀ + σ·ε, where y is the class wanted for each image. Shapes and errors are those
// of a Denoiser.
type ClassifierGradient func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error)

// ClassifierGuided returns denoise guided by a classifier (Dhariwal & Nichol 2021,
// arXiv:2105.05233, section 4). denoise may be conditional or not:
//
//	D ← D + w·σ²·∇ₓ log p(y|x;σ)
//	D ← φ·D·std(D₀)/std(D) + (1−φ)·D
//
// where w is g.Classifier and D₀ the unguided D; outside the interval of g it is denoise.
// By Tweedie's formula D = x + σ²·∇ₓ log p(x;σ), so by Bayes' rule w = 1 and the exact
// posterior turn an unconditional denoiser into that of the class. With ε̂ = (x − D)/σ
// this is ε̂ − √(1−ᾱ)·∇ log p in x/√ᾱ, Algorithm 2 of the paper; an ancestral step with it
// has the shifted mean of Algorithm 1. Apply classifier-free guidance to denoise first,
// and thresholds to the result. Channels of learned variances are unchanged. The error
// is one of Validate.
func ClassifierGuided(denoise Denoiser, gradient ClassifierGradient, g Guidance) (Denoiser, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if denoise == nil || gradient == nil && g.Classifier != 0 {
		return nil, errors.New("diffusion: the denoiser and the classifier's gradient must not be nil")
	}
	if g.Classifier == 0 {
		return denoise, nil
	}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, err := denoise(x, sigma)
		if err != nil || !g.active(sigma) {
			return d, err
		}
		classGradient, err := gradient(x, sigma)
		if err != nil {
			return nil, err
		}
		before, v := SplitChannels(d, x.Shape[len(x.Shape)-1])
		image := before.AddScaled(float32(g.Classifier*float64(sigma)*float64(sigma)), classGradient)
		for i := range image.Shape[0] {
			rescale(image.Row(i), before.Row(i), g.Rescale)
		}
		return joinChannels(image, v), nil
	}, nil
}
