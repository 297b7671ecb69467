package sampler

import (
	"errors"
	"math"
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/tensor"
)

// density is the Density of p; a row is one pair.
func (p mixture2D) density(x *tensor.Tensor) (log []float64, gradient *tensor.Tensor, err error) {
	log, gradient = make([]float64, x.Shape[0]), tensor.New(x.Shape...)
	for i := range log {
		a, b := float64(x.Row(i)[0]), float64(x.Row(i)[1])
		var sum, da, db float64
		for _, q := range p {
			v := q.sd * q.sd
			w := q.weight / v * math.Exp(-((a-q.x)*(a-q.x)+(b-q.y)*(b-q.y))/(2*v))
			sum, da, db = sum+w, da+w*(q.x-a)/v, db+w*(q.y-b)/v
		}
		log[i] = math.Log(sum)
		gradient.Row(i)[0], gradient.Row(i)[1] = float32(da/sum), float32(db/sum)
	}
	return log, gradient, nil
}

// overlapping has components so close that chains move between them.
var overlapping = mixture2D{{-0.3, 0.2, 0.25, 0.6}, {0.4, -0.1, 0.35, 0.4}}

// With steps so large that the unadjusted Langevin algorithm is visibly biased, MALA and
// HMC sample the density, from starting points far away.
func TestMetropolisSamplesTheDensity(t *testing.T) {
	const n, steps, step = 2000, 200, 0.04
	noise := NewNoise(6, 0, n, 1, 2, 1)
	start := noise(StreamStart).Scaled(2)
	before := start.Clone()
	for _, c := range []struct {
		name string
		draw func() (*tensor.Tensor, float64, error)
	}{
		{"mala", func() (*tensor.Tensor, float64, error) { return MALA(overlapping.density, start, step, steps, noise) }},
		{"hmc", func() (*tensor.Tensor, float64, error) { return HMC(overlapping.density, start, 0.2, 2, 100, noise) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, taken, err := c.draw()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%.0f %% of the steps taken", 100*taken)
			if !(taken > 0.4 && taken < 0.99) {
				t.Errorf("%g of the steps are taken, want some but not all refused", taken)
			}
			checkSliced(t, x, overlapping, 0, 0)
			floattest.SameBits(t, "argument", start.Data, before.Data)
		})
	}
}

// A proposal with acceptance ratio p is accepted with probability min(p, 1).
func TestMetropolisAcceptanceRate(t *testing.T) {
	noise := NewNoise(6, 0, numSamples, 1, 1, 1)
	level := func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) { return make([]float64, numSamples), x, nil }
	for _, p := range []float64{0, 0.05, 0.3, 0.5, 0.9, 1, 7} {
		_, taken, err := metropolis(level, noise(StreamStart), 1, noise, func(from state, _ *tensor.Tensor) (state, []float64, error) {
			odds := make([]float64, numSamples)
			for i := range odds {
				odds[i] = math.Log(p)
			}
			return from, odds, nil
		})
		want := min(p, 1)
		if bound := 5 * math.Sqrt(want*(1-want)/numSamples); err != nil || !(math.Abs(taken-want) <= bound) {
			t.Errorf("odds of %g: %g are taken, %v, want %g ± %.2g", p, taken, err, want, bound)
		}
	}
}

// For N(0,1) a Langevin step is linear, and its stationary variance is known:
// 1/(1 − step/2).
func TestLangevinStationaryVariance(t *testing.T) {
	const n, step = 10000, 0.4
	normal := func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) {
		return make([]float64, n), x.Scaled(-1), nil
	}
	noise := NewNoise(6, 0, n, 1, 1, 1)
	x, err := Langevin(normal, noise(StreamStart), step, 60, noise)
	if err != nil {
		t.Fatal(err)
	}
	checkVariance(t, "stationary distribution", x.Data, 1/(1-step/2))
}

// A leapfrog step of size s is a MALA step of s²/2: the proposals and acceptance ratios are
// the same.
func TestHMCWithOneLeapfrogStepIsMALA(t *testing.T) {
	const n, s = 50, 0.3
	noise := NewNoise(6, 0, n, 1, 2, 1)
	start := noise(StreamStart)
	one, a, err := HMC(overlapping.density, start, s, 1, 40, noise)
	if err != nil {
		t.Fatal(err)
	}
	other, b, err := MALA(overlapping.density, start, s*s/2, 40, noise)
	if err != nil || a != b {
		t.Fatalf("%v: %g and %g of the steps taken", err, a, b)
	}
	for i, v := range one.Data {
		if !(math.Abs(float64(v)-float64(other.Data[i])) <= 1e-4) {
			t.Errorf("number %d is %g, want %g", i, v, other.Data[i])
		}
	}
}

// A learned score has no log values: Langevin draws the same samples without them, and the
// samplers that accept or reject by them refuse it.
func TestDensityWithoutLogValues(t *testing.T) {
	scoreOnly := func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) {
		_, gradient, err := overlapping.density(x)
		return nil, gradient, err
	}
	noise := NewNoise(6, 0, 3, 1, 2, 1)
	x := noise(StreamStart)
	want, err := Langevin(overlapping.density, x, 0.1, 5, noise)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Langevin(scoreOnly, x, 0.1, 5, noise)
	if err != nil {
		t.Fatal(err)
	}
	floattest.SameBits(t, "samples", got.Data, want.Data)
	_, _, mala := MALA(scoreOnly, x, 0.1, 5, noise)
	_, _, hmc := HMC(scoreOnly, x, 0.1, 2, 5, noise)
	if mala == nil || hmc == nil {
		t.Errorf("MALA and HMC without log values: got %v and %v, want errors", mala, hmc)
	}
}

func TestDensityErrorIsReturnedUnchanged(t *testing.T) {
	stop := errors.New("stop")
	fails := func(*tensor.Tensor) ([]float64, *tensor.Tensor, error) { return nil, nil, stop }
	x := tensor.New(2, 1, 2, 1)
	noise := NewNoise(6, 0, 2, 1, 2, 1)
	_, a := Langevin(fails, x, 1, 1, noise)
	_, _, b := MALA(fails, x, 1, 1, noise)
	_, _, c := HMC(fails, x, 1, 1, 1, noise)
	if a != stop || b != stop || c != stop {
		t.Errorf("got %v, %v, %v, want the density's own error", a, b, c)
	}
}
