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

// Spec describes the continuous process that a network was trained on, or SMLD's
// levels. It is part of a model file; a Schedule stands there for chains of β. It is
// an Input, and leaves Process out of programs that only sample.
type Spec struct {
	Kind     string  `json:"kind"`                // one of the kinds
	BetaMin  float64 `json:"beta_min,omitempty"`  // vp, sub-vp: β(0); 0 means 0.1
	BetaMax  float64 `json:"beta_max,omitempty"`  // vp, sub-vp: β(1); 0 means 20
	SigmaMin float64 `json:"sigma_min,omitempty"` // ve, smld: lowest noise level; 0 means 0.02
	SigmaMax float64 `json:"sigma_max,omitempty"` // ve, smld: highest noise level; 0 means 100
	Levels   int     `json:"levels,omitempty"`    // smld: L; 0 means 10
	Time     string  `json:"time,omitempty"`      // ve: "sigma" if the network is told σ itself

	Gamma *Monotone `json:"gamma,omitempty"` // variational: the γ that was learned
}

// filled returns s with the zero fields' meanings in their place.
func (s Spec) filled() Spec {
	s.BetaMin, s.BetaMax = orDefault(s.BetaMin, 0.1), orDefault(s.BetaMax, 20)
	s.SigmaMin, s.SigmaMax = orDefault(s.SigmaMin, 0.02), orDefault(s.SigmaMax, 100)
	if s.Levels == 0 {
		s.Levels = 10
	}
	return s
}

// LevelCount returns L of an smld.
func (s *Spec) LevelCount() int { return s.filled().Levels }

// Validate names the settings that are out of their range, or that the kind does
// not have.
func (s *Spec) Validate() error {
	f := s.filled()
	ofTime, ofBeta, ofSigma, ofLevels, ofGamma := s.Time != "", s.BetaMin != 0 || s.BetaMax != 0, s.SigmaMin != 0 || s.SigmaMax != 0, s.Levels != 0, s.Gamma != nil
	switch s.Kind {
	case KindVP, KindSubVP:
		ofBeta = false
	case KindVE:
		ofSigma, ofTime = false, s.Time != "" && s.Time != "sigma"
	case KindSMLD:
		ofSigma, ofLevels = false, false
	case KindRectifiedFlow:
	case KindVariational:
		if !ofGamma {
			return errors.New("diffusion: process: gamma is missing, need it with kind \"variational\"")
		}
		if err := s.Gamma.Validate(); err != nil {
			return err
		}
		ofGamma = false
	default:
		return fmt.Errorf(`diffusion: process: kind is %q, need "vp", "sub-vp", "ve", "smld", "straight" or "variational"`, s.Kind)
	}
	need := ""
	switch {
	case ofTime || ofBeta || ofSigma || ofLevels || ofGamma:
		need = "only settings of its own kind"
	case !(f.BetaMin > 0 && f.BetaMin <= f.BetaMax && f.BetaMax <= 100): // e^100 still fits
		need = "0 < beta_min ≤ beta_max ≤ 100"
	case !(f.SigmaMin > 0 && f.SigmaMin < f.SigmaMax && f.SigmaMax <= math.MaxFloat32):
		need = "0 < sigma_min < sigma_max, finite"
	case f.Levels < 2 || f.Levels > maxTrainSteps:
		need = "2 to 2^20 levels"
	default:
		return nil
	}
	return fmt.Errorf("diffusion: process: settings of kind %q, need %s", s.Kind, need)
}

// ProcessOf returns the process of a valid Spec.
func ProcessOf(s Spec) Process {
	f := s.filled()
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
	panic("diffusion: process of an invalid Spec")
}

// timeScale is what Song et al. 2021 multiply t by for a network, M − 1 in Karras
// et al. 2022, Table 1.
const timeScale = 999

// Input implements Input: c_in is s(t), and c_noise
//
//	vp, sub-vp  999·t (Karras et al. 2022, Table 1, column VP)
//	ve          ln(σ/2) (column VE), or σ
//	smld        the level nearest in ln σ, counted from the noisiest as the paper does
//	straight    t
//	variational γ
func (s *Spec) Input(sigma float32) (cIn, cNoise float64, err error) {
	f, level, t := s.filled(), float64(sigma), 0.0
	switch s.Kind {
	case KindVP:
		t = betaTime(f.BetaMin, f.BetaMax, num.Log1p(float64(level*level)))
		cIn, cNoise = preservingScale(level), timeScale*t
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
		t = (gamma - s.Gamma.Start) / (s.Gamma.End - s.Gamma.Start) // of a linear γ: what matters is the ends
		cIn, cNoise = preservingScale(level), gamma
	default:
		t = level / (1 + level)
		cIn, cNoise = 1/(1+level), t
	}
	// σ as float32 may lie beyond an end by half a last place.
	if !(t >= -0x1p-23 && t <= 1+0x1p-23 && level > 0) {
		return 0, 0, fmt.Errorf("diffusion: noise level %g is outside the process's: time %g of 0 to 1", sigma, t)
	}
	return cIn, cNoise, nil
}
