package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// EDM is the preconditioning of Karras et al. 2022, arXiv:2206.00364, Table 1,
// last column: the network's input and target have unit variance at every noise
// level, and its errors are amplified as little as possible.
type EDM struct {
	SigmaData float64 `json:"sigma_data"` // standard deviation of the data's pixels, > 0; the paper uses 0.5
}

// Validate returns an error unless SigmaData is positive and finite.
func (p EDM) Validate() error {
	if !(p.SigmaData > 0 && p.SigmaData <= math.MaxFloat32) {
		return fmt.Errorf("diffusion: sigma_data must be positive and finite (got %g)", p.SigmaData)
	}
	return nil
}

// Coefficients implements Parametrization.
func (p EDM) Coefficients(sigma float32) (Coefficients, error) {
	if err := checkSigma(sigma); err != nil {
		return Coefficients{}, err
	}
	if err := p.Validate(); err != nil {
		return Coefficients{}, err
	}
	s, d := float64(sigma), p.SigmaData
	total := float64(s*s) + float64(d*d)
	return Coefficients{
		CSkip:  d * d / total,
		COut:   s * d / math.Sqrt(total),
		CIn:    1 / math.Sqrt(total),
		CNoise: num.Log(s) / 4,
	}, nil
}
