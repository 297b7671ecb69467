package diffusion

import (
	"math"
	"testing"

	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// For Gaussian data E‖x₀ − D‖² is known: sd²σ²/(sd²+σ²). The bound is five standard
// deviations of the mean of n squares of normal numbers with that variance.
func TestMeasurePosteriorVariance(t *testing.T) {
	const n, sd = 20000, 0.6
	x0 := tensor.New(1, n, 1, 1)
	rng.Normal(x0.Data, 1, 0, 0)
	x0 = x0.Scaled(sd)
	denoise := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		v := float64(sigma) * float64(sigma)
		return x.Scaled(float32(sd * sd / (sd*sd + v))), nil
	}
	s, err := MeasurePosteriorVariance(denoise, x0, []float32{0.05, 0.3, 2, 30}, func(level int) *tensor.Tensor {
		eps := tensor.New(1, n, 1, 1)
		rng.Normal(eps.Data, 2, uint64(level), 0)
		return eps
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, sigma := range []float32{0.05, 0.3, 2, 30} {
		v := float64(sigma) * float64(sigma)
		want := sd * sd * v / (sd*sd + v)
		if bound := 5 * want * math.Sqrt(2./n); !(math.Abs(s.At(sigma)-want) <= bound) {
			t.Errorf("σ = %g: got %g, want %g ± %.2g", sigma, s.At(sigma), want, bound)
		}
	}
}

func TestPosteriorVarianceBetweenLevels(t *testing.T) {
	s := &PosteriorVariance{Sigmas: []float64{0.1, 1, 100}, Variances: []float64{0.01, 0.2, 0.4}}
	for sigma, want := range map[float32]float64{0.01: 0.01, 0.1: 0.01, 1: 0.2, 10: 0.3, 100: 0.4, 1000: 0.4} {
		if got := s.At(sigma); !(math.Abs(got-want) <= 1e-7) {
			t.Errorf("at %g: got %g, want %g", sigma, got, want)
		}
	}
	if got := (&PosteriorVariance{Sigmas: []float64{1}, Variances: []float64{0.5}}).At(3); got != 0.5 {
		t.Errorf("one level: got %g, want 0.5", got)
	}
	nan := math.NaN()
	for _, s := range []PosteriorVariance{{}, {Sigmas: []float64{1}}, {[]float64{1, 1}, []float64{1, 1}}, {[]float64{0}, []float64{1}}, {[]float64{1}, []float64{-1}}, {[]float64{nan}, []float64{1}}, {[]float64{1}, []float64{nan}}} {
		if s.Validate() == nil {
			t.Errorf("%+v: got no error", s)
		}
	}
}

// At σ_min a consistency function is the identity, whatever the network predicts.
func TestConsistencyIsTheIdentityAtSigmaMin(t *testing.T) {
	p := Consistency{SigmaData: 0.5, SigmaMin: 0.002}
	c, err := p.Coefficients(0.002)
	if err != nil || c.CSkip != 1 || !(c.COut <= 1e-9) {
		t.Errorf("got %+v, %v, want c_skip 1 and c_out 0", c, err)
	}
	// Song et al. 2023, appendix C, at one level.
	c, err = p.Coefficients(1)
	skip, out := 0.25/(0.998*0.998+0.25), 0.5*0.998/math.Sqrt(1.25)
	if err != nil || !(math.Abs(c.CSkip-skip) <= 1e-12 && math.Abs(c.COut-out) <= 1e-12) {
		t.Errorf("got %+v, %v, want c_skip %g and c_out %g", c, err, skip, out)
	}
}
