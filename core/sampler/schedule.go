package sampler

import (
	"cmp"
	"fmt"
	"math"

	"tweedie/core/diffusion"
)

// The kinds of Schedule.
const (
	KindKarras   = "karras"   // Karras; any model
	KindLeading  = "leading"  // Timesteps by Leading; models with a chain
	KindTrailing = "trailing" // Timesteps by Trailing; models with a chain
	KindLinspace = "linspace" // Timesteps by Linspace; models with a chain
)

// Schedule says at which noise levels a sampler calls the denoiser. It is plain
// data; the zero value is Karras' over the whole range of the model.
type Schedule struct {
	Kind     string  `json:"schedule,omitempty"`  // one of the kinds; "" means karras
	SigmaMin float64 `json:"sigma_min,omitempty"` // karras: lowest level but 0; 0 means the model's
	SigmaMax float64 `json:"sigma_max,omitempty"` // karras: highest level; 0 means the model's
	Rho      float64 `json:"rho,omitempty"`       // karras: 1 to 1000; 0 means 7
}

const defaultRho = 7 // Karras et al. 2022, Table 1

// Validate names the first field that no model could honour.
func (s Schedule) Validate() error {
	switch s.Kind {
	case "", KindKarras:
	case KindLeading, KindTrailing, KindLinspace:
		if s.SigmaMin != 0 || s.SigmaMax != 0 || s.Rho != 0 {
			return fmt.Errorf("sampler: %w: sigma_min, sigma_max or rho given for kind %q, need them with %q only", ErrSchedule, s.Kind, KindKarras)
		}
	default:
		return fmt.Errorf("sampler: %w: kind is %q, need %q, %q, %q or %q", ErrSchedule,
			s.Kind, KindKarras, KindLeading, KindTrailing, KindLinspace)
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

// Sigmas returns the noise levels of n steps for a model that supports
// [sigmaMin, sigmaMax] and has the given chain, nil if it has none. They end in
// 0. The error wraps ErrSchedule, also where the schedule would leave the model's
// range.
func (s Schedule) Sigmas(n int, sigmaMin, sigmaMax float32, chain *diffusion.Chain) ([]float32, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	spacing := map[string]Spacing{KindLeading: Leading, KindTrailing: Trailing, KindLinspace: Linspace}[s.Kind]
	var sigmas []float32
	var err error
	switch {
	case spacing == nil:
		sigmas, err = Karras(n, cmp.Or(s.SigmaMin, float64(sigmaMin)), cmp.Or(s.SigmaMax, float64(sigmaMax)), cmp.Or(s.Rho, defaultRho))
	case chain == nil:
		err = fmt.Errorf("sampler: %w: kind is %q, need %q: the model has no chain of steps", ErrSchedule, s.Kind, KindKarras)
	default:
		sigmas, err = Timesteps(chain, n, spacing)
	}
	if err != nil {
		return nil, err
	}
	return sigmas, CheckRange(sigmas, sigmaMin, sigmaMax)
}
