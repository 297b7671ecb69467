package diffusion

import "tweedie/core/tensor"

// ClassifierGradient returns ∇ₓ log p(y|x;σ) of a classifier of noisy images x = x₀ + σ·ε: how the
// class that each image is to be of becomes more likely. Shapes and errors are a
// Denoiser's.
type ClassifierGradient func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error)

// Classified returns denoise guided by a classifier (Dhariwal & Nichol 2021,
// arXiv:2105.05233, section 4), whatever denoise is:
//
//	D ← D + w·σ²·∇ₓ log p(y|x;σ)
//	D ← φ·D·std(D₀)/std(D) + (1−φ)·D
//
// with w of g.Classifier, D₀ the D before, and both within g's interval only. By Tweedie's
// formula D = x + σ²·∇ₓ log p(x;σ), so that with w = 1 and the exact posterior an
// unconditional denoiser becomes that of the class: Bayes' rule. The paper's
// ε̂ − √(1−ᾱ)·∇ log p of its Algorithm 2 is this, in x/√ᾱ, by ε̂ = (x − D)/σ; the shifted
// mean of its Algorithm 1 is what an ancestral step makes of it. Classifier-free
// guidance goes inside, thresholds around. The channels of learned variances stay as
// they are. The error is that of Validate.
func Classified(denoise Denoiser, slope ClassifierGradient, g Guidance) (Denoiser, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if g.Classifier == 0 {
		return denoise, nil
	}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, err := denoise(x, sigma)
		if err != nil || !g.acts(sigma) {
			return d, err
		}
		s, err := slope(x, sigma)
		if err != nil {
			return nil, err
		}
		before, v := Split(d, x.Shape[3])
		image := before.AddScaled(float32(g.Classifier*float64(sigma)*float64(sigma)), s)
		for i := range image.Shape[0] {
			rescale(image.Row(i), before.Row(i), g.Rescale)
		}
		return join(image, v), nil
	}, nil
}
