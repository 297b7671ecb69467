package train

import (
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/rng"
)

// EDMLoss is the training distribution and weight of Karras et al. 2022,
// arXiv:2206.00364, Table 1: ln σ ~ N(P_mean, P_std²), λ(σ) = (σ²+σ_d²)/(σ·σ_d)².
type EDMLoss struct {
	PMean     float64 `json:"p_mean"`     // mean of ln σ; the paper uses −1.2
	PStd      float64 `json:"p_std"`      // standard deviation of ln σ, > 0; the paper uses 1.2
	SigmaData float64 `json:"sigma_data"` // standard deviation of the data's pixels, > 0
}

// Validate returns an error that names the first field that is out of range. The error wraps ErrConfig.
func (o EDMLoss) Validate() error {
	if !(math.Abs(o.PMean) <= 20) {
		return fmt.Errorf("train: %w: p_mean must be between -20 and 20 (got %g)", ErrConfig, o.PMean)
	}
	if !(o.PStd > 0 && o.PStd <= 10) {
		return fmt.Errorf("train: %w: p_std must be above 0 and at most 10 (got %g)", ErrConfig, o.PStd)
	}
	if err := (diffusion.EDM{SigmaData: o.SigmaData}).Validate(); err != nil {
		return fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	return nil
}

// Sigma implements Objective.
func (o EDMLoss) Sigma(seed, sample uint64, stream uint32) float32 {
	var z [1]float32
	rng.Normal(z[:], seed, sample, stream)
	return float32(num.Exp(o.PMean + float64(o.PStd*float64(z[0]))))
}

// Lambda implements Objective.
func (o EDMLoss) Lambda(sigma float32) float64 {
	s, d := float64(sigma), o.SigmaData
	return (float64(s*s) + float64(d*d)) / (s * d * (s * d))
}
