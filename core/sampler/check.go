package sampler

import (
	"errors"
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// checkBatch returns an error unless x has one row a sample, [N,D] or [N,H,W,C] for
// example, and the numbers that its shape asks for.
func checkBatch(x *tensor.Tensor) error {
	if x == nil {
		return errors.New("sampler: x must not be nil")
	}
	if len(x.Shape) < 2 || slices.ContainsFunc(x.Shape, func(n int) bool { return n < 1 }) {
		return fmt.Errorf("sampler: x must have shape [N,H,W,C], or [N,D] for points, with no empty axis (got %v)", x.Shape)
	}
	if len(x.Data) != tensor.Size(x.Shape) {
		return fmt.Errorf("sampler: x of shape %v must have %d numbers (got %d)", x.Shape, tensor.Size(x.Shape), len(x.Data))
	}
	return nil
}

// checkResult returns an error unless what a function returned for x has x's shape, or
// with learned variances the same with twice the channels.
func checkResult(what string, got, x *tensor.Tensor, learned bool) error {
	if got == nil {
		return fmt.Errorf("sampler: %s must have the shape of x, %v (got nil)", what, x.Shape)
	}
	last := len(x.Shape) - 1
	ok := slices.Equal(got.Shape, x.Shape) || learned && len(got.Shape) == len(x.Shape) &&
		slices.Equal(got.Shape[:last], x.Shape[:last]) && got.Shape[last] == 2*x.Shape[last]
	if !ok || len(got.Data) != tensor.Size(got.Shape) {
		return fmt.Errorf("sampler: %s must have the shape of x, %v (got %v with %d numbers)", what, x.Shape, got.Shape, len(got.Data))
	}
	return nil
}

// checked returns denoise with its results checked. The error names an x that no
// sampler can use, or says that denoise is nil.
func checked(denoise diffusion.Denoiser, x *tensor.Tensor, learned bool) (diffusion.Denoiser, error) {
	if denoise == nil {
		return nil, errors.New("sampler: the denoiser must not be nil")
	}
	if err := checkBatch(x); err != nil {
		return nil, err
	}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		return d, checkResult("the denoiser's result", d, x, learned)
	}, nil
}

// checked returns noise with its results compared with x. A sampler draws noise where
// it needs it and nowhere else, so that a wrong shape shows in the middle of a step: it
// is a panic with a mismatch, which rescue makes an error. The error of checked itself
// says that noise is nil, or is one of x.
func (noise Noise) checked(x *tensor.Tensor) (Noise, error) {
	if noise == nil {
		return nil, errors.New("sampler: noise must not be nil for a method that draws noise: see NewNoise")
	}
	if err := checkBatch(x); err != nil {
		return nil, err
	}
	return func(stream uint32) *tensor.Tensor {
		z := noise(stream)
		if err := checkResult("noise", z, x, false); err != nil {
			panic(mismatch{err})
		}
		return z
	}, nil
}

// mismatch is what a checked Noise panics with. It does not leave the package.
type mismatch struct{ error }

// rescue makes the panic of a checked Noise an error. It is deferred by every function
// in which noise is drawn.
func rescue(err *error) {
	switch r := recover().(type) {
	case nil:
	case mismatch:
		*err = r.error
	default:
		panic(r)
	}
}

// checked returns density with its results checked, and noise as Noise.checked does. values
// says whether the density must return log values as well as the gradient.
func (density Density) checked(x *tensor.Tensor, noise Noise, values bool) (Density, Noise, error) {
	if density == nil {
		return nil, nil, errors.New("sampler: the density must not be nil")
	}
	noise, err := noise.checked(x)
	if err != nil {
		return nil, nil, err
	}
	return func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) {
		log, gradient, err := density(x)
		if err == nil {
			err = checkResult("the density's gradient", gradient, x, false)
		}
		if err == nil && values && len(log) != x.Shape[0] {
			err = fmt.Errorf("sampler: the density must return a value for each of %d samples (got %d)", x.Shape[0], len(log))
		}
		return log, gradient, err
	}, noise, nil
}

// checkOrder returns an error unless order is between 1 and maxOrder.
func checkOrder(order, maxOrder int) error {
	if order < 1 || order > maxOrder {
		return fmt.Errorf("sampler: the order must be between 1 and %d (got %d)", maxOrder, order)
	}
	return nil
}
