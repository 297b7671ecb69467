package engine

import (
	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/tensor"
)

// Flow makes a model's denoiser and its derivative along a direction, for package
// likelihood: by the network's own derivative or, of one that holds an operation
// without, or that has learned variances, by differences. It belongs to one goroutine.
type Flow struct {
	config          model.Config
	parametrisation diffusion.Parametrisation
	along           *model.JVP    // nil: differences
	runner          *model.Runner // for those
}

// NewFlow returns the flow of a model, for up to batch images at a time, on one worker.
func NewFlow(m *model.Model, batch int, o infer.Options) (*Flow, error) {
	o.Workers, o.TensorParallel = 1, nil
	f := &Flow{config: m.Config()}
	p, err := f.config.Parametrisation()
	if err != nil {
		return nil, err
	}
	f.parametrisation = p
	if f.config.Variance != model.Learned {
		if f.along, err = m.NewJVP(batch, o); err == nil {
			return f, nil
		}
	}
	f.runner, err = m.NewRunner(batch, o)
	return f, err
}

// Evaluations returns how many of the network a product takes; one with its derivative
// counts once.
func (f *Flow) Evaluations() int {
	if f.along == nil {
		return 3
	}
	return 1
}

// Product returns the product for images of these classes, −1 for none.
func (f *Flow) Product(class []int) likelihood.Product {
	if f.along == nil {
		return likelihood.Differences(diffusion.MeanOnly(f.runner.Denoiser(class, 1)))
	}
	product := likelihood.Of(f.along.Network(class), f.parametrisation)
	if !f.config.UnitPixels {
		return product
	}
	// J of D(x;σ) = 2·D′((x+1)/2; σ/2) − 1 is that of D′.
	return func(x, e *tensor.Tensor, sigma float32) (denoised, along *tensor.Tensor, err error) {
		denoised, err = diffusion.FromUnitRange(func(x *tensor.Tensor, sigma float32) (d *tensor.Tensor, err error) {
			d, along, err = product(x, e, sigma)
			return d, err
		})(x, sigma)
		return denoised, along, err
	}
}
