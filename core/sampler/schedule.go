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
	KindLinear      = "linear"      // even in σ: Karras with rho 1
	KindQuadratic   = "quadratic"   // even in √σ: Karras with rho 2
	KindExponential = "exponential" // Exponential
	KindLogSNR      = "log-snr"     // Exponential, by the name DPM-Solver has for it
	KindCosine      = "cosine"      // Cosine
	KindFlow        = "flow"        // Flow
	KindOptimised   = "optimised"   // Optimised for what was measured of the model: Settings.Posterior
	KindLeading     = "leading"     // Timesteps by Leading; models with a chain
	KindTrailing    = "trailing"    // Timesteps by Trailing; models with a chain
	KindLinspace    = "linspace"    // Timesteps by Linspace; models with a chain
)

// Kinds lists the kinds of Schedule, the usual one first. It is read only.
var Kinds = []string{KindKarras, KindLinear, KindQuadratic, KindExponential, KindLogSNR, KindCosine, KindFlow,
	KindOptimised, KindLeading, KindTrailing, KindLinspace}

// Schedule says at which noise levels a sampler calls the denoiser. It is plain
// data; the zero value is Karras' over the whole range of the model, and of flow-euler
// and flow-heun Flow's.
type Schedule struct {
	Kind     string  `json:"schedule,omitempty"`  // one of Kinds; "" means the method's own, karras of most
	SigmaMin float64 `json:"sigma_min,omitempty"` // lowest level but 0; 0 means the model's; not of a chain's levels
	SigmaMax float64 `json:"sigma_max,omitempty"` // highest level; 0 means the model's; not of a chain's levels
	Rho      float64 `json:"rho,omitempty"`       // karras: 1 to 1000; 0 means 7
}

const defaultRho = 7 // Karras et al. 2022, Table 1

// Validate names the first field that no model could honour.
func (s Schedule) Validate() error {
	if s.Kind != "" && !slices.Contains(Kinds, s.Kind) {
		return fmt.Errorf("sampler: %w: kind is %q, need one of %q", ErrSchedule, s.Kind, Kinds)
	}
	if s.spacing() != nil && (s.SigmaMin != 0 || s.SigmaMax != 0 || s.Rho != 0) {
		return fmt.Errorf("sampler: %w: sigma_min, sigma_max or rho given for kind %q, need none: its levels are the chain's", ErrSchedule, s.Kind)
	}
	if s.Rho != 0 && s.Kind != "" && s.Kind != KindKarras {
		return fmt.Errorf("sampler: %w: rho is %g for kind %q, need it with %q only", ErrSchedule, s.Rho, s.Kind, KindKarras)
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"sigma_min", s.SigmaMin}, {"sigma_max", s.SigmaMax}} {
		if !(f.value >= 0 && f.value <= math.MaxFloat32) {
			return fmt.Errorf("sampler: %w: %s is %g, need a finite number of at least 0", ErrSchedule, f.name, f.value)
		}
	}
	if s.Rho != 0 && !(s.Rho >= 1 && s.Rho <= 1000) {
		return fmt.Errorf("sampler: %w: rho is %g, need 1 to 1000", ErrSchedule, s.Rho)
	}
	return nil
}

// spacing returns how the kind chooses the steps of a chain, nil if it does not.
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
// [sigmaMin, sigmaMax] and has the given chain and measured spread, nil if it has none.
// They end in 0. The error wraps ErrSchedule, also where the schedule would leave the model's
// range.
func (s Schedule) Sigmas(n int, sigmaMin, sigmaMax float32, chain *diffusion.Chain, spread *diffusion.PosteriorVariance) ([]float32, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	sigmas, err := s.levels(n, cmp.Or(s.SigmaMin, float64(sigmaMin)), cmp.Or(s.SigmaMax, float64(sigmaMax)), chain, spread)
	if err != nil {
		return nil, err
	}
	return sigmas, CheckRange(sigmas, sigmaMin, sigmaMax)
}

func (s Schedule) levels(n int, low, high float64, chain *diffusion.Chain, spread *diffusion.PosteriorVariance) ([]float32, error) {
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
		if spread == nil || len(spread.Sigmas) < 2 {
			return nil, fmt.Errorf("sampler: %w: kind is %q, need %q: the model does not say its posterior variances (tweedie posterior measures them)", ErrSchedule, s.Kind, KindKarras)
		}
		return Optimised(n, low, high, OfPosteriorVariance(spread))
	}
	if chain == nil {
		return nil, fmt.Errorf("sampler: %w: kind is %q, need %q: the model has no chain of steps", ErrSchedule, s.Kind, KindKarras)
	}
	return Timesteps(chain, n, s.spacing())
}
