package diffusion

import (
	"errors"
	"math"
	"slices"
	"testing"

	"tweedie/core/tensor"
)

// constant returns a denoiser with a constant result, which counts its calls.
func constant(v float32, calls *int) Denoiser {
	return func(x *tensor.Tensor, _ float32) (*tensor.Tensor, error) {
		*calls++
		out := tensor.New(x.Shape...)
		for i := range out.Data {
			out.Data[i] = v
		}
		return out, nil
	}
}

func TestGuided(t *testing.T) {
	for _, c := range []struct {
		name         string
		g            Guidance
		sigma        float32
		want         float32 // with D_c = 0.5 and D_u = 0.25
		cond, uncond int
	}{
		{"plain", Guidance{Scale: 1}, 1, 0.5, 1, 0},
		{"unconditional", Guidance{}, 1, 0.25, 0, 1},
		{"half", Guidance{Scale: 0.5}, 1, 0.375, 1, 1},
		{"strong", Guidance{Scale: 3}, 1, 1, 1, 1},
		{"above the interval", Guidance{Scale: 3, SigmaMin: 0.2, SigmaMax: 0.9}, 1, 0.5, 1, 0},
		{"at its top", Guidance{Scale: 3, SigmaMin: 0.2, SigmaMax: 1}, 1, 1, 1, 1},
		{"at its bottom", Guidance{Scale: 3, SigmaMin: 1, SigmaMax: 2}, 1, 0.5, 1, 0},
		{"no top", Guidance{Scale: 3, SigmaMin: 0.2}, 1e6, 1, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cond, uncond int
			denoise, err := Guided(constant(0.5, &cond), constant(0.25, &uncond), c.g)
			if err != nil {
				t.Fatal(err)
			}
			got, err := denoise(tensor.New(1, 1, 1, 1), c.sigma)
			if err != nil {
				t.Fatal(err)
			}
			if calls := c.g.Passes(c.sigma); calls != c.cond+c.uncond {
				t.Errorf("Passes says %d", calls)
			}
			if got.Data[0] != c.want || cond != c.cond || uncond != c.uncond {
				t.Errorf("got %g with %d and %d calls, want %g with %d and %d", got.Data[0], cond, uncond, c.want, c.cond, c.uncond)
			}
		})
	}
}

// Guidance of two networks with learned variances keeps those of the conditional one.
func TestGuidedKeepsVariances(t *testing.T) {
	learned := func(d, v float32) Denoiser {
		return func(x *tensor.Tensor, _ float32) (*tensor.Tensor, error) {
			return tensor.Of([]float32{d, v, d, v}, 1, 1, 2, 2), nil
		}
	}
	denoise, err := Guided(learned(0.5, 7), learned(0.25, 8), Guidance{Scale: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := denoise(tensor.New(1, 1, 2, 1), 1); err != nil || !slices.Equal(got.Data, []float32{1, 7, 1, 7}) {
		t.Errorf("got %v, %v, want D = 1 and v = 7 of both pixels", got, err)
	}
}

// Where both denoisers agree, guidance of any strength changes nothing.
func TestGuidedOfEqualDenoisersIsExact(t *testing.T) {
	var calls int
	denoise, err := Guided(constant(0.1, &calls), constant(0.1, &calls), Guidance{Scale: 7.3})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := denoise(tensor.New(1, 1, 1, 1), 1); got.Data[0] != 0.1 {
		t.Errorf("got %g, want 0.1 exactly", got.Data[0])
	}
}

func TestGuidedReturnsErrors(t *testing.T) {
	stop := errors.New("stop")
	fails := func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, stop }
	var calls int
	for _, pair := range [][2]Denoiser{{fails, constant(0, &calls)}, {constant(0, &calls), fails}} {
		denoise, err := Guided(pair[0], pair[1], Guidance{Scale: 2})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := denoise(tensor.New(1, 1, 1, 1), 1); err != stop {
			t.Errorf("got %v, want the denoiser's own error", err)
		}
	}
}

func TestGuidanceValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		g    Guidance
		want string
	}{
		{"NaN", Guidance{Scale: math.NaN()}, "guidance must be a number of at least 0 (got NaN)"},
		{"infinite", Guidance{Scale: math.Inf(1)}, "guidance must be a number of at least 0 (got +Inf)"},
		{"negative", Guidance{Scale: -0.5}, "guidance must be a number of at least 0 (got -0.5)"},
		{"NaN interval", Guidance{Scale: 1, SigmaMax: math.NaN()}, "guidance_sigma_max must be a number of at least 0 (got NaN)"},
		{"NaN rescale", Guidance{Scale: 2, Rescale: math.NaN()}, "guidance_rescale must be a number from 0 to 1 (got NaN)"},
		{"rescale", Guidance{Scale: 2, Rescale: 1.1}, "guidance_rescale must be a number from 0 to 1 (got 1.1)"},
		{"no unconditional model", Guidance{Scale: 2}, "diffusion: guidance: scale must be 1 without an unconditional denoiser (got 2)"},
		{"no unconditional model", Guidance{Scale: 0}, "diffusion: guidance: scale must be 1 without an unconditional denoiser (got 0)"},
		{"empty interval", Guidance{Scale: 1, SigmaMin: 2, SigmaMax: 1}, "guidance_sigma_max must be above guidance_sigma_min, 2 (got 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Guided(constant(0, new(int)), nil, c.g); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// countingDenoiser returns the denoiser of a mixture, which counts its calls.
func countingDenoiser(m mixture, calls *int) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		*calls++
		out := tensor.New(x.Shape...)
		for i, v := range x.Data {
			out.Data[i] = float32(m.denoised(float64(v), float64(sigma)))
		}
		return out, nil
	}
}

// guidedScore returns ∇ log of p_c(x)^w·p_u(x)^(1−w), by central differences.
func guidedScore(cond, uncond mixture, x, sigma, w float64) float64 {
	k, h := Kernel{S: 1, Sigma: sigma}, 1e-5*sigma
	log := func(x float64) float64 {
		return w*math.Log(cond.at(k).density(x)) + (1-w)*math.Log(uncond.at(k).density(x))
	}
	return (log(x+h) - log(x-h)) / (2 * h)
}

// In its interval guidance has the score of p_c^w·p_u^(1−w) at every noise level; outside
// it is the conditional model and takes one call. With the exact denoiser of blurred data
// as the worse model it is autoguidance.
func TestGuidedScoreOnMixtures(t *testing.T) {
	blurred := mixture{{-0.6, 0.4, 0.7}, {0.5, 0.5, 0.3}}
	for _, c := range []struct {
		name      string
		more, was mixture
	}{{"a class", mixture{{0.5, 0.25, 1}}, two}, {"autoguidance", two, blurred}} {
		t.Run(c.name, func(t *testing.T) {
			var cond, uncond int
			g := Guidance{Scale: 2.5, SigmaMin: 0.2, SigmaMax: 3}
			denoise, err := Guided(countingDenoiser(c.more, &cond), countingDenoiser(c.was, &uncond), g)
			if err != nil {
				t.Fatal(err)
			}
			for _, sigma := range []float32{0.1, 0.2, 0.3, 1, 3, 3.1, 20} {
				cond, uncond = 0, 0
				x := normals(32, 1).Scaled(sigma)
				got, err := denoise(x, sigma)
				if err != nil {
					t.Fatal(err)
				}
				w, calls := 2.5, 1
				if sigma <= 0.2 || sigma > 3 {
					w, calls = 1, 0
				}
				if cond != 1 || uncond != calls {
					t.Errorf("σ=%g: %d and %d calls, want 1 and %d", sigma, cond, uncond, calls)
				}
				for i, v := range x.Data {
					s := float64(sigma)
					score := (float64(got.Data[i]) - float64(v)) / (s * s)
					want := guidedScore(c.more, c.was, float64(v), s, w)
					// Two denoisers rounded to float32, and differences of order h².
					bound := 8*u32*w*(1+math.Abs(float64(v)))/(s*s) + 1e-6*(1+math.Abs(want))
					if !(math.Abs(score-want) <= bound) {
						t.Errorf("σ=%g: score at %g is %g, want %g ± %.2g", sigma, v, score, want, bound)
					}
				}
			}
		})
	}
}

// Autoguidance of two Gaussians is the denoiser of a third, narrower than both, whose
// precision is w/(v₁+σ²) + (1−w)/(v₀+σ²).
func TestAutoguidanceOfGaussians(t *testing.T) {
	const w, v1, v0 = 2.0, 0.25, 0.36
	var calls int
	denoise, err := Guided(countingDenoiser(mixture{{0, 0.5, 1}}, &calls), countingDenoiser(mixture{{0, 0.6, 1}}, &calls), Guidance{Scale: w})
	if err != nil {
		t.Fatal(err)
	}
	for _, sigma := range []float32{0.05, 0.5, 5} {
		s := float64(sigma) * float64(sigma)
		x := normals(16, 1)
		got, err := denoise(x, sigma)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x.Data {
			precision := w/(v1+s) + (1-w)/(v0+s)
			want := float64(v) * (1 - s*precision)
			if !(math.Abs(float64(got.Data[i])-want) <= 8*w*u32*math.Abs(float64(v))) {
				t.Errorf("σ=%g: D(%g) is %g, want %g", sigma, v, got.Data[i], want)
			}
			if precision < 1/(v1+s) {
				t.Errorf("σ=%g: precision %g is not above the better model's %g", sigma, precision, 1/(v1+s))
			}
		}
	}
}

// With φ = 1 a guided image has the standard deviation of the conditional one; smaller φ
// interpolates, separately for each image.
func TestRescale(t *testing.T) {
	var calls int
	cond, uncond := countingDenoiser(mixture{{0.5, 0.25, 1}}, &calls), countingDenoiser(two, &calls)
	x := tensor.New(3, 8, 8, 1)
	for i := range 3 {
		copy(x.Row(i), normals(64, uint64(i)).Scaled(float32(i+1)).Data)
	}
	with := func(phi float64) *tensor.Tensor {
		denoise, err := Guided(cond, uncond, Guidance{Scale: 4, Rescale: phi})
		if err != nil {
			t.Fatal(err)
		}
		d, err := denoise(x, 0.8)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	plain, half, full := with(0), with(0.5), with(1)
	c, _ := cond(x, 0.8)
	for i := range 3 {
		before, want := standardDeviation(plain.Row(i)), standardDeviation(c.Row(i))
		if math.Abs(before/want-1) < 0.05 {
			t.Errorf("image %d: guidance changes the contrast from %g to %g: too little to test with", i, want, before)
		}
		if got := standardDeviation(full.Row(i)); !(math.Abs(got/want-1) <= 4*u32) {
			t.Errorf("image %d: deviation with φ=1 is %g, want %g", i, got, want)
		}
		if got := standardDeviation(half.Row(i)); !(math.Abs(got/(before/2+want/2)-1) <= 4*u32) {
			t.Errorf("image %d: deviation with φ=½ is %g, want %g", i, got, before/2+want/2)
		}
	}
	flat, err := Guided(constant(0.5, &calls), constant(0.25, &calls), Guidance{Scale: 3, Rescale: 1})
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := flat(tensor.New(1, 1, 2, 1), 1); d.Data[0] != 1 {
		t.Errorf("an even image becomes %g, want 1: there is no contrast to take back", d.Data[0])
	}
}
