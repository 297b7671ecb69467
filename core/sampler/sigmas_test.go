package sampler

import (
	"errors"
	"math"
	"slices"
	"testing"

	"tweedie/core/diffusion"
)

func TestCheck(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		sigmas []float32
		want   string
	}{
		{"empty", nil, "sampler: invalid noise schedule: the number of noise levels must be between 2 and 65537 (got 0)"},
		{"one", []float32{1}, "sampler: invalid noise schedule: the number of noise levels must be between 2 and 65537 (got 1)"},
		{"zero first", []float32{0, 0}, "sampler: invalid noise schedule: sigmas[0] must be positive and finite (got 0)"},
		{"infinite", []float32{inf, 0}, "sampler: invalid noise schedule: sigmas[0] must be positive and finite (got +Inf)"},
		{"NaN first", []float32{nan, 0}, "sampler: invalid noise schedule: sigmas[0] must be positive and finite (got NaN)"},
		{"rising", []float32{1, 2}, "sampler: invalid noise schedule: sigmas must be strictly decreasing and not negative (got 1, then sigmas[1] = 2)"},
		{"equal", []float32{2, 1, 1}, "sampler: invalid noise schedule: sigmas must be strictly decreasing and not negative (got 1, then sigmas[2] = 1)"},
		{"negative", []float32{2, -1}, "sampler: invalid noise schedule: sigmas must be strictly decreasing and not negative (got 2, then sigmas[1] = -1)"},
		{"NaN", []float32{2, nan}, "sampler: invalid noise schedule: sigmas must be strictly decreasing and not negative (got 2, then sigmas[1] = NaN)"},
		{"two zeros", []float32{2, 0, 0}, "sampler: invalid noise schedule: sigmas must be strictly decreasing and not negative (got 0, then sigmas[2] = 0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(c.sigmas)
			if err == nil || err.Error() != c.want || !errors.Is(err, ErrSchedule) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			forEachMethod(t, func(t *testing.T, s Settings) {
				noise := NewNoise(1, 0, 1, 1, 1, 1)
				if _, err := Run(s, gaussian(1), noise(0), c.sigmas, noise, nil); !errors.Is(err, ErrSchedule) {
					t.Errorf("got %v, want ErrSchedule", err)
				}
			})
		})
	}
}

// Karras et al. 2022, eq. 5, in math's functions.
func TestKarras(t *testing.T) {
	for _, n := range []int{1, 2, 3, 18, 200} {
		got, err := Karras(n, 0.002, 80, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != n+1 || got[0] != 80 || got[n] != 0 || (n > 1 && got[n-1] != 0.002) {
			t.Errorf("n=%d: got %g: want %d levels from 80 to 0.002, and 0", n, got, n)
		}
		for i := range n {
			a, b := math.Pow(80, 1./7), math.Pow(0.002, 1./7)
			want := 80.0
			if n > 1 {
				want = math.Pow(a+float64(i)/float64(n-1)*(b-a), 7)
			}
			if !(math.Abs(float64(got[i])-want) <= 1.1*u32*want) {
				t.Errorf("n=%d: level %d is %g, want %g", n, i, got[i], want)
			}
		}
	}
}

// Levels are evenly spaced in the variable of their kind, computed with package math.
func TestKindsAreEvenlySpaced(t *testing.T) {
	for _, c := range []struct {
		kind string
		in   func(sigma float64) float64
	}{
		{KindLinear, func(sigma float64) float64 { return sigma }},
		{KindQuadratic, math.Sqrt},
		{KindExponential, math.Log},
		{KindLogSNR, func(sigma float64) float64 { return math.Log(1 / (sigma * sigma)) }},
		{KindCosine, math.Atan},
		{KindFlow, func(sigma float64) float64 { return sigma / (1 + sigma) }},
		{KindVP, func(sigma float64) float64 { // B(t) = 0.1·t + 19.9·t²/2
			return (math.Sqrt(0.01+2*19.9*math.Log1p(sigma*sigma)) - 0.1) / 19.9
		}},
		{KindPolyexponential, math.Log},
	} {
		for _, n := range []int{2, 3, 18, 200} {
			got, err := Settings{Steps: n, Schedule: Schedule{Kind: c.kind}}.Sigmas(0.002, 80, nil)
			if err != nil {
				t.Fatal(err)
			}
			low, high := c.in(float64(float32(0.002))), c.in(80)
			for i := range n {
				want := high + float64(i)/float64(n-1)*(low-high)
				// A rounding of σ moves the coordinate by its slope times u·σ.
				s := float64(got[i])
				bound := 1.1*math.Abs(c.in(s*(1+u32))-c.in(s)) + 1e-13*math.Abs(want)
				if !(math.Abs(c.in(s)-want) <= bound) {
					t.Errorf("%s, n=%d: level %d is %g, which is %g, want %g ± %.2g", c.kind, n, i, s, c.in(s), want, bound)
				}
			}
			if got[0] != 80 || got[n-1] != 0.002 || got[n] != 0 {
				t.Errorf("%s, n=%d: ends are %g, %g, %g", c.kind, n, got[0], got[n-1], got[n])
			}
		}
	}
}

// The columns of Lin et al. 2023, Table 2, for T = 1000, there counted from 1,
// and their rule where T/n is not whole.
func TestSpacings(t *testing.T) {
	for _, c := range []struct {
		name    string
		spacing Spacing
		n, T    int
		want    []int
	}{
		{"leading", Leading, 5, 1000, []int{0, 200, 400, 600, 800}},
		{"linspace", Linspace, 5, 1000, []int{0, 250, 500, 749, 999}}, // 249.75, 499.5, 749.25
		{"trailing", Trailing, 5, 1000, []int{199, 399, 599, 799, 999}},
		{"leading, not whole", Leading, 3, 10, []int{0, 3, 6}},
		{"trailing, not whole", Trailing, 3, 10, []int{2, 6, 9}}, // 10, 6.67, 3.33
		{"trailing, halves", Trailing, 4, 10, []int{1, 4, 7, 9}}, // 10, 7.5, 5, 2.5
		{"leading, one", Leading, 1, 1000, []int{0}},
		{"linspace, one", Linspace, 1, 1000, []int{999}},
		{"trailing, one", Trailing, 1, 1000, []int{999}},
		{"leading, all", Leading, 3, 3, []int{0, 1, 2}},
		{"linspace, all", Linspace, 3, 3, []int{0, 1, 2}},
		{"trailing, all", Trailing, 3, 3, []int{0, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.spacing(c.n, c.T); !slices.Equal(got, c.want) {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestScheduleSigmas(t *testing.T) {
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear})
	if err != nil {
		t.Fatal(err)
	}
	low, high := chain.SigmaRange()
	for _, kind := range append(Kinds, "") {
		for _, n := range []int{1, 2, 7, 20, 999, 1000} {
			got, err := Settings{Steps: n, Schedule: Schedule{Kind: kind}, Posterior: whitePosteriorVariance(0.5)}.Sigmas(low, high, chain)
			if err != nil {
				t.Fatalf("%q, %d steps: %v", kind, n, err)
			}
			if len(got) != n+1 || got[n] != 0 {
				t.Errorf("%q, %d steps: %d levels ending in %g, want %d ending in 0", kind, n, len(got), got[len(got)-1], n+1)
			}
			if kind != KindLeading && got[0] != high {
				t.Errorf("%q, %d steps: starts at %g, want %g", kind, n, got[0], high)
			}
		}
	}
	for _, c := range []struct {
		name  string
		s     Schedule
		n     int
		chain *diffusion.Chain
		want  string
	}{
		{"above the model", Schedule{SigmaMax: 200}, 5, chain, "sigma_max must be a number from 0.0100005 to 157.40729, the noise levels of the model (got 200)"},
		{"below the model", Schedule{SigmaMin: 0.005}, 5, chain, "sigma_min must be a number from 0.0100005 to 157.40729, the noise levels of the model (got 0.005)"},
		{"upside down", Schedule{SigmaMin: 3, SigmaMax: 2}, 5, chain, "sigma_min must be below the highest noise level, 2 (got 3)"},
		{"no chain", Schedule{Kind: KindTrailing}, 5, nil, `schedule must be another, such as karras: the model was not trained on a chain of steps (got "trailing")`},
		{"no spread", Schedule{Kind: KindOptimised}, 5, chain, `schedule must be another, such as karras: the model file holds no posterior variances, which tweedie posterior measures (got "optimised")`},
		{"more than the chain", Schedule{Kind: KindTrailing}, 1001, chain, "steps must be at most 1000, the length of the model's chain (got 1001)"},
		{"no steps", Schedule{}, 0, chain, "steps must be a whole number from 1 to 65536 (got 0)"},
		{"negative steps", Schedule{Kind: KindLeading}, -3, chain, "steps must be a whole number from 1 to 65536 (got -3)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.s.Sigmas(c.n, low, high, c.chain, nil)
			if err == nil || err.Error() != c.want || !errors.Is(err, ErrSchedule) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := Karras(60000, 1, 1.000001, 7); !errors.Is(err, ErrSchedule) {
		t.Errorf("levels closer than float32 tells apart: got %v, want ErrSchedule", err)
	}
}

// Every ρ: levels are evenly spaced in the ρ-th root of the fraction of ln σ, and in σ^(1/ρ) for karras.
func TestEveryRho(t *testing.T) {
	for _, rho := range []float64{0.3, 0.5, 1, 2, 7} {
		for _, c := range []struct {
			kind string
			out  func(u float64) float64
		}{
			{KindPolyexponential, func(u float64) float64 {
				return math.Exp(math.Pow(1-u, rho)*math.Log(80/0.002) + math.Log(0.002))
			}},
			{KindKarras, func(u float64) float64 {
				a, b := math.Pow(80, 1/rho), math.Pow(0.002, 1/rho)
				return math.Pow(a*(1-u)+u*b, rho)
			}},
		} {
			got, err := Schedule{Kind: c.kind, Rho: rho}.Sigmas(9, 0.002, 80, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 9 {
				if want := c.out(float64(i) / 8); !(math.Abs(float64(got[i])-want) <= 1e-6*want) {
					t.Errorf("%s, ρ = %g: level %d is %g, want %g", c.kind, rho, i, got[i], want)
				}
			}
		}
	}
	if _, err := (Schedule{Kind: KindPolyexponential, Rho: 0.05}).Sigmas(9, 0.002, 80, nil, nil); !errors.Is(err, ErrSchedule) {
		t.Errorf("ρ = 0.05: got %v, want ErrSchedule", err)
	}
}

// The probabilities of the times of beta are evenly spaced: the distribution function is a sum over its density.
func TestBetaSchedule(t *testing.T) {
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Cosine, Steps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	// ∫₀ˣ of x^(−0.4)·(1−x)^(−0.4): u = x^0.6 removes the pole at 0, and at 1 it is the integral to 1 less its mirror image.
	part := func(x float64) float64 {
		return integrate(0, math.Pow(x, 0.6), func(u float64) float64 { return math.Pow(1-math.Pow(u, 1/0.6), -0.4) / 0.6 })
	}
	cdf := func(x float64) float64 {
		if x > 0.5 {
			return 1 - part(1-x)/(2*part(0.5))
		}
		return part(x) / (2 * part(0.5))
	}
	for _, c := range []*diffusion.Chain{nil, chain} {
		low, high := float32(0.02), float32(80)
		time := vpTime
		if c != nil {
			low, high = c.SigmaRange()
			time = func(sigma float64) float64 { v, _ := c.Time(float32(sigma)); return v }
		}
		const n = 12
		sigmas, err := Schedule{Kind: KindBeta}.Sigmas(n, low, high, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		first, last := time(float64(low)), time(float64(high))
		for i, s := range sigmas[:n] {
			got, want := cdf((time(float64(s))-first)/(last-first)), 1-float64(i)/(n-1)
			if !(math.Abs(got-want) <= 2e-5) {
				t.Errorf("chain %v: level %d, %g, has probability %g, want %g", c != nil, i, s, got, want)
			}
		}
	}
	if got := betaCDF(betaQuantile(0.3)); !(math.Abs(got-0.3) <= 1e-12) {
		t.Errorf("the quantile of 0.3 has probability %g", got)
	}
}

// A shifted flow's times are s·t/(1+(s−1)·t) of evenly spaced t: Esser et al. 2024, eq. 23.
func TestShiftedFlow(t *testing.T) {
	for _, s := range []float64{0.5, 1, 3} {
		sigmas, err := Settings{Method: "flow-euler", Steps: 9, Schedule: Schedule{Shift: s}}.Sigmas(0.01, 50, nil)
		if err != nil {
			t.Fatal(err)
		}
		unshifted := func(sigma float64) float64 { t := sigma / (1 + sigma); return t / (s - (s-1)*t) }
		first, last := unshifted(50), unshifted(float64(float32(0.01)))
		for i, sigma := range sigmas[:9] {
			got, want := unshifted(float64(sigma)), first+float64(i)/8*(last-first)
			if !(math.Abs(got-want) <= 1e-6) {
				t.Errorf("shift %g: level %d, %g, has time %g, want %g", s, i, sigma, got, want)
			}
		}
	}
	// A method whose own spacing is not flow has no shift.
	if _, err := (Settings{Method: "euler", Steps: 9, Schedule: Schedule{Shift: 3}}).Sigmas(0.01, 50, nil); err == nil || err.Error() != "shift must be left out unless schedule is flow (got 3)" {
		t.Errorf("got %v", err)
	}
}
