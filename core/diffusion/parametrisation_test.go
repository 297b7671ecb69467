package diffusion

import (
	"errors"
	"math"
	"testing"

	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// posterior is E[x₀|x] of pixels drawn from N(0, sd²).
func posterior(x, sigma, sd float64) float64 { return x * sd * sd / (sigma*sigma + sd*sd) }

func normals(n int, sample uint64) *tensor.Tensor {
	x := tensor.New(1, 1, n, 1)
	rng.Normal(x.Data, 5, sample, 0)
	return x
}

// A network that predicts E[ε|z_t] of Gaussian data in the chain's own
// coordinates becomes the exact denoiser.
func TestEpsilonOfTheExactNetwork(t *testing.T) {
	const sd = 0.5
	c := mustChain(t, Schedule{Kind: Linear})
	net := func(z *tensor.Tensor, at float32) (*tensor.Tensor, error) {
		a := 1 / (1 + math.Pow(c.Sigma(float64(at)), 2))
		return z.Scaled(float32(math.Sqrt(1-a) / (a*sd*sd + 1 - a))), nil // Cov(ε,z)/Var(z)·z
	}
	denoise := Denoise(net, Epsilon{c})
	for _, sigma := range []float32{0.011, 0.3, 1, 20.5, 157} {
		x := normals(64, 1).Scaled(sigma)
		before := x.Clone()
		got, err := denoise(x, sigma)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x.Data {
			if v != before.Data[i] {
				t.Fatal("the argument was written")
			}
			want := posterior(float64(v), float64(sigma), sd)
			// D is the difference of two numbers of the size of x; t, as float32,
			// moves σ(t) by up to 1e-5 of itself.
			if bound := (8*u32 + 1e-5) * math.Abs(float64(v)); !(math.Abs(float64(got.Data[i])-want) <= bound) {
				t.Errorf("σ=%g: D(%g) is %g, want %g ± %.2g", sigma, v, got.Data[i], want, bound)
			}
		}
	}
}

func TestEpsilonRefusesNoiseOutsideItsChain(t *testing.T) {
	denoise := Denoise(nil, Epsilon{mustChain(t, Schedule{Kind: Linear})})
	if _, err := denoise(normals(1, 1), 1000); err == nil {
		t.Error("got no error for σ = 1000, want one: the chain ends at 157")
	}
}

// Appendix B.6 of Karras et al. 2022: the network's input and target have unit
// variance, and c_skip minimises c_out.
func TestEDMScales(t *testing.T) {
	p := EDM{SigmaData: 0.6}
	for _, sigma := range []float32{0.002, 0.1, 0.6, 3, 80} {
		c, err := p.Coefficients(sigma)
		if err != nil {
			t.Fatal(err)
		}
		s, d := float64(sigma), 0.6
		input := c.CIn * c.CIn * (s*s + d*d)
		target := (math.Pow((1-c.CSkip)*d, 2) + math.Pow(c.CSkip*s, 2)) / (c.COut * c.COut)
		const bound = 16 * 0x1p-53
		if !(math.Abs(input-1) <= bound) || !(math.Abs(target-1) <= bound) {
			t.Errorf("σ=%g: variance of input %g and target %g, want 1", sigma, input, target)
		}
		if want := math.Log(s) / 4; !(math.Abs(c.CNoise-want) <= 4*0x1p-53*math.Abs(want)) {
			t.Errorf("σ=%g: c_noise is %g, want %g", sigma, c.CNoise, want)
		}
	}
	for _, sigma := range []float32{0, -1, float32(math.NaN()), float32(math.Inf(1))} {
		if _, err := p.Coefficients(sigma); err == nil {
			t.Errorf("got no error for σ = %g", sigma)
		}
	}
	for _, d := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if (EDM{d}).Validate() == nil {
			t.Errorf("got no error for sigma_data %g", d)
		}
	}
}

func TestDenoisePassesTheNetworksError(t *testing.T) {
	stop := errors.New("stop")
	denoise := Denoise(func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, stop }, EDM{0.5})
	if _, err := denoise(normals(1, 1), 1); err != stop {
		t.Errorf("got %v, want the network's own error", err)
	}
}

// The regression of F is the loss of D: Weight·‖F − target‖² = λ·‖D − x₀‖² for any F.
func TestRegressIsTheDenoisingLoss(t *testing.T) {
	chain := mustChain(t, Schedule{Kind: Cosine})
	for _, c := range []struct {
		name string
		p    Parametrisation
		o    Objective
		unit bool // the weight is 1
	}{
		{"epsilon, simple", Epsilon{chain}, LSimple{chain}, true},
		{"edm, edm", EDM{0.6}, EDMLoss{-1, 1.2, 0.6}, true},
		{"epsilon, edm", Epsilon{chain}, EDMLoss{-1, 1.2, 0.6}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			x0, eps := normals(32, 1), normals(32, 2)
			for sample := range uint64(20) {
				sigma := c.o.Sigma(9, sample, 3)
				input, target := make([]float32, 32), make([]float32, 32)
				pair, err := Regress(input, target, x0.Data, eps.Data, sigma, c.p, c.o)
				if err != nil {
					t.Fatal(err)
				}
				if c.unit && !(math.Abs(float64(pair.Weight)-1) <= 4*u32) {
					t.Errorf("σ=%g: weight is %g, want 1", sigma, pair.Weight)
				}
				k, _ := c.p.Coefficients(sigma)
				for i := range input {
					x := float64(x0.Data[i]) + float64(sigma)*float64(eps.Data[i])
					const f = 0.7 // what some network answered
					d := k.CSkip*x + k.COut*f
					want := c.o.Lambda(sigma) * math.Pow(d-float64(x0.Data[i]), 2)
					off := f - float64(target[i])
					got := float64(pair.Weight) * off * off
					// target is off by 3 roundings of numbers up to its terms' size.
					size := math.Abs(float64(x0.Data[i])) + math.Abs(float64(eps.Data[i])) + 1
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
	chain := mustChain(t, Schedule{Kind: Linear})
	x0, eps := normals(32, 1), normals(32, 2)
	input, target := make([]float32, 32), make([]float32, 32)
	if _, err := Regress(input, target, x0.Data, eps.Data, 0.37, Epsilon{chain}, LSimple{chain}); err != nil {
		t.Fatal(err)
	}
	for i := range target {
		if target[i] != eps.Data[i] {
			t.Errorf("target[%d] is %g, want %g exactly", i, target[i], eps.Data[i])
		}
	}
}

// Bounds are five standard deviations of the estimate.
func TestObjectivesDrawTheirDistribution(t *testing.T) {
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
		o := LSimple{mustChain(t, Schedule{Kind: Linear, Steps: T})}
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
