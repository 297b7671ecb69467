package diffusion

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/num"
)

// The kinds of Spec.
const (
	KindVP            = "vp"       // VPSDE
	KindSubVP         = "sub-vp"   // SubVPSDE
	KindVE            = "ve"       // VESDE
	KindSMLD          = "smld"     // SMLD
	KindRectifiedFlow = "straight" // RectifiedFlow

	KindVariational = "variational" // Variational
)

// Spec describes the continuous process that a network was trained on, or the levels of
// SMLD. It is part of a model file; a chain of β has a Schedule instead. It implements
// Input itself, so that programs that only sample do not link the processes.
type Spec struct {
	Kind     string  `json:"kind"`                // one of the kinds
	BetaMin  float64 `json:"beta_min,omitempty"`  // vp, sub-vp: β(0); 0 means 0.1
	BetaMax  float64 `json:"beta_max,omitempty"`  // vp, sub-vp: β(1); 0 means 20
	SigmaMin float64 `json:"sigma_min,omitempty"` // ve, smld: lowest noise level; 0 means 0.02
	SigmaMax float64 `json:"sigma_max,omitempty"` // ve, smld: highest noise level; 0 means 100
	Levels   int     `json:"levels,omitempty"`    // smld: L; 0 means 10
	Time     string  `json:"time,omitempty"`      // ve: "sigma" if the network's time input is σ itself

	Gamma *Monotone `json:"gamma,omitempty"` // variational: the learned γ
}

// withDefaults returns s with defaults for fields that are 0.
func (s Spec) withDefaults() Spec {
	s.BetaMin, s.BetaMax = orDefault(s.BetaMin, 0.1), orDefault(s.BetaMax, 20)
	s.SigmaMin, s.SigmaMax = orDefault(s.SigmaMin, 0.02), orDefault(s.SigmaMax, 100)
	if s.Levels == 0 {
		s.Levels = 10
	}
	return s
}

// LevelCount returns L of an smld.
func (s *Spec) LevelCount() int { return s.withDefaults().Levels }

// Validate returns an error that names settings that are out of range, or that the kind
// does not have.
func (s *Spec) Validate() error {
	f := s.withDefaults()
	hasTime, hasBeta, hasSigma, hasLevels, hasGamma := s.Time != "", s.BetaMin != 0 || s.BetaMax != 0, s.SigmaMin != 0 || s.SigmaMax != 0, s.Levels != 0, s.Gamma != nil
	switch s.Kind {
	case KindVP, KindSubVP:
		hasBeta = false
	case KindVE:
		hasSigma, hasTime = false, s.Time != "" && s.Time != "sigma"
	case KindSMLD:
		hasSigma, hasLevels = false, false
	case KindRectifiedFlow:
	case KindVariational:
		if !hasGamma {
			return errors.New("diffusion: process: kind \"variational\" needs gamma")
		}
		if err := s.Gamma.Validate(); err != nil {
			return err
		}
		hasGamma = false
	default:
		return fmt.Errorf(`diffusion: process: kind must be "vp", "sub-vp", "ve", "smld", "straight" or "variational" (got %q)`, s.Kind)
	}
	need := ""
	switch {
	case hasTime || hasBeta || hasSigma || hasLevels || hasGamma:
		return fmt.Errorf("diffusion: process: kind %q does not have all of these settings: remove those of other kinds", s.Kind)
	case !(f.BetaMin > 0 && f.BetaMin <= f.BetaMax && f.BetaMax <= 100): // e^100 does not overflow
		need = fmt.Sprintf("0 < beta_min ≤ beta_max ≤ 100 (got %g and %g)", f.BetaMin, f.BetaMax)
	case !(f.SigmaMin > 0 && f.SigmaMin < f.SigmaMax && f.SigmaMax <= math.MaxFloat32):
		need = fmt.Sprintf("0 < sigma_min < sigma_max, both finite (got %g and %g)", f.SigmaMin, f.SigmaMax)
	case f.Levels < 2 || f.Levels > maxTrainSteps:
		need = fmt.Sprintf("2 to 2^20 levels (got %d)", f.Levels)
	default:
		return nil
	}
	return fmt.Errorf("diffusion: process: kind %q needs %s", s.Kind, need)
}

// ProcessOf returns the process of a valid Spec.
func ProcessOf(s Spec) Process {
	f := s.withDefaults()
	switch s.Kind {
	case KindVP:
		return VPSDE{f.BetaMin, f.BetaMax}
	case KindSubVP:
		return SubVPSDE{f.BetaMin, f.BetaMax}
	case KindVE:
		return VESDE{f.SigmaMin, f.SigmaMax}
	case KindSMLD:
		return SMLD{VESDE{f.SigmaMin, f.SigmaMax}, f.Levels}
	case KindRectifiedFlow:
		return RectifiedFlow{}
	case KindVariational:
		return Variational{s.Gamma}
	}
	panic("diffusion: ProcessOf: invalid Spec")
}

// timeScale is the factor of t in the networks of Song et al. 2021, M − 1 in Karras et
// al. 2022, Table 1.
const timeScale = 999

// Input implements Input: c_in is s(t), and c_noise
//
//	vp, sub-vp  999·t (Karras et al. 2022, Table 1, column VP)
//	ve          ln(σ/2) (column VE), or σ
//	smld        the level nearest in ln σ, counted from the noisiest as in the paper
//	straight    t
//	variational γ
func (s *Spec) Input(sigma float32) (cIn, cNoise float64, err error) {
	f, level, t := s.withDefaults(), float64(sigma), 0.0
	switch s.Kind {
	case KindVP:
		t = betaTime(f.BetaMin, f.BetaMax, num.Log1p(float64(level*level)))
		cIn, cNoise = variancePreservingScale(level), timeScale*t
	case KindSubVP:
		sum := subVPSum(level)
		t = betaTime(f.BetaMin, f.BetaMax, sum)
		cIn, cNoise = num.Exp(-sum/2), timeScale*t
	case KindVE, KindSMLD:
		t = geometricTime(f.SigmaMin, f.SigmaMax, level)
		cIn, cNoise = 1, num.Log(level/2)
		if s.Kind == KindSMLD {
			steps := float64(f.Levels - 1)
			cNoise = steps - math.RoundToEven(t*steps)
		}
		if s.Time != "" {
			cNoise = level
		}
	case KindVariational:
		gamma := 2 * num.Log(level)
		t = (gamma - s.Gamma.Start) / (s.Gamma.End - s.Gamma.Start) // for a linear γ: only the ends matter here
		cIn, cNoise = variancePreservingScale(level), gamma
	default:
		t = level / (1 + level)
		cIn, cNoise = 1/(1+level), t
	}
	// Rounded to float32, σ may lie outside the range by half a unit in the last place.
	if !(t >= -0x1p-23 && t <= 1+0x1p-23 && level > 0) {
		return 0, 0, fmt.Errorf("diffusion: noise level %g is outside the range of the process: its time must lie in [0, 1] (got %g)", sigma, t)
	}
	return cIn, cNoise, nil
}
