package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// Network is F(x; c_noise), a raw network with its other inputs bound. x is
// [N,H,W,C] and left unchanged; the result has its shape and is valid until the
// next call.
type Network func(x *tensor.Tensor, cNoise float32) (*tensor.Tensor, error)

// Coefficients say how F becomes D at one noise level (Karras et al. 2022, eq. 7):
//
//	D(x;σ) = c_skip·x + c_out·F(c_in·x; c_noise)
type Coefficients struct {
	CSkip, COut, CIn, CNoise float64
}

// Parametrisation is what a network predicts, as the coefficients that turn the
// prediction into D. The error names a noise level that the network was not
// trained for.
type Parametrisation interface {
	Coefficients(sigma float32) (Coefficients, error)
}

// Denoise returns the denoiser of a network. It calls net once. Further channels of a
// network that has learned variances stay as they are, behind D's. The error is one of p
// or of net.
func Denoise(net Network, p Parametrisation) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		c, err := p.Coefficients(sigma)
		if err != nil {
			return nil, err
		}
		f, err := net(x.Scaled(float32(c.CIn)), float32(c.CNoise))
		if err != nil {
			return nil, err
		}
		f, v := Split(f, x.Shape[3])
		return join(x.Combine(float32(c.CSkip), float32(c.COut), f), v), nil
	}
}

// Convert returns what a network of parametrisation to would have predicted where
// one of parametrisation from predicted f, both at the same x and σ: the f for
// which D is the same. It is new; x and f, of one shape, are left unchanged.
//
// Where to barely tells noise from data (ε at small σ, x₀ at large), it
// divides by a small c_out and magnifies what f is off.
func Convert(x, f *tensor.Tensor, from, to Coefficients) *tensor.Tensor {
	return x.Combine(float32((from.CSkip-to.CSkip)/to.COut), float32(from.COut/to.COut), f)
}

// checkSigma returns an error unless sigma is a positive, finite noise level.
func checkSigma(sigma float32) error {
	if !(sigma > 0 && sigma <= math.MaxFloat32) {
		return fmt.Errorf("diffusion: noise level is %g, need a positive finite number", sigma)
	}
	return nil
}
