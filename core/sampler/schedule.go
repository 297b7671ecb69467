package sampler

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tweedie/core/diffusion"
)

// The kinds of Schedule.
const (
	KindKarras      = "karras"      // Karras
	KindLinear      = "linear"      // evenly spaced in σ: Karras with rho 1
	KindQuadratic   = "quadratic"   // evenly spaced in √σ: Karras with rho 2
	KindExponential = "exponential" // Exponential
	KindLogSNR      = "log-snr"     // Exponential, under DPM-Solver's name for it
	KindCosine      = "cosine"      // Cosine
	KindFlow        = "flow"        // Flow
	KindOptimised   = "optimised"   // Optimised for the model's measured error: Settings.Posterior
	KindLeading     = "leading"     // Timesteps with Leading; for models with a chain
	KindTrailing    = "trailing"    // Timesteps with Trailing; for models with a chain
	KindLinspace    = "linspace"    // Timesteps with Linspace; for models with a chain
)

// Kinds lists the kinds of Schedule, the default first. It is read only.
var Kinds = []string{KindKarras, KindLinear, KindQuadratic, KindExponential, KindLogSNR, KindCosine, KindFlow,
	KindOptimised, KindLeading, KindTrailing, KindLinspace}

// Schedule determines the noise levels at which a sampler calls the denoiser. It is
// plain data. The zero value is the method's default spacing over the whole range of
// the model: Flow for flow-euler and flow-heun, Karras for all others.
type Schedule struct {
	Kind     string  `json:"schedule,omitempty"`  // one of Kinds; "" means the method's default, karras for most
	SigmaMin float64 `json:"sigma_min,omitempty"` // lowest level above 0; 0 means the model's; not for levels of a chain
	SigmaMax float64 `json:"sigma_max,omitempty"` // highest level; 0 means the model's; not for levels of a chain
	Rho      float64 `json:"rho,omitempty"`       // karras: 1 to 1000; 0 means 7
}

const defaultRho = 7 // Karras et al. 2022, Table 1

// Validate returns an error that names the first field that is invalid for every model.
func (s Schedule) Validate() error {
	if s.Kind != "" && !slices.Contains(Kinds, s.Kind) {
		return fmt.Errorf("sampler: %w: kind must be one of %q (got %q)", ErrSchedule, Kinds, s.Kind)
	}
	if s.spacing() != nil && (s.SigmaMin != 0 || s.SigmaMax != 0 || s.Rho != 0) {
		return fmt.Errorf("sampler: %w: sigma_min, sigma_max and rho have no effect with kind %q, whose levels are those of the model's chain: remove them", ErrSchedule, s.Kind)
	}
	if s.Rho != 0 && s.Kind != "" && s.Kind != KindKarras {
		return fmt.Errorf("sampler: %w: rho has no effect with kind %q (got %g): remove it, or use kind %q", ErrSchedule, s.Kind, s.Rho, KindKarras)
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"sigma_min", s.SigmaMin}, {"sigma_max", s.SigmaMax}} {
		if !(f.value >= 0 && f.value <= math.MaxFloat32) {
			return fmt.Errorf("sampler: %w: %s must be a finite number of at least 0 (got %g)", ErrSchedule, f.name, f.value)
		}
	}
	if s.Rho != 0 && !(s.Rho >= 1 && s.Rho <= 1000) {
		return fmt.Errorf("sampler: %w: rho must be between 1 and 1000 (got %g)", ErrSchedule, s.Rho)
	}
	return nil
}

// spacing returns how the kind chooses steps of a chain, or nil if it uses no chain.
func (s Schedule) spacing() Spacing {
	switch s.Kind {
	case KindLeading:
		return Leading
	case KindTrailing:
		return Trailing
	case KindLinspace:
		return Linspace
	}
	return nil
}

// Sigmas returns the noise levels of n steps for a model that supports
// [sigmaMin, sigmaMax]. chain and posterior are the model's chain and measured
// posterior variances, or nil if it has none. The levels end in 0. The error wraps
// ErrSchedule, also if a level lies outside the model's range.
func (s Schedule) Sigmas(n int, sigmaMin, sigmaMax float32, chain *diffusion.Chain, posterior *diffusion.PosteriorVariance) ([]float32, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	sigmas, err := s.levels(n, cmp.Or(s.SigmaMin, float64(sigmaMin)), cmp.Or(s.SigmaMax, float64(sigmaMax)), chain, posterior)
	if err != nil {
		return nil, err
	}
	return sigmas, CheckRange(sigmas, sigmaMin, sigmaMax)
}

func (s Schedule) levels(n int, low, high float64, chain *diffusion.Chain, posterior *diffusion.PosteriorVariance) ([]float32, error) {
	switch s.Kind {
	case KindLinear:
		return Karras(n, low, high, 1)
	case KindQuadratic:
		return Karras(n, low, high, 2)
	case KindExponential, KindLogSNR:
		return Exponential(n, low, high)
	case KindCosine:
		return Cosine(n, low, high)
	case KindFlow:
		return Flow(n, low, high)
	case "", KindKarras:
		return Karras(n, low, high, cmp.Or(s.Rho, defaultRho))
	case KindOptimised:
		if posterior == nil || len(posterior.Sigmas) < 2 {
			return nil, fmt.Errorf("sampler: %w: kind %q needs a model with measured posterior variances (tweedie posterior measures them): use kind %q", ErrSchedule, s.Kind, KindKarras)
		}
		return Optimised(n, low, high, OfPosteriorVariance(posterior))
	}
	if chain == nil {
		return nil, fmt.Errorf("sampler: %w: kind %q needs a model with a chain of discrete steps: use kind %q", ErrSchedule, s.Kind, KindKarras)
	}
	return Timesteps(chain, n, s.spacing())
}
