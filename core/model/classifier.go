package model

import (
	"fmt"

	"tweedie/core/autodiff"
	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/tensor"
	"tweedie/core/unet"
)

// classifierShape returns the C, H, W of a classifier, or an error if its configuration is
// invalid.
func (c *Config) classifierShape() ([3]int, error) {
	u := c.UNet
	if u.OutChannels < 2 || len(c.Classes) != u.OutChannels {
		return [3]int{}, fmt.Errorf("out_channels must be the number of classes and at least 2 (got %d with %d classes)", u.OutChannels, len(c.Classes))
	}
	if c.NullClass != nil || u.NumClassEmbeds != nil || c.UnitPixels || c.PixelRange != nil {
		return [3]int{}, fmt.Errorf("null_class, num_class_embeds, unit_pixels and pixel_range are not allowed with arch %q", Classifier)
	}
	_, err := unet.BuildClassifier(u)
	return [3]int{u.InChannels, u.SampleSize.H, u.SampleSize.W}, err
}

// CheckDenoiser returns an error for a classifier, which is not a denoiser.
func (c *Config) CheckDenoiser() error {
	if c.Arch == Classifier {
		return fmt.Errorf("model: arch must be that of a model that generates images (got %q): a classifier can only guide one", c.Arch)
	}
	return nil
}

// NewClassifierGradient returns an evaluator of ∇ₓ log p(y|x;σ) of a classifier, with the
// options of NewRunner. The gradient is a program like its network, of the same operations and
// their adjoints. It is an error if the model is not a classifier.
func (m *Model) NewClassifierGradient(maxBatch int, o infer.Options) (*ClassifierGradient, error) {
	of, err := m.gradientModel()
	if err != nil {
		return nil, err
	}
	r, err := of.NewRunner(maxBatch, o)
	return &ClassifierGradient{r, of.Cost()}, err
}

// ClassifierGradientCost returns what ClassifierGradient.Cost will return. It works on an
// Outline too.
func (m *Model) ClassifierGradientCost() (graph.Cost, error) {
	of, err := m.gradientModel()
	if err != nil {
		return graph.Cost{}, err
	}
	return of.Cost(), nil
}

// gradientModel returns m with the program of the gradient as its network.
func (m *Model) gradientModel() (*Model, error) {
	if m.config.Arch != Classifier {
		return nil, fmt.Errorf("model: arch must be %q to compute a classifier's gradient (got %q)", Classifier, m.config.Arch)
	}
	net, err := m.config.Build()
	if err != nil {
		return nil, err
	}
	p := net.Program
	chosen := p.Apply(graph.LogSoftmaxAdjoint{}, net.Out, p.Input("y", 1))
	gradient, err := autodiff.Gradient(p, net.Out, chosen, p.Inputs[0].Value)
	if err != nil {
		return nil, err
	}
	of := *m
	of.network = &unet.Network{Program: p, Out: gradient}
	return &of, nil
}

// ClassifierGradient evaluates the gradient of a classifier. It must be used by one goroutine
// at a time, and uses several itself.
type ClassifierGradient struct {
	runner *Runner
	cost   graph.Cost
}

// Cost returns the cost of one evaluation on one image.
func (s *ClassifierGradient) Cost() graph.Cost { return s.cost }

// Of returns ∇ₓ log p(y|x;σ) for images of classes y.
func (s *ClassifierGradient) Of(y []int) diffusion.ClassifierGradient {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		g, cIn, err := s.runner.evaluateClassifier(x, sigma, y)
		if err != nil {
			return nil, err
		}
		return g.Scaled(cIn), nil // the network's input is c_in·x
	}
}

// Logits returns ln p(y|x;σ) of every class y, up to a constant that all classes of an image
// share, as [N,1,1,K]. The runner must be one of a classifier.
func (r *Runner) Logits(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	z, _, err := r.evaluateClassifier(x, sigma, nil)
	return z, err
}

// evaluateClassifier evaluates a classifier or its gradient at x = x₀ + σ·ε, and returns c_in.
// Noise levels outside the model's range are refused.
func (r *Runner) evaluateClassifier(x *tensor.Tensor, sigma float32, y []int) (*tensor.Tensor, float32, error) {
	c := r.config
	if err := c.checkSigma(sigma); err != nil {
		return nil, 0, err
	}
	p, err := c.Parametrization()
	if err != nil {
		return nil, 0, err
	}
	k, err := p.Coefficients(sigma)
	if err != nil {
		return nil, 0, err
	}
	out, err := r.at(y)(x.Scaled(float32(k.CIn)), c.Time(float32(k.CNoise)))
	return out, float32(k.CIn), err
}
