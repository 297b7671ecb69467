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

// judged returns the C, H, W of a classifier, if it stands up.
func (c *Config) judged() ([3]int, error) {
	u := c.UNet
	if u.OutChannels < 2 || len(c.Classes) != u.OutChannels {
		return [3]int{}, fmt.Errorf("out_channels is %d with %d classes, need one a class and at least 2", u.OutChannels, len(c.Classes))
	}
	if c.NullClass != nil || u.NumClassEmbeds != nil || c.UnitPixels {
		return [3]int{}, fmt.Errorf("null_class, num_class_embeds or unit_pixels is given, need none of them for arch %q", Classifier)
	}
	_, err := unet.BuildClassifier(u)
	return [3]int{u.InChannels, u.SampleSize, u.SampleSize}, err
}

// Draws returns an error for a classifier, which is no denoiser.
func (c *Config) Draws() error {
	if c.Arch == Classifier {
		return fmt.Errorf("model: arch is %q, need a model that draws: a classifier guides one", c.Arch)
	}
	return nil
}

// NewClassifierGradient returns what evaluates ∇ₓ log p(y|x;σ) of a classifier, with the options of
// NewRunner. The gradient is a program like its network, of the same operations and
// their adjoints. The error says that the model is none.
func (m *Model) NewClassifierGradient(maxBatch int, o infer.Options) (*ClassifierGradient, error) {
	of, err := m.slope()
	if err != nil {
		return nil, err
	}
	r, err := of.NewRunner(maxBatch, o)
	return &ClassifierGradient{r, of.Cost()}, err
}

// ClassifierGradientCost is what ClassifierGradient.Cost will be; an Outline will do for it.
func (m *Model) ClassifierGradientCost() (graph.Cost, error) {
	of, err := m.slope()
	if err != nil {
		return graph.Cost{}, err
	}
	return of.Cost(), nil
}

// slope returns m with the program of the gradient for its network.
func (m *Model) slope() (*Model, error) {
	if m.config.Arch != Classifier {
		return nil, fmt.Errorf("model: arch is %q, need %q for the gradient of a class", m.config.Arch, Classifier)
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

// ClassifierGradient evaluates the gradient of a classifier. It belongs to one goroutine and uses
// several.
type ClassifierGradient struct {
	runner *Runner
	cost   graph.Cost
}

// Cost counts one evaluation on one image.
func (s *ClassifierGradient) Cost() graph.Cost { return s.cost }

// Of returns ∇ₓ log p(y|x;σ) for images of classes y.
func (s *ClassifierGradient) Of(y []int) diffusion.ClassifierGradient {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		g, cIn, err := s.runner.judge(x, sigma, y)
		if err != nil {
			return nil, err
		}
		return g.Scaled(cIn), nil // the network is given c_in·x
	}
}

// Logits returns ln p(y|x;σ) of every class y but for a number that all share,
// [N,1,1,K]. The runner is one of a classifier.
func (r *Runner) Logits(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	z, _, err := r.judge(x, sigma, nil)
	return z, err
}

// judge evaluates a classifier or its gradient where x = x₀ + σ·ε, and returns c_in.
// Noise levels outside its range are refused.
func (r *Runner) judge(x *tensor.Tensor, sigma float32, y []int) (*tensor.Tensor, float32, error) {
	c := r.config
	if err := c.checkSigma(sigma); err != nil {
		return nil, 0, err
	}
	p, err := c.Parametrisation()
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
