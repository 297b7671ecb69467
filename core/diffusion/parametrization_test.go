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

// A network that predicts E[ε|z_t] of Gaussian data in the coordinates of the chain
// becomes the exact denoiser.
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

func TestEpsilonRejectsLevelsOutsideItsChain(t *testing.T) {
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

// The exact denoisers of pixels u in [0,1] and 2u−1 in [−1,1] agree.
func TestFromRange(t *testing.T) {
	unit := mixture{{0.2, 0.075, 0.7}, {0.75, 0.125, 0.3}}
	denoise := FromRange(unit.denoiser(), 0, 1)
	for _, sigma := range []float32{0.02, 0.4, 2, 40} {
		x := normals(32, 1).Scaled(1 + sigma)
		got := mustDenoise(t, denoise, x, sigma)
		for i, v := range x.Data {
			want := two.denoised(float64(v), float64(sigma))
			// Roundings of (x+1)/2, of D and of 2·D − 1.
			if bound := 8 * u32 * (1 + math.Abs(float64(v))); !(math.Abs(float64(got.Data[i])-want) <= bound) {
				t.Errorf("σ=%g: D(%g) is %g, want %g ± %.2g", sigma, v, got.Data[i], want, bound)
			}
		}
	}
}

func TestDenoiseReturnsTheNetworkError(t *testing.T) {
	stop := errors.New("stop")
	denoise := Denoise(func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, stop }, EDM{0.5})
	if _, err := denoise(normals(1, 1), 1); err != stop {
		t.Errorf("got %v, want the network's own error", err)
	}
}
