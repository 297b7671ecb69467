package engine

import (
	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/tensor"
)

// DenoiserJVP computes a model's denoiser and its derivative along a direction (a
// Jacobian-vector product), for package likelihood: with the network's own derivative
// or, where the network has learned variances or an operation without a derivative, by
// differences. It belongs to one goroutine.
type DenoiserJVP struct {
	config          model.Config
	parametrization diffusion.Parametrization
	jvp             *model.JVP    // nil: differences
	runner          *model.Runner // for differences
}

// NewDenoiserJVP returns the product of a model, for up to batch images at a time, on one
// worker.
func NewDenoiserJVP(m *model.Model, batch int, o infer.Options) (*DenoiserJVP, error) {
	o.Workers, o.TensorParallel = 1, nil
	f := &DenoiserJVP{config: m.Config()}
	p, err := f.config.Parametrization()
	if err != nil {
		return nil, err
	}
	f.parametrization = p
	if f.config.Variance != model.Learned {
		if f.jvp, err = m.NewJVP(batch, o); err == nil {
			return f, nil
		}
	}
	f.runner, err = m.NewRunner(batch, o)
	return f, err
}

// Evaluations returns how many evaluations of the network a product takes; one with its
// derivative counts once.
func (f *DenoiserJVP) Evaluations() int {
	if f.jvp == nil {
		return 3
	}
	return 1
}

// Product returns the product for images of these classes, −1 for none.
func (f *DenoiserJVP) Product(class []int) likelihood.Product {
	if f.jvp == nil {
		return likelihood.Differences(diffusion.MeanOnly(f.runner.Denoiser(class, 1)))
	}
	product := likelihood.NewProduct(f.jvp.Network(class), f.parametrization)
	low, high := f.config.Pixels()
	if low == -1 && high == 1 {
		return product
	}
	// J of D(x;σ) = (D′(h·(x+1) + low; h·σ) − low)/h − 1 is that of D′.
	return func(x, e *tensor.Tensor, sigma float32) (denoised, along *tensor.Tensor, err error) {
		denoised, err = diffusion.FromRange(func(x *tensor.Tensor, sigma float32) (d *tensor.Tensor, err error) {
			d, along, err = product(x, e, sigma)
			return d, err
		}, low, high)(x, sigma)
		return denoised, along, err
	}
}
