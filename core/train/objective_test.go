package train

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/rng"
)

const u32 = 1.0 / (1 << 24) // float32's unit roundoff

func newChain(t *testing.T, kind string, steps int) *diffusion.Chain {
	t.Helper()
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: kind, Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func normals(sample uint64) []float32 {
	x := make([]float32, 32)
	rng.Normal(x, 1, sample, 0)
	return x
}

// The regression of F is the loss of D: Weight·‖F − target‖² = λ·‖D − x₀‖² for any F.
func TestRegressIsTheDenoisingLoss(t *testing.T) {
	chain := newChain(t, diffusion.Cosine, 1000)
	for _, c := range []struct {
		name string
		p    diffusion.Parametrization
		o    Objective
		unit bool // the weight is 1
	}{
		{"epsilon, simple", diffusion.Epsilon{Chain: chain}, LSimple{chain}, true},
		{"edm, edm", diffusion.EDM{SigmaData: 0.6}, EDMLoss{-1, 1.2, 0.6}, true},
		{"epsilon, edm", diffusion.Epsilon{Chain: chain}, EDMLoss{-1, 1.2, 0.6}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			x0, eps := normals(1), normals(2)
			for sample := range uint64(20) {
				sigma := c.o.Sigma(9, sample, 3)
				input, target := make([]float32, 32), make([]float32, 32)
				pair, err := Regress(input, target, x0, eps, sigma, c.p, c.o)
				if err != nil {
					t.Fatal(err)
				}
				if c.unit && !(math.Abs(float64(pair.Weight)-1) <= 4*u32) {
					t.Errorf("σ=%g: weight is %g, want 1", sigma, pair.Weight)
				}
				k, _ := c.p.Coefficients(sigma)
				for i := range input {
					x := float64(x0[i]) + float64(sigma)*float64(eps[i])
					const f = 0.7 // what some network answered
					d := k.CSkip*x + k.COut*f
					want := c.o.Lambda(sigma) * math.Pow(d-float64(x0[i]), 2)
					off := f - float64(target[i])
					got := float64(pair.Weight) * off * off
					// target has 3 roundings of numbers up to the size of its terms.
					size := math.Abs(float64(x0[i])) + math.Abs(float64(eps[i])) + 1
					bound := float64(pair.Weight) * 16 * u32 * size * (math.Abs(off) + size)
					if !(math.Abs(got-want) <= bound) {
						t.Errorf("σ=%g: loss is %g, want %g ± %.2g", sigma, got, want, bound)
					}
					if want := k.CIn * x; !(math.Abs(float64(input[i])-want) <= 8*u32*size) {
						t.Errorf("σ=%g: input is %g, want %g", sigma, input[i], want)
					}
				}
			}
		})
	}
}

func TestTargetOfEpsilonIsTheNoise(t *testing.T) {
	chain := newChain(t, diffusion.Linear, 1000)
	x0, eps := normals(1), normals(2)
	input, target := make([]float32, 32), make([]float32, 32)
	if _, err := Regress(input, target, x0, eps, 0.37, diffusion.Epsilon{Chain: chain}, LSimple{chain}); err != nil {
		t.Fatal(err)
	}
	for i := range target {
		if target[i] != eps[i] {
			t.Errorf("target[%d] is %g, want %g exactly", i, target[i], eps[i])
		}
	}
}

// The bounds are five standard deviations of the estimate.
func TestObjectivesSampleTheirDistribution(t *testing.T) {
	const n = 20000
	t.Run("edm", func(t *testing.T) {
		o := EDMLoss{PMean: -1.2, PStd: 1.2, SigmaData: 0.5}
		var sum, squares float64
		for i := range uint64(n) {
			l := math.Log(float64(o.Sigma(1, i, 0)))
			sum += l
			squares += (l + 1.2) * (l + 1.2)
		}
		if got, bound := sum/n, 5*1.2/math.Sqrt(n); !(math.Abs(got+1.2) <= bound) {
			t.Errorf("mean of ln σ is %g, want -1.2 ± %.2g", got, bound)
		}
		if got, bound := squares/n, 5*1.44*math.Sqrt(2.0/n); !(math.Abs(got-1.44) <= bound) {
			t.Errorf("variance of ln σ is %g, want 1.44 ± %.2g", got, bound)
		}
	})
	t.Run("simple", func(t *testing.T) {
		const T = 10
		o := LSimple{newChain(t, diffusion.Linear, T)}
		var counts [T]float64
		for i := range uint64(n) {
			at, err := o.Chain.Time(o.Sigma(1, i, 0))
			if err != nil {
				t.Fatal(err)
			}
			counts[int(at)]++
		}
		for at, got := range counts {
			if bound := 5 * math.Sqrt(n*0.1*0.9); !(math.Abs(got-n/T) <= bound) {
				t.Errorf("t=%d was drawn %g times, want %d ± %.0f", at, got, n/T, bound)
			}
		}
	})
}

// For every SDE the times are uniform between those of the ends.
func TestContinuousTimesAreUniform(t *testing.T) {
	const n = 20000
	for _, p := range []diffusion.Process{diffusion.VPSDE{BetaMin: 0.1, BetaMax: 20}, diffusion.SubVPSDE{BetaMin: 0.1, BetaMax: 20}, diffusion.VESDE{SigmaMin: 0.02, SigmaMax: 100}} {
		o := Continuous{p, 0.2, 0.9}
		sum, squares := 0.0, 0.0
		for i := range uint64(n) {
			at, err := p.Time(o.Sigma(1, i, 0))
			if err != nil || !(at > 0.2-1e-5 && at < 0.9+1e-5) {
				t.Fatalf("%T: time %g, %v", p, at, err)
			}
			sum, squares = sum+at, squares+at*at
		}
		mean := sum / n
		variance := squares/n - mean*mean
		const want = 0.7 * 0.7 / 12
		if !(math.Abs(mean-0.55) <= 5*math.Sqrt(want/n) && math.Abs(variance-want) <= 5*want*math.Sqrt(0.8/n)) {
			t.Errorf("%T: times have mean %g and variance %g, want 0.55 and %g", p, mean, variance, want)
		}
	}
}

func TestEDMLossValidate(t *testing.T) {
	nan := math.NaN()
	for _, o := range []EDMLoss{{nan, 1, 1}, {math.Inf(1), 1, 1}, {0, 0, 1}, {0, nan, 1}, {0, 1, 0}, {0, 1, nan}} {
		if o.Validate() == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
	if err := (EDMLoss{-1.2, 1.2, 0.5}).Validate(); err != nil {
		t.Error(err)
	}
}
