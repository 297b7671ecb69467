package likelihood

import (
	"errors"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Product evaluates a denoiser and the product of its Jacobian J = ∂D(x;σ)/∂x with a
// vector e: product is either J·e or eᵀ·J, whichever is cheaper. This package only uses
// e·J·e, for which both give the same. Each image has its own Jacobian.
//
//	x, e   [N,H,W,C], left unchanged
//	sigma  the noise level of all N images, > 0
//
// The results have the shape of x and are valid until the next call.
type Product func(x, e *tensor.Tensor, sigma float32) (denoised, product *tensor.Tensor, err error)

// differenceStep is the step of Differences in units of σ, the scale on which D changes.
// The truncation error is of order step², the rounding error of order u/step in float32;
// near 2⁻⁷ they are equal.
const differenceStep = 1.0 / (1 << 7)

// Differences returns a Product for any denoiser by central differences, J·e =
// (D(x + h·e) − D(x − h·e))/2h. It needs no derivatives, costs three evaluations, and is
// accurate to about four digits.
func Differences(denoise diffusion.Denoiser) Product {
	return func(x, e *tensor.Tensor, sigma float32) (denoised, product *tensor.Tensor, err error) {
		if denoise == nil {
			return nil, nil, errors.New("likelihood: the denoiser must not be nil")
		}
		if denoised, err = denoise(x, sigma); err != nil {
			return nil, nil, err
		}
		denoised = denoised.Clone()
		h := sigma * differenceStep
		up, err := denoise(x.AddScaled(h, e), sigma)
		if err != nil {
			return nil, nil, err
		}
		up = up.Clone()
		down, err := denoise(x.AddScaled(-h, e), sigma)
		if err != nil {
			return nil, nil, err
		}
		return denoised, up.Combine(1/(2*h), -1/(2*h), down), nil
	}
}

// NetworkProduct is Product for a raw network F(x; c_noise): product is ∂F/∂x·e or
// eᵀ·∂F/∂x.
type NetworkProduct func(x, e *tensor.Tensor, cNoise float32) (f, product *tensor.Tensor, err error)

// NewProduct returns the Product of a network's denoiser D = c_skip·x + c_out·F(c_in·x),
// whose Jacobian is J = c_skip·I + c_out·c_in·∂F. The error is one of p or of net.
func NewProduct(net NetworkProduct, p diffusion.Parametrization) Product {
	return func(x, e *tensor.Tensor, sigma float32) (denoised, product *tensor.Tensor, err error) {
		c, err := p.Coefficients(sigma)
		if err != nil {
			return nil, nil, err
		}
		f, along, err := net(x.Scaled(float32(c.CIn)), e, float32(c.CNoise))
		if err != nil {
			return nil, nil, err
		}
		return x.Combine(float32(c.CSkip), float32(c.COut), f), e.Combine(float32(c.CSkip), float32(c.COut*c.CIn), along), nil
	}
}
