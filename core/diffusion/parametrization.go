package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// Network is F(x; c_noise), a raw network with its other inputs fixed. x is
// [N,H,W,C] and left unchanged; the result has the shape of x and is valid until the
// next call.
type Network func(x *tensor.Tensor, cNoise float32) (*tensor.Tensor, error)

// Coefficients turn F into D at one noise level (Karras et al. 2022, eq. 7):
//
//	D(x;σ) = c_skip·x + c_out·F(c_in·x; c_noise)
type Coefficients struct {
	CSkip, COut, CIn, CNoise float64
}

// Parametrization describes a network's prediction by the coefficients that turn it
// into D. The error names a noise level that the network was not trained for.
type Parametrization interface {
	Coefficients(sigma float32) (Coefficients, error)
}

// Denoise returns the denoiser of a network. It calls net once. Channels of learned
// variances are passed on unchanged after those of D. The error is one of p or of net.
func Denoise(net Network, p Parametrization) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		c, err := p.Coefficients(sigma)
		if err != nil {
			return nil, err
		}
		f, err := net(x.Scaled(float32(c.CIn)), float32(c.CNoise))
		if err != nil {
			return nil, err
		}
		f, v := SplitChannels(f, x.Shape[len(x.Shape)-1])
		return joinChannels(x.Combine(float32(c.CSkip), float32(c.COut), f), v), nil
	}
}

// Convert converts the prediction f from one parametrization to another, at the same x
// and σ: it returns the prediction with the same D. The result is new; x and f, which
// have the same shape, are left unchanged.
//
// Where c_out of to is small (ε at small σ, x₀ at large), the conversion divides by it
// and magnifies errors of f.
func Convert(x, f *tensor.Tensor, from, to Coefficients) *tensor.Tensor {
	return x.Combine(float32((from.CSkip-to.CSkip)/to.COut), float32(from.COut/to.COut), f)
}

// checkSigma returns an error unless sigma is a positive, finite noise level.
func checkSigma(sigma float32) error {
	if !(sigma > 0 && sigma <= math.MaxFloat32) {
		return fmt.Errorf("diffusion: the noise level must be positive and finite (got %g)", sigma)
	}
	return nil
}
