package likelihood

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tweedie/core/rng"
	"tweedie/core/tensor"
)

func normals(sd float32, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	for i := range shape[0] {
		rng.Normal(x.Row(i), 3, uint64(i), 0)
	}
	return x.Scaled(sd)
}

func densities(t *testing.T, p Product, x *tensor.Tensor, s Settings) []Density {
	t.Helper()
	d, err := LogDensity(p, x, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The density of a Gaussian, in closed form: the error falls with the fourth power of the
// step size, down to float32's rounding.
func TestGaussianDensity(t *testing.T) {
	const sd = 0.5
	one := mixture{{0, sd, 1}}
	x := normals(sd, 4, 2, 2, 1)
	s := Settings{SigmaMin: 0.01, SigmaMax: 50, PriorSD: math.Hypot(sd, 50), Probe: Exact}
	errorAt := func(steps int) (worst float64) {
		s.Steps = steps
		for i, d := range densities(t, one.product, x, s) {
			want := 0.0
			for _, v := range x.Row(i) {
				want += one.logDensity(float64(v), 0.01)
			}
			worst = math.Max(worst, math.Abs(d.Log-want))
			if d.Error != 0 {
				t.Errorf("standard error is %g, want 0", d.Error)
			}
		}
		return worst
	}
	coarse, fine := errorAt(12), errorAt(24)
	if order := math.Log2(coarse / fine); !(order >= 3.5 && order <= 4.6) {
		t.Errorf("order is %.2f (errors %.3g and %.3g), want 4", order, coarse, fine)
	}
	// x is rounded some 4·64 times, and so is D; allow a small multiple of that.
	if got := errorAt(64); !(got <= 1e-4) {
		t.Errorf("error is %.3g with 64 steps, want 1e-4", got)
	}
}

// The density of a mixture, in closed form, with exact derivatives and with Differences.
// The Rademacher estimate is exact here because pixels are independent.
func TestMixtureDensity(t *testing.T) {
	x := tensor.New(5, 2, 3, 1)
	for i := range x.Data {
		x.Data[i] = float32(i)/15 - 1
	}
	const low, high = 0.02, 5000
	for _, c := range []struct {
		name    string
		product Product
		probe   Probe
		bound   float64 // a pixel
	}{
		{"exact", two.product, Exact, 2e-4},
		{"rademacher", two.product, Rademacher, 2e-4},
		{"differences", Differences(two.denoise), Rademacher, 2e-3},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := densities(t, c.product, x, Settings{SigmaMin: low, SigmaMax: high, Steps: 130, Probe: c.probe})
			for i, d := range got {
				want := 0.0
				for _, v := range x.Row(i) {
					want += two.logDensity(float64(v), low)
				}
				// The prior neglects the mean of the data: some |mean|/σ_max per pixel.
				if bound := 6 * (c.bound + 1./high); !(math.Abs(d.Log-want) <= bound) {
					t.Errorf("image %d: ln p is %g, want %g ± %.2g", i, d.Log, want, bound)
				}
			}
		})
	}
}

// With correlated pixels every probe has an error, their mean is unbiased, and the
// reported standard error is correct.
func TestHutchinsonIsUnbiased(t *testing.T) {
	const low, high, probes = 0.05, 100, 400
	x := normals(0.5, 3, 1, 3, 1)
	prior := 100. // of three deviations, all small beside it
	for _, probe := range []Probe{Rademacher, Gaussian} {
		s := Settings{SigmaMin: low, SigmaMax: high, Steps: 80, Probe: probe, Probes: probes, PriorSD: prior, Seed: 5}
		for i, d := range densities(t, turned.product, x, s) {
			want := turned.logDensity(x.Row(i), low)
			if !(d.Error > 0.005 && d.Error < 0.5) {
				t.Errorf("%s, image %d: standard error %g, expected about a tenth", probe, i, d.Error)
			}
			if bound := 4*d.Error + 2e-3; !(math.Abs(d.Log-want) <= bound) {
				t.Errorf("%s, image %d: ln p is %g, want %g ± %.2g", probe, i, d.Log, want, bound)
			}
		}
	}
	s := Settings{SigmaMin: low, SigmaMax: high, Steps: 80, PriorSD: prior, Probe: Exact}
	for i, d := range densities(t, turned.product, x, s) {
		if want := turned.logDensity(x.Row(i), low); !(math.Abs(d.Log-want) <= 2e-3) {
			t.Errorf("exact, image %d: ln p is %g, want %g", i, d.Log, want)
		}
	}
}

// The result for an image does not depend on its batch.
func TestDensityDoesNotDependOnItsBatch(t *testing.T) {
	x := normals(0.5, 3, 1, 3, 1)
	for _, probe := range []Probe{Rademacher, Gaussian, Exact} {
		s := Settings{SigmaMin: 0.05, SigmaMax: 50, Steps: 5, Probe: probe, Probes: 2, Seed: 5}
		all := densities(t, turned.product, x, s)
		s.First = 2
		alone := densities(t, turned.product, tensor.Of(x.Row(2), 1, 1, 3, 1), s)
		if !reflect.DeepEqual(alone[0], all[2]) {
			t.Errorf("%s: alone %+v, in a batch %+v", probe, alone[0], all[2])
		}
	}
}

// A run divided into parts with Skip gives the same estimates.
func TestDensitySkip(t *testing.T) {
	x := normals(0.5, 2, 1, 3, 1)
	s := Settings{SigmaMin: 0.05, SigmaMax: 50, Steps: 5, Probe: Gaussian, Probes: 5, Seed: 5}
	whole := densities(t, turned.product, x, s)
	s.Probes = 2
	first := densities(t, turned.product, x, s)
	s.Probes, s.Skip = 3, 2
	rest := densities(t, turned.product, x, s)
	for i, d := range whole {
		parts := append(first[i].Estimates, rest[i].Estimates...)
		if !slices.Equal(parts, d.Estimates) {
			t.Errorf("image %d: in parts %v, whole %v", i, parts, d.Estimates)
		}
		if mean, err := Mean(parts); mean != d.Log || err != d.Error {
			t.Errorf("image %d: mean %g ± %g of %+v", i, mean, err, d)
		}
	}
}

func TestOneProbeHasNoError(t *testing.T) {
	d := densities(t, turned.product, normals(1, 1, 1, 3, 1), Settings{SigmaMin: 0.1, SigmaMax: 10, Steps: 4})
	if !math.IsNaN(d[0].Error) || math.IsNaN(d[0].Log) {
		t.Errorf("got %+v, want a density, and NaN for its error", d[0])
	}
}

func TestLogDensityReturnsErrors(t *testing.T) {
	calls := 0
	fails := func(x, e *tensor.Tensor, sigma float32) (*tensor.Tensor, *tensor.Tensor, error) {
		if calls++; calls == 6 {
			return nil, nil, context.Canceled
		}
		return two.product(x, e, sigma)
	}
	_, err := LogDensity(fails, normals(1, 1, 1, 3, 1), Settings{SigmaMin: 0.1, SigmaMax: 10, Steps: 4})
	if err != context.Canceled || calls != 6 {
		t.Errorf("got %v after %d calls, want the denoiser's own error after 6", err, calls)
	}
	calls = 10
	if _, err := LogDensity(fails, normals(1, 1, 1, 3, 1), Settings{SigmaMin: 0.1, SigmaMax: 10, Steps: 4, Probes: 3}); err != nil || calls != 10+4*4*3 {
		t.Errorf("got %v and %d calls, want %d", err, calls-10, 4*4*3)
	}
}

func TestSettingsValidate(t *testing.T) {
	nan := math.NaN()
	good := Settings{SigmaMin: 0.1, SigmaMax: 10, Steps: 4}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		change func(*Settings)
		want   string
	}{
		{func(s *Settings) { s.SigmaMin = 0 }, "got 0 and 10"},
		{func(s *Settings) { s.SigmaMax = nan }, "got 0.1 and NaN"},
		{func(s *Settings) { s.SigmaMax = 0.05 }, "got 0.1 and 0.05"},
		{func(s *Settings) { s.Steps = 0 }, "steps must be between 1 and 65536 (got 0)"},
		{func(s *Settings) { s.Probes = -1 }, "probes must be between 0 and 65536 (got -1)"},
		{func(s *Settings) { s.Skip = -1 }, "skip must be between 0 and 65536 (got -1)"},
		{func(s *Settings) { s.PriorSD = nan }, "prior_sd must be a finite number of at least 0 (got NaN)"},
		{func(s *Settings) { s.Probe = "sobol" }, `probe must be "rademacher", "gaussian" or "exact" (got "sobol")`},
	} {
		s := good
		c.change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
