package diffusion

import (
	"math"
	"strings"
	"testing"
)

// The columns VP and VE of Karras et al. 2022, Table 1, in the paper's notation.
func TestColumnsVPAndVE(t *testing.T) {
	vp, ve := &Spec{Kind: KindVP}, &Spec{Kind: KindVE}
	for _, at := range []float64{0.001, 0.02, 0.3, 0.7, 1} {
		sigma := float32(math.Sqrt(math.Exp(19.9/2*at*at+0.1*at) - 1))
		s := float64(sigma)
		got, err := Predictor{PredictEpsilon, vp}.Coefficients(sigma)
		want := Coefficients{CSkip: 1, COut: -s, CIn: 1 / math.Sqrt(s*s+1), CNoise: 999 * at}
		// Rounding σ to float32 changes t by a relative 2u at most.
		if err != nil || got.CSkip != want.CSkip || got.COut != want.COut || !(math.Abs(got.CIn-want.CIn) <= 1e-15) || !(math.Abs(got.CNoise-want.CNoise) <= 2*u32*want.CNoise) {
			t.Errorf("VP at σ=%g: got %+v, %v, want %+v", sigma, got, err, want)
		}
		if sigma < 0.02 || sigma > 100 {
			continue
		}
		got, err = Predictor{PredictScaledScore, ve}.Coefficients(sigma)
		want = Coefficients{CSkip: 1, COut: s, CIn: 1, CNoise: math.Log(s / 2)}
		if err != nil || got.CSkip != want.CSkip || got.COut != want.COut || got.CIn != want.CIn || !(math.Abs(got.CNoise-want.CNoise) <= 1e-15*(1+math.Abs(want.CNoise))) {
			t.Errorf("VE at σ=%g: got %+v, %v, want %+v", sigma, got, err, want)
		}
	}
}

// The time input of a network may be σ itself.
func TestTimeIsSigma(t *testing.T) {
	s := &Spec{Kind: KindVE, SigmaMax: 1348, Time: "sigma"}
	if cIn, cNoise, err := s.Input(417); err != nil || cIn != 1 || cNoise != 417 {
		t.Errorf("got c_in %g, c_noise %g, %v, want 1 and 417", cIn, cNoise, err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

// The input of a network is z of its process, and the time of the process.
func TestInputsFollowTheirProcess(t *testing.T) {
	learned := &Monotone{Start: -8, End: 10, Slope: 1, Units: [][3]float64{{5, -2, 0.5}}}
	for _, s := range []Spec{{Kind: KindVP}, {Kind: KindSubVP}, {Kind: KindVE}, {Kind: KindSMLD, Levels: 20}, {Kind: KindRectifiedFlow}, {Kind: KindVariational, Gamma: learned}} {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		p := ProcessOf(s)
		for _, sigma := range []float32{0.03, 0.5, 2, 90} {
			at, err := p.Time(sigma)
			if err != nil {
				t.Fatal(err)
			}
			cIn, cNoise, err := s.Input(sigma)
			if err != nil {
				t.Fatal(err)
			}
			if want := p.Kernel(at).S; !(math.Abs(cIn/want-1) <= 4*u32*(1+float64(sigma))) {
				t.Errorf("%s at σ=%g: c_in is %g, want s = %g", s.Kind, sigma, cIn, want)
			}
			want := map[string]float64{KindVP: 999 * at, KindSubVP: 999 * at, KindVE: math.Log(float64(sigma) / 2), KindSMLD: 19 - math.Round(at), KindRectifiedFlow: at, KindVariational: 2 * math.Log(float64(sigma))}[s.Kind]
			if !(math.Abs(cNoise-want) <= 1e-14*(1+math.Abs(want))) {
				t.Errorf("%s at σ=%g: c_noise is %g, want %g", s.Kind, sigma, cNoise, want)
			}
		}
		for _, sigma := range []float32{0, -1, float32(math.NaN()), float32(math.Inf(1))} {
			if _, _, err := s.Input(sigma); err == nil {
				t.Errorf("%s at σ=%g: got no error", s.Kind, sigma)
			}
		}
	}
}

func TestSpecErrors(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		s    Spec
		want string
	}{
		{Spec{}, `kind must be "vp", "sub-vp", "ve", "smld", "straight" or "variational" (got "")`},
		{Spec{Kind: KindVP, BetaMin: -1}, `kind "vp" needs 0 < beta_min ≤ beta_max ≤ 100 (got -1 and 20)`},
		{Spec{Kind: KindVP, BetaMax: nan}, "needs 0 < beta_min"},
		{Spec{Kind: KindSubVP, BetaMin: 30}, "needs 0 < beta_min"},
		{Spec{Kind: KindVE, SigmaMin: nan}, "needs 0 < sigma_min"},
		{Spec{Kind: KindVE, SigmaMax: 0.001}, "needs 0 < sigma_min"},
		{Spec{Kind: KindSMLD, Levels: 1}, "needs 2 to 2^20 levels"},
		{Spec{Kind: KindSMLD, Levels: 1 << 40}, "needs 2 to 2^20 levels"},
		{Spec{Kind: KindVE, BetaMax: 3}, "does not have all of these settings"},
		{Spec{Kind: KindVE, Time: "log"}, "does not have all of these settings"},
		{Spec{Kind: KindVP, Time: "sigma"}, "does not have all of these settings"},
		{Spec{Kind: KindVP, Levels: 3}, "does not have all of these settings"},
		{Spec{Kind: KindRectifiedFlow, SigmaMin: 1}, "does not have all of these settings"},
		{Spec{Kind: KindVariational}, "needs gamma"},
		{Spec{Kind: KindVariational, Gamma: &Monotone{Start: 1, End: 0, Slope: 1}}, "end above start (got 1 and 0)"},
		{Spec{Kind: KindVP, Gamma: &Monotone{End: 1, Slope: 1}}, "does not have all of these settings"},
	} {
		if err := c.s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %s", c.s, err, c.want)
		}
	}
}
