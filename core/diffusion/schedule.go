package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// The kinds of Schedule.
const (
	Linear        = "linear"        // β increases linearly: Ho et al. 2020
	Cosine        = "cosine"        // ᾱ is a squared cosine: Nichol & Dhariwal 2021
	Thermodynamic = "thermodynamic" // ᾱ decreases linearly: Sohl-Dickstein et al. 2015
	Table         = "table"         // every β is given
)

// maxTrainSteps is the largest T: far above any published chain, and small enough for
// a table of any model file to fit in memory.
const maxTrainSteps = 1 << 20

// Schedule describes the variance-preserving chain that a network was trained
// on. It is part of a model file. NewChain computes the chain.
type Schedule struct {
	Kind      string    `json:"kind"`                 // Linear, Cosine, Thermodynamic or Table
	Steps     int       `json:"steps,omitempty"`      // T, the length of the chain; 0 means 1000, or for Table the number of betas
	BetaStart float64   `json:"beta_start,omitempty"` // linear: first β, in (0,1); 0 means 1e-4
	BetaEnd   float64   `json:"beta_end,omitempty"`   // linear: last β, in [BetaStart,1); 0 means 0.02
	Offset    float64   `json:"s,omitempty"`          // cosine: s, in (0,1]; 0 means 0.008
	BetaMax   float64   `json:"beta_max,omitempty"`   // cosine: upper limit of β, in (0,1); 0 means 0.999
	Betas     []float64 `json:"betas,omitempty"`      // table: β of every step, in (0,1)
}

// Defaults for fields that are 0: Ho et al. 2020, section 4, and Nichol & Dhariwal
// 2021, section 3.2.
const (
	defaultSteps     = 1000
	defaultBetaStart = 1e-4
	defaultBetaEnd   = 0.02
	defaultOffset    = 0.008
	defaultBetaMax   = 0.999
)

// withDefaults returns s with defaults for fields that are 0.
func (s Schedule) withDefaults() Schedule {
	s.BetaStart = orDefault(s.BetaStart, defaultBetaStart)
	s.BetaEnd = orDefault(s.BetaEnd, defaultBetaEnd)
	s.Offset = orDefault(s.Offset, defaultOffset)
	s.BetaMax = orDefault(s.BetaMax, defaultBetaMax)
	if s.Steps == 0 {
		s.Steps = defaultSteps
		if s.Kind == Table {
			s.Steps = len(s.Betas)
		}
	}
	return s
}

func orDefault(v, zero float64) float64 {
	if v == 0 {
		return zero
	}
	return v
}

// Validate returns an error that names the first field that is out of range. Fields that
// the kind does not have must be zero.
func (s Schedule) Validate() error {
	f := s.withDefaults()
	if f.Steps < 1 || f.Steps > maxTrainSteps {
		return fmt.Errorf("diffusion: schedule: steps must be between 1 and %d (got %d)", maxTrainSteps, s.Steps)
	}
	if s.Kind != Table && s.Betas != nil {
		return fmt.Errorf("diffusion: schedule: betas apply to kind %q only (got kind %q)", Table, s.Kind)
	}
	switch s.Kind {
	case Linear:
		if s.Offset != 0 || s.BetaMax != 0 {
			return fmt.Errorf("diffusion: schedule: s and beta_max apply to kind %q only (got kind %q)", Cosine, Linear)
		}
		if !(f.BetaStart > 0 && f.BetaStart < 1) {
			return fmt.Errorf("diffusion: schedule: beta_start must lie in (0, 1) (got %g)", s.BetaStart)
		}
		if !(f.BetaEnd >= f.BetaStart && f.BetaEnd < 1) {
			return fmt.Errorf("diffusion: schedule: beta_end must lie in [beta_start, 1) = [%g, 1) (got %g)", f.BetaStart, f.BetaEnd)
		}
	case Cosine:
		if s.BetaStart != 0 || s.BetaEnd != 0 {
			return fmt.Errorf("diffusion: schedule: beta_start and beta_end apply to kind %q only (got kind %q)", Linear, Cosine)
		}
		if !(f.Offset > 0 && f.Offset <= 1) {
			return fmt.Errorf("diffusion: schedule: s must lie in (0, 1] (got %g)", s.Offset)
		}
		if !(f.BetaMax > 0 && f.BetaMax < 1) {
			return fmt.Errorf("diffusion: schedule: beta_max must lie in (0, 1) (got %g)", s.BetaMax)
		}
	case Thermodynamic:
		if s.BetaStart != 0 || s.BetaEnd != 0 || s.Offset != 0 || s.BetaMax != 0 {
			return fmt.Errorf("diffusion: schedule: kind %q has no settings but steps: remove the others", s.Kind)
		}
	case Table:
		if s.BetaStart != 0 || s.BetaEnd != 0 || s.Offset != 0 || s.BetaMax != 0 || f.Steps != len(s.Betas) {
			return fmt.Errorf("diffusion: schedule: kind %q needs one beta for each step and no other settings (got %d betas for %d steps)", s.Kind, len(s.Betas), f.Steps)
		}
		for t, beta := range s.Betas {
			if !(beta > 0 && beta < 1) {
				return fmt.Errorf("diffusion: schedule: betas[%d] must lie in (0, 1) (got %g)", t, beta)
			}
		}
	default:
		return fmt.Errorf("diffusion: schedule: kind must be %q, %q, %q or %q (got %q)", Linear, Cosine, Thermodynamic, Table, s.Kind)
	}
	return nil
}

// betas returns β of every step of a valid schedule.
func (s Schedule) betas() []float64 {
	f := s.withDefaults()
	switch s.Kind {
	case Cosine:
		return cosineBetas(f.Steps, f.Offset, f.BetaMax)
	case Thermodynamic:
		return thermodynamicBetas(f.Steps)
	case Table:
		return s.Betas
	}
	return linearBetas(f.Steps, f.BetaStart, f.BetaEnd)
}

// linearBetas returns T numbers evenly spaced from start to end: Ho et al. 2020,
// arXiv:2006.11239, section 4.
func linearBetas(steps int, start, end float64) []float64 {
	betas := make([]float64, steps)
	for t := range betas {
		betas[t] = start
		if t > 0 {
			betas[t] = start + float64((end-start)*float64(t)/float64(steps-1))
		}
	}
	return betas
}

// cosineBetas returns β_t = min(1 − f(t)/f(t−1), betaMax) for f(t) =
// cos²((t/T + s)/(1 + s)·π/2): Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17,
// where t counts from 1.
func cosineBetas(steps int, s, betaMax float64) []float64 {
	betas := make([]float64, steps)
	before := cosineSquared(0, s)
	for t := range betas {
		after := cosineSquared(float64(t+1)/float64(steps), s)
		betas[t] = math.Min(1-after/before, betaMax)
		before = after
	}
	return betas
}

// cosineSquared returns cos²((u+s)/(1+s)·π/2).
func cosineSquared(u, s float64) float64 {
	c := num.Cos(float64((u + s) / (1 + s) * (math.Pi / 2)))
	return float64(c * c)
}
