package sampler

import (
	"errors"
	"math"
	"testing"

	"tweedie/core/diffusion"
)

// divergenceBound is the bound that Optimised minimises, by Simpson's rule in ln σ.
func divergenceBound(sigmas []float32, m MeanSquareError) float64 {
	sum := 0.0
	for i := range len(sigmas) - 2 {
		high, low := float64(sigmas[i]), float64(sigmas[i+1])
		top, _ := m(high)
		const cells = 400
		h := math.Log(high/low) / cells
		for k := range cells + 1 {
			sigma := low * math.Exp(h*float64(k))
			at, _ := m(sigma)
			weight := []float64{2, 4}[k%2]
			if k == 0 || k == cells {
				weight = 1
			}
			sum += weight * h / 3 * (top - at) / (sigma * sigma)
		}
	}
	return sum
}

// The levels minimise the bound: moving any single level either way increases it, and the
// levels of Karras have a larger one, for any rho.
func TestOptimisedHasTheLeastBound(t *testing.T) {
	const low, high = 0.02, 40
	for _, data := range []struct {
		name string
		m    MeanSquareError
	}{{"white", White(0.5)}, {"scale-free", ScaleFree(0.05, 20)}} {
		for _, n := range []int{3, 4, 10, 40} {
			sigmas, err := Optimised(n, low, high, data.m)
			if err != nil {
				t.Fatal(err)
			}
			if sigmas[0] != high || sigmas[n-1] != low || sigmas[n] != 0 {
				t.Errorf("%s, n=%d: ends are %g, %g, %g", data.name, n, sigmas[0], sigmas[n-1], sigmas[n])
			}
			least := divergenceBound(sigmas, data.m)
			for i := 1; i < n-1; i++ {
				for _, factor := range []float32{0.97, 1.03} {
					moved := append([]float32(nil), sigmas...)
					if moved[i] *= factor; Check(moved) != nil {
						continue
					}
					if b := divergenceBound(moved, data.m); !(b > least) {
						t.Errorf("%s, n=%d: level %d times %g has bound %g, want more than %g", data.name, n, i, factor, b, least)
					}
				}
			}
			for _, rho := range []float64{1, 2, 7, 100} {
				if b := divergenceBound(karrasRho(t, n, low, high, rho), data.m); !(b > least) {
					t.Errorf("%s, n=%d: Karras' levels with rho %g have bound %g, want more than %g", data.name, n, rho, b, least)
				}
			}
		}
	}
}

func karrasRho(t *testing.T, n int, low, high, rho float64) []float32 {
	sigmas, err := Karras(n, low, high, rho)
	if err != nil {
		t.Fatal(err)
	}
	return sigmas
}

// m′ is the derivative of m.
func TestMeanSquareErrors(t *testing.T) {
	for _, m := range []MeanSquareError{White(0.5), White(3), ScaleFree(0.05, 20)} {
		for _, sigma := range []float64{0.01, 0.3, 1, 70} {
			const h = 1e-5
			above, slope := m(sigma * (1 + h))
			if slope != slope || above != above {
				t.Fatal("not a number")
			}
			_, want := m(sigma)
			below, _ := m(sigma * (1 - h))
			if got := (above - below) / (2 * h * sigma); !(math.Abs(got/want-1) <= 1e-5) {
				t.Errorf("slope at %g is %g, want %g", sigma, want, got)
			}
		}
	}
}

// On its own data and with equally many steps, a first-order solver of the SDE gets closer
// to the data's distribution than along the levels of Karras. For normal data a step is
// linear, so the distribution at sigmaMin is known from its variance. (With 5 steps the
// bound, which is about whole paths, is too loose to help.)
func TestOptimisedLevelsAreBetterOnTheirData(t *testing.T) {
	const sd, low, high = 0.5, 0.02, 40
	divergence := func(sigmas []float32) float64 {
		v := sd*sd + high*high
		for i := range len(sigmas) - 2 {
			a, b := float64(sigmas[i]), float64(sigmas[i+1])
			r := b * b / (a * a)
			factor := (1-r)*sd*sd/(sd*sd+a*a) + r
			v = factor*factor*v + b*b*(1-r)
		}
		ratio := v / (sd*sd + low*low)
		return (ratio - 1 - math.Log(ratio)) / 2
	}
	for _, n := range []int{10, 20, 40} {
		best, err := Optimised(n, low, high, White(sd))
		if err != nil {
			t.Fatal(err)
		}
		got, other := divergence(best), divergence(karrasRho(t, n, low, high, 7))
		t.Logf("%d steps: divergence is %.3g, along Karras' levels %.3g", n, got, other)
		if !(got < other) {
			t.Errorf("%d steps: divergence is %g, along Karras' levels %g: want less", n, got, other)
		}
	}
}

// whitePosteriorVariance is the posterior variance of pixels drawn from N(0, sd²) at twenty
// levels.
func whitePosteriorVariance(sd float64) *diffusion.PosteriorVariance {
	s, m := &diffusion.PosteriorVariance{}, White(sd)
	for i := range 20 {
		sigma := 0.01 * math.Pow(160/0.01, float64(i)/19)
		v, _ := m(sigma)
		s.Sigmas, s.Variances = append(s.Sigmas, sigma), append(s.Variances, v)
	}
	return s
}

// Measured variances approximate m(σ) at every level. The slope is the derivative and is
// never negative, even where the measurement decreases.
func TestOfPosteriorVariance(t *testing.T) {
	exact, m := White(0.5), OfPosteriorVariance(whitePosteriorVariance(0.5))
	falling := whitePosteriorVariance(0.5)
	falling.Variances[7], falling.Variances[12] = falling.Variances[5], 0
	rough := OfPosteriorVariance(falling)
	for i := range 200 {
		sigma := 0.005 * math.Pow(200/0.005, float64(i)/199)
		got, slope := m(sigma)
		if want, _ := exact(sigma); sigma >= 0.01 && sigma <= 160 && !(math.Abs(got-want) <= 0.05*want+1e-4) {
			t.Errorf("σ = %g: m is %g, want %g", sigma, got, want)
		}
		const h = 1e-5
		above, _ := m(sigma * (1 + h))
		below, _ := m(sigma * (1 - h))
		if want := (above - below) / (2 * h * sigma); !(math.Abs(slope-want) <= 1e-3*want+1e-9) {
			t.Errorf("σ = %g: slope is %g, differences give %g", sigma, slope, want)
		}
		if _, slope := rough(sigma); !(slope >= 0) {
			t.Errorf("σ = %g: m falls", sigma)
		}
	}
	best, err := Optimised(12, 0.02, 40, m)
	if err != nil {
		t.Fatal(err)
	}
	known, err := Optimised(12, 0.02, 40, exact)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := divergenceBound(best, exact), divergenceBound(known, exact); !(got <= 1.02*want) {
		t.Errorf("levels of the measurement have bound %g, those of the exact m %g: need at most 2 %% more", got, want)
	}
	if _, err := Optimised(40, 0.02, 40, rough); err != nil {
		t.Error(err)
	}
}

func TestOptimisedErrors(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
		want      string
	}{
		{0, 1, 2, "steps must be a whole number from 1 to 65536 (got 0)"},
		{5, 2, 1, "sampler: invalid noise schedule: need 0 < sigma_min < sigma_max, both finite (got 2 and 1)"},
		{1001, 1, 2, "steps must be at most 1000 with schedule optimised (got 1001)"},
	} {
		if _, err := Optimised(c.n, c.low, c.high, White(1)); err == nil || err.Error() != c.want || !errors.Is(err, ErrSchedule) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
