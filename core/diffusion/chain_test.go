package diffusion

import (
	"math"
	"strings"
	"testing"

	"tweedie/core/tensor"
)

// u32 is float32's unit roundoff.
const u32 = 1.0 / (1 << 24)

func mustChain(t *testing.T, s Schedule) *Chain {
	t.Helper()
	c, err := NewChain(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// closedForm returns ᾱ in closed form, computed with package math.
func closedForm(s Schedule, t int) float64 {
	if s.Kind == Linear {
		log := 0.0
		for i := range t + 1 {
			log += math.Log1p(-(1e-4 + (0.02-1e-4)*float64(i)/999))
		}
		return math.Exp(log)
	}
	f := func(t int) float64 {
		c := math.Cos((float64(t)/1000 + 0.008) / 1.008 * math.Pi / 2)
		return c * c
	}
	return f(t+1) / f(0)
}

func TestAlphasCumprod(t *testing.T) {
	for _, s := range []Schedule{{Kind: Linear}, {Kind: Cosine}} {
		t.Run(s.Kind, func(t *testing.T) {
			c := mustChain(t, s)
			if c.Steps() != 1000 {
				t.Fatalf("got %d steps, want 1000", c.Steps())
			}
			for i, got := range c.AlphasCumprod {
				if s.Kind == Cosine && c.Betas[i] == 0.999 {
					continue // clipped: the closed form ends here
				}
				// 2·T roundings in the product, and as many in the closed form.
				want := closedForm(s, i)
				if bound := 4000 * 0x1p-52 * want; !(math.Abs(got-want) <= bound) {
					t.Fatalf("ᾱ of step %d is %g, want %g ± %.2g", i, got, want, bound)
				}
			}
		})
	}
}

// The ends quoted for these schedules: σ² = (1−ᾱ)/ᾱ.
func TestSigmaRange(t *testing.T) {
	for _, c := range []struct {
		name            string
		s               Schedule
		lowest, highest float64
		relative        float64
	}{
		// ᾱ_1000 = 4.0358e-5 in every implementation of Ho et al. 2020.
		{"linear", Schedule{Kind: Linear}, math.Sqrt(1e-4 / 0.9999), math.Sqrt(1/4.0358e-5 - 1), 1e-5},
		{"linear, one step", Schedule{Kind: Linear, Steps: 1}, math.Sqrt(1e-4 / 0.9999), math.Sqrt(1e-4 / 0.9999), 1e-7},
		{"table", Schedule{Kind: Table, Betas: []float64{0.1, 0.5}}, math.Sqrt(0.1 / 0.9), math.Sqrt(0.55 / 0.45), 1e-7},
		{"linear, own ends", Schedule{Kind: Linear, Steps: 2, BetaStart: 0.1, BetaEnd: 0.5}, math.Sqrt(0.1 / 0.9), math.Sqrt(0.55 / 0.45), 1e-7},
	} {
		t.Run(c.name, func(t *testing.T) {
			lowest, highest := mustChain(t, c.s).SigmaRange()
			if !(math.Abs(float64(lowest)/c.lowest-1) <= c.relative) || !(math.Abs(float64(highest)/c.highest-1) <= c.relative) {
				t.Errorf("got [%g, %g], want [%g, %g]", lowest, highest, c.lowest, c.highest)
			}
		})
	}
}

func TestTimeInvertsSigma(t *testing.T) {
	for _, s := range []Schedule{{Kind: Linear}, {Kind: Cosine}, {Kind: Cosine, Steps: 4000}} {
		c := mustChain(t, s)
		for i, sigma := range c.Sigmas {
			if got, err := c.Time(float32(sigma)); err != nil || got != float64(i) {
				t.Fatalf("%v: time of σ_%d is %g, %v, want %d", s, i, got, err, i)
			}
		}
		for at := 0.25; at < float64(c.Steps()-1); at += 0.5 {
			sigma := float32(c.Sigma(at))
			got, err := c.Time(sigma)
			// Rounding σ to float32 moves ln σ by u, and t by u over the slope.
			i := int(at)
			bound := 1.01 * u32 / (c.logSigmas[i+1] - c.logSigmas[i])
			if err != nil || !(math.Abs(got-at) <= bound) {
				t.Fatalf("%v: time of Sigma(%g) is %g, %v, want it within %.2g", s, at, got, err, bound)
			}
		}
	}
}

func TestTimeOutsideTheChain(t *testing.T) {
	c := mustChain(t, Schedule{Kind: Linear})
	lowest, highest := c.SigmaRange()
	for _, sigma := range []float32{0, -1, math.Nextafter32(lowest, 0), math.Nextafter32(highest, 1000), float32(math.Inf(1)), float32(math.NaN())} {
		if at, err := c.Time(sigma); err == nil {
			t.Errorf("time of %g is %g, want an error", sigma, at)
		}
	}
}

func TestPerturbIsTheChainMarginal(t *testing.T) {
	c := mustChain(t, Schedule{Kind: Linear})
	x0, eps := tensor.Of([]float32{-1, 0.5, 1}, 1, 1, 3, 1), tensor.Of([]float32{0.3, -2, 1}, 1, 1, 3, 1)
	for _, at := range []int{0, 500, 999} {
		a := c.AlphasCumprod[at]
		x := Perturb(x0, eps, float32(c.Sigmas[at]))
		for i := range x.Data {
			got := math.Sqrt(a) * float64(x.Data[i])
			signal, noise := math.Sqrt(a)*float64(x0.Data[i]), math.Sqrt(1-a)*float64(eps.Data[i])
			bound := 3 * u32 * (math.Abs(signal) + math.Abs(noise)) // σ, product and sum rounded
			if !(math.Abs(got-signal-noise) <= bound) {
				t.Errorf("t=%d: √ᾱ·x[%d] is %g, want %g ± %.2g", at, i, got, signal+noise, bound)
			}
		}
	}
}

func TestScheduleValidate(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		s    Schedule
		want string
	}{
		{"no kind", Schedule{}, `diffusion: schedule: kind must be "linear", "cosine", "thermodynamic" or "table" (got "")`},
		{"table without betas", Schedule{Kind: Table}, "diffusion: schedule: steps must be between 1 and 1048576 (got 0)"},
		{"table of other length", Schedule{Kind: Table, Steps: 3, Betas: []float64{0.1, 0.2}}, `diffusion: schedule: kind "table" needs one beta for each step and no other settings (got 2 betas for 3 steps)`},
		{"table with a beta of one", Schedule{Kind: Table, Betas: []float64{0.1, 1}}, "diffusion: schedule: betas[1] must lie in (0, 1) (got 1)"},
		{"linear with a table", Schedule{Kind: Linear, Betas: []float64{0.1}}, `diffusion: schedule: betas apply to kind "table" only (got kind "linear")`},
		{"negative steps", Schedule{Kind: Linear, Steps: -1}, "diffusion: schedule: steps must be between 1 and 1048576 (got -1)"},
		{"too many steps", Schedule{Kind: Linear, Steps: 1 << 30}, "diffusion: schedule: steps must be between 1 and 1048576 (got 1073741824)"},
		{"negative beta", Schedule{Kind: Linear, BetaStart: -1}, "diffusion: schedule: beta_start must lie in (0, 1) (got -1)"},
		{"NaN beta", Schedule{Kind: Linear, BetaEnd: nan}, "diffusion: schedule: beta_end must lie in [beta_start, 1) = [0.0001, 1) (got NaN)"},
		{"falling beta", Schedule{Kind: Linear, BetaStart: 0.1}, "diffusion: schedule: beta_end must lie in [beta_start, 1) = [0.1, 1) (got 0.02)"},
		{"beta of one", Schedule{Kind: Linear, BetaEnd: 1}, "diffusion: schedule: beta_end must lie in [beta_start, 1) = [0.0001, 1) (got 1)"},
		{"linear with s", Schedule{Kind: Linear, Offset: 0.1}, `diffusion: schedule: s and beta_max apply to kind "cosine" only (got kind "linear")`},
		{"cosine with betas", Schedule{Kind: Cosine, BetaEnd: 0.1}, `diffusion: schedule: beta_start and beta_end apply to kind "linear" only (got kind "cosine")`},
		{"thermodynamic with s", Schedule{Kind: Thermodynamic, Offset: 0.1}, `diffusion: schedule: kind "thermodynamic" has no settings but steps: remove the others`},
		{"NaN s", Schedule{Kind: Cosine, Offset: nan}, "diffusion: schedule: s must lie in (0, 1] (got NaN)"},
		{"beta_max of one", Schedule{Kind: Cosine, BetaMax: 1}, "diffusion: schedule: beta_max must lie in (0, 1) (got 1)"},
		{"noise that overflows", Schedule{Kind: Linear, Steps: 1000, BetaStart: 0.9, BetaEnd: 0.9}, "diffusion: schedule: noise levels must increase and fit float32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewChain(c.s)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The chain at the levels of another is that chain.
func TestChainAt(t *testing.T) {
	for _, s := range []Schedule{{Kind: Linear}, {Kind: Cosine}} {
		want := mustChain(t, s)
		got, err := ChainAt(want.Sigmas)
		if err != nil {
			t.Fatal(err)
		}
		for i, beta := range want.Betas {
			// 1 − ᾱ cancels where σ is small, so the levels of want have this error.
			if bound := 1e-15 * float64(i+1) / beta; !(math.Abs(got.Betas[i]/beta-1) <= bound+1e-12) {
				t.Errorf("%s: β of step %d is %g, want %g", s.Kind, i, got.Betas[i], beta)
			}
			if a := want.AlphasCumprod[i]; !(math.Abs(got.AlphasCumprod[i]-a) <= 1e-13) || got.Sigma(float64(i)) != want.Sigmas[i] {
				t.Errorf("%s: ᾱ of step %d is %g, want %g", s.Kind, i, got.AlphasCumprod[i], a)
			}
		}
	}
	for _, sigmas := range [][]float64{{0, 1}, {1, 1}, {1, 1 + 1e-12}, {1, math.Inf(1)}, {math.NaN()}} {
		if _, err := ChainAt(sigmas); err == nil || !strings.Contains(err.Error(), "noise levels must increase") {
			t.Errorf("%v: got %v", sigmas, err)
		}
	}
}
