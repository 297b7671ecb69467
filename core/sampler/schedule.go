package sampler

import (
	"cmp"
	"errors"

	"tweedie/core/diffusion"
	"tweedie/core/settings"
)

// The kinds of Schedule.
const (
	KindKarras          = "karras"          // Karras
	KindLinear          = "linear"          // evenly spaced in σ: Karras with rho 1
	KindQuadratic       = "quadratic"       // evenly spaced in √σ: Karras with rho 2
	KindExponential     = "exponential"     // Exponential
	KindLogSNR          = "log-snr"         // Exponential, under DPM-Solver's name for it
	KindPolyexponential = "polyexponential" // Polyexponential
	KindVP              = "vp"              // VP
	KindBeta            = "beta"            // Beta
	KindCosine          = "cosine"          // Cosine
	KindFlow            = "flow"            // FlowShifted
	KindOptimised       = "optimised"       // Optimised for the model's measured error: Settings.Posterior
	KindLeading         = "leading"         // Timesteps with Leading; for models with a chain
	KindTrailing        = "trailing"        // Timesteps with Trailing; for models with a chain
	KindLinspace        = "linspace"        // Timesteps with Linspace; for models with a chain
)

// Kinds lists the kinds of Schedule, the default first. It is read only.
var Kinds = []string{KindKarras, KindLinear, KindQuadratic, KindExponential, KindLogSNR, KindPolyexponential, KindCosine,
	KindVP, KindBeta, KindFlow, KindOptimised, KindLeading, KindTrailing, KindLinspace}

// Schedule determines the noise levels at which a sampler calls the denoiser. It is
// plain data. The zero value is the method's default spacing over the whole range of
// the model: Flow for flow-euler and flow-heun, Karras for all others.
type Schedule struct {
	Kind     string  `json:"schedule,omitempty"`  // one of Kinds; "" means the method's default, karras for most
	SigmaMin float64 `json:"sigma_min,omitempty"` // lowest level above 0; 0 means the model's; not for levels of a chain
	SigmaMax float64 `json:"sigma_max,omitempty"` // highest level; 0 means the model's; not for levels of a chain
	Rho      float64 `json:"rho,omitempty"`       // karras, polyexponential: 0.1 to 1000; 0 means 7, or 1 for polyexponential
	Shift    float64 `json:"shift,omitempty"`     // flow: of its times, above 0 and at most 1000; 0 means 1
}

const defaultRho = 7 // Karras et al. 2022, Table 1

// withRange is when the range of the noise levels applies: with every kind that does not
// take the levels of a chain.
const withRange = "schedule=|" + KindKarras + "|" + KindLinear + "|" + KindQuadratic + "|" + KindExponential + "|" + KindLogSNR + "|" +
	KindPolyexponential + "|" + KindVP + "|" + KindBeta + "|" + KindCosine + "|" + KindFlow + "|" + KindOptimised

// Values describes the settings of the noise levels, and holds those of s.
func (s *Schedule) Values() []settings.Value {
	const group = settings.GroupLevels
	return []settings.Value{
		{Setting: settings.Setting{Name: "schedule", Group: group, Kind: settings.Choice, Title: "Spacing", Help: "Spacing of the noise levels.", Default: "the sampler’s, karras for most", Choices: Kinds}, To: &s.Kind},
		{Setting: settings.Setting{Name: "sigma_max", Group: group, Kind: settings.Real, Title: "Highest σ", Help: "Noise level at which sampling starts.", Default: "the model’s", Above: true, Only: withRange}, To: &s.SigmaMax},
		{Setting: settings.Setting{Name: "sigma_min", Group: group, Kind: settings.Real, Title: "Lowest σ", Help: "Last noise level before 0.", Default: "the model’s", Above: true, Only: withRange}, To: &s.SigmaMin},
		{Setting: settings.Setting{Name: "rho", Group: group, Kind: settings.Real, Title: "ρ", Help: "Exponent of the karras and polyexponential spacings: 1 spaces evenly, higher puts more levels near 0.", Default: "7, or 1 with polyexponential", Min: minRho, Max: maxRho, Only: "schedule=|" + KindKarras + "|" + KindPolyexponential}, To: &s.Rho},
		{Setting: settings.Setting{Name: "shift", Group: group, Kind: settings.Real, Title: "Shift", Help: "Shift of the flow spacing: above 1 puts more levels where there is much noise, for larger images (Esser 2024).", Default: "the model’s, 1 for most", Above: true, Max: maxShift, Only: "schedule=|" + KindFlow}, To: &s.Shift},
	}
}

// Validate returns an error that names the first field that is invalid for every model:
// a *settings.FieldError that wraps ErrSchedule.
func (s Schedule) Validate() error {
	return asSchedule(settings.Check(s.Values()))
}

// asSchedule makes the error of a field wrap ErrSchedule.
func asSchedule(err error) error {
	if field, ok := errors.AsType[*settings.FieldError](err); ok {
		field.Err = ErrSchedule
	}
	return err
}

// checkRange returns an error unless the range that s names lies in a model's.
func (s Schedule) checkRange(sigmaMin, sigmaMax float32) error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"sigma_min", s.SigmaMin}, {"sigma_max", s.SigmaMax}} {
		if v := float32(f.value); f.value != 0 && !(v >= sigmaMin && v <= sigmaMax) {
			return asSchedule(settings.Errorf(f.name, f.value, "a number from %g to %g, the noise levels of the model", sigmaMin, sigmaMax))
		}
	}
	low, high := cmp.Or(s.SigmaMin, float64(sigmaMin)), cmp.Or(s.SigmaMax, float64(sigmaMax))
	if (s.SigmaMin != 0 || s.SigmaMax != 0) && !(low < high) {
		return asSchedule(settings.Errorf("sigma_min", low, "below the highest noise level, %g", high))
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
	if err := s.checkRange(sigmaMin, sigmaMax); err != nil {
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
		return FlowShifted(n, low, high, cmp.Or(s.Shift, 1))
	case KindPolyexponential:
		return Polyexponential(n, low, high, cmp.Or(s.Rho, 1))
	case KindVP:
		return VP(n, low, high)
	case KindBeta:
		return Beta(n, low, high, chain)
	case "", KindKarras:
		return Karras(n, low, high, cmp.Or(s.Rho, defaultRho))
	case KindOptimised:
		if posterior == nil || len(posterior.Sigmas) < 2 {
			return nil, asSchedule(settings.Errorf("schedule", s.Kind, "another, such as %s: the model file holds no posterior variances, which tweedie posterior measures", KindKarras))
		}
		return Optimised(n, low, high, OfPosteriorVariance(posterior))
	}
	if chain == nil {
		return nil, asSchedule(settings.Errorf("schedule", s.Kind, "another, such as %s: the model was not trained on a chain of steps", KindKarras))
	}
	return Timesteps(chain, n, s.spacing())
}
