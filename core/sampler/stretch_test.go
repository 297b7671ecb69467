package sampler

import (
	"math"
	"slices"
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/tensor"
)

// remembers are the methods that use values of earlier steps, which a new stretch does not have.
var remembers = map[string]bool{
	"dpmpp2m": true, "unipc": true, "dpmpp-multistep": true, "dpm-multistep": true, "deis": true, "lms": true, "ipndm": true, "pndm": true,
	"sde-dpmpp": true, "sde-dpm": true, "unipc-noise": true, "res-multistep": true, "gradient-estimation": true, "dpm-fast": true,
	"dpmpp3m-sde": true, "sa-solver": true, "er-sde": true,
	"annealed-langevin": true,                                             // begins with steps at the stretch's own highest level
	"rk45":              true, "adaptive-sde": true, "dpm-adaptive": true, // choose their first step anew
}

// A method that remembers nothing goes on in a stretch of the schedule as it does in the whole:
// its settings mean the same there.
func TestStretchIsPartOfTheWhole(t *testing.T) {
	const at = 4
	denoise := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		return x.Scaled(1 / (1 + sigma*sigma)), nil // of N(0,1)
	}
	for _, m := range Methods {
		if remembers[m.Name] {
			continue
		}
		s := Settings{Method: m.Name, Steps: 10}
		if m.Eta {
			s.Eta = 0.5
		}
		if slices.Contains(m.Takes, "s_churn") {
			s.Churn = Churn{S: 1, Noise: 1.1}
		}
		sigmas, err := s.Sigmas(0.02, 20, nil)
		if err != nil {
			t.Fatal(err)
		}
		noise := NewNoise(3, 0, 2, 2, 2, 1)
		var middle *tensor.Tensor
		whole, err := Run(s, denoise, Start(noise, sigmas), sigmas, noise, func(step int, x *tensor.Tensor, _ float32) error {
			if step == at-1 {
				middle = x.Clone()
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		rest, err := RunStretch(s, sigmas, denoise, middle, sigmas[at:], noise.After(at), nil)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		floattest.SameBits(t, m.Name, rest.Data, whole.Data)
	}
}

// The step size ε of annealed Langevin is that at the lowest level of the whole schedule: where
// the score is zero, a stretch of one level adds noise of variance ε·σ²/σ_L² in each of its
// Langevin steps.
func TestStretchOfAnnealedLangevin(t *testing.T) {
	const epsilon, steps, n = 1e-4, 3, 20000
	flat := func(x *tensor.Tensor, _ float32) (*tensor.Tensor, error) { return x.Scaled(1), nil }
	whole := []float32{10, 1, 0.1, 0}
	noise := NewNoise(3, 0, n, 1, 1, 1)
	s := Settings{Method: "annealed-langevin", Steps: 3, Options: Options{CorrectorSteps: steps, Epsilon: epsilon}}
	x, err := RunStretch(s, whole, flat, tensor.New(n, 1, 1, 1), whole[:2], noise, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, v := range x.Data {
		sum += float64(v) * float64(v)
	}
	want := steps * epsilon * (10*10 + 1) / (0.1 * 0.1)
	if got := sum / n; !(math.Abs(got/want-1) < 5*math.Sqrt(2./n)) {
		t.Errorf("the variance is %g, want %g", got, want)
	}
}

// In few steps the default order is the one that is closer to the solution of the ODE there.
func TestDefaultOrder(t *testing.T) {
	for _, c := range []struct {
		name         string
		steps, order int
	}{{"unipc", 8, 2}, {"sa-solver", 12, 2}, {"sa-solver", 18, 3}, {"unipc", 17, 2}, {"unipc", 18, 3}, {"dpmpp-multistep", 14, 2}, {"dpmpp-multistep", 15, 3}, {"ipndm", 12, 3}, {"ipndm", 13, 4}, {"deis", 5, 3}, {"lms", 5, 4}} {
		m, err := Lookup(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.order(Options{}, c.steps); got != c.order {
			t.Errorf("%s in %d steps: the default order is %d, want %d", c.name, c.steps, got, c.order)
		}
		if got := m.order(Options{Order: 1}, c.steps); got != 1 {
			t.Errorf("%s: order 1 became %d", c.name, got)
		}
	}
}
