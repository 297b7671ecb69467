package diffusion

import (
	"errors"
	"math"
	"testing"

	"tweedie/core/tensor"
)

// classes are two classes of pixels, and whole is their mixture.
var (
	classes = []mixture{{{-0.6, 0.15, 0.28}, {0.1, 0.2, 0.12}}, {{0.5, 0.25, 0.36}, {-0.2, 0.1, 0.24}}}
	whole   = append(append(mixture{}, classes[0]...), classes[1]...)
)

// denoiser returns the exact denoiser of independent pixels.
func (m mixture) denoiser() Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		out := tensor.New(x.Shape...)
		for i, v := range x.Data {
			out.Data[i] = float32(m.denoised(float64(v), float64(sigma)))
		}
		return out, nil
	}
}

// score returns ∇ log p(x;σ), from the derivative of the density.
func (m mixture) score(x, sigma float64) float64 {
	var sum, total float64
	for _, p := range m {
		v := p.sd*p.sd + sigma*sigma
		off := x - p.mean
		w := p.weight / math.Sqrt(v) * math.Exp(-off*off/(2*v))
		sum, total = sum-w*off/v, total+w
	}
	return sum / total
}

// bayesGradient returns ∇ log p(class|x;σ) by Bayes' rule, pixel by pixel.
func bayesGradient(class mixture) ClassifierGradient {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		out := tensor.New(x.Shape...)
		for i, v := range x.Data {
			out.Data[i] = float32(class.score(float64(v), float64(sigma)) - whole.score(float64(v), float64(sigma)))
		}
		return out, nil
	}
}

func mustGuide(t *testing.T, denoise Denoiser, slope ClassifierGradient, g Guidance) Denoiser {
	t.Helper()
	out, err := ClassifierGuided(denoise, slope, g)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// With the exact classifier at weight 1 the unconditional denoiser becomes the conditional
// one. Weight w combined with classifier-free guidance of weight v equals classifier-free
// guidance of weight v + w: D_c − D_u = σ²·∇ log p(y|x;σ).
func TestExactClassifier(t *testing.T) {
	for _, sigma := range []float32{0.05, 0.3, 1, 10} {
		x := normals(200, 1).Scaled(1 + sigma)
		for k, class := range classes {
			for _, c := range []struct{ free, weight float64 }{{0, 1}, {0, 2.5}, {0.4, 0.6}, {1, 1}, {3, 0.5}} {
				free, err := Guided(class.denoiser(), whole.denoiser(), Guidance{Scale: c.free})
				if err != nil {
					t.Fatal(err)
				}
				got := mustDenoise(t, mustGuide(t, free, bayesGradient(class), Guidance{Scale: c.free, Classifier: c.weight}), x, sigma)
				for i, v := range x.Data {
					u, d := whole.denoised(float64(v), float64(sigma)), class.denoised(float64(v), float64(sigma))
					want := u + (c.free+c.weight)*(d-u)
					s := float64(sigma) * float64(sigma) * c.weight * (class.score(float64(v), float64(sigma)) - whole.score(float64(v), float64(sigma)))
					// Four roundings of numbers of these sizes.
					bound := 4 * 0x1p-24 * (math.Abs(u) + math.Abs(d) + math.Abs(s) + (1+c.free)*math.Abs(d-u))
					if diff := math.Abs(float64(got.Data[i]) - want); !(diff <= bound) {
						t.Fatalf("σ = %g, class %d, weights %v: D(%g) is %g, want %g: off by %.3g, bound %.3g", sigma, k, c, v, got.Data[i], want, diff, bound)
					}
				}
			}
		}
	}
}

// The classifier is evaluated only in the interval, and not at weight 0.
func TestClassifierInterval(t *testing.T) {
	calls := 0
	slope := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		calls++
		return bayesGradient(classes[0])(x, sigma)
	}
	x := normals(9, 2)
	for _, c := range []struct {
		g     Guidance
		sigma float32
		acts  bool
	}{
		{Guidance{Scale: 1}, 1, false},
		{Guidance{Scale: 1, Classifier: 2}, 1, true},
		{Guidance{Scale: 1, Classifier: 2, SigmaMin: 1}, 1, false},
		{Guidance{Scale: 1, Classifier: 2, SigmaMax: 1}, 1, true},
		{Guidance{Scale: 1, Classifier: 2, SigmaMax: 0.9}, 1, false},
	} {
		calls = 0
		got := mustDenoise(t, mustGuide(t, whole.denoiser(), slope, c.g), x, c.sigma)
		same := got.Data[0] == mustDenoise(t, whole.denoiser(), x, c.sigma).Data[0]
		if (calls == 1) != c.acts || same == c.acts {
			t.Errorf("%+v at σ = %g: %d calls, unguided %v", c.g, c.sigma, calls, same)
		}
	}
}

// With rescale 1 an image keeps its standard deviation; channels of learned variances are
// unchanged; thresholds applied to the result hold.
func TestClassifierRescaled(t *testing.T) {
	x := normals(64, 3)
	learned := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d := mustDenoise(t, whole.denoiser(), x, sigma)
		out := tensor.New(1, 1, 64, 2)
		for i, v := range d.Data {
			out.Data[2*i], out.Data[2*i+1] = v, float32(i)
		}
		return out, nil
	}
	guided := mustGuide(t, learned, bayesGradient(classes[1]), Guidance{Scale: 1, Classifier: 30, Rescale: 1})
	before, after := mustDenoise(t, learned, x, 0.5), mustDenoise(t, guided, x, 0.5)
	b, _ := SplitChannels(before, 1)
	a, v := SplitChannels(after, 1)
	if got, want := standardDeviation(a.Data), standardDeviation(b.Data); !(math.Abs(got-want) <= 1e-6*want) {
		t.Errorf("deviation is %g, want %g", got, want)
	}
	for i, n := range v.Data {
		if n != float32(i) {
			t.Fatalf("v[%d] is %g", i, n)
		}
	}
	strong := Clipped(mustGuide(t, whole.denoiser(), bayesGradient(classes[1]), Guidance{Scale: 1, Classifier: 300}))
	for _, v := range mustDenoise(t, strong, x, 0.5).Data {
		if v < -1 || v > 1 {
			t.Fatalf("held to [−1,1], D is %g", v)
		}
	}
}

func TestClassifierGuidedErrors(t *testing.T) {
	for _, w := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := ClassifierGuided(whole.denoiser(), bayesGradient(classes[0]), Guidance{Scale: 1, Classifier: w}); err == nil {
			t.Errorf("weight %g was accepted", w)
		}
	}
	broken := errors.New("broken")
	fails := func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, broken }
	x := normals(3, 4)
	for _, d := range []Denoiser{
		mustGuide(t, fails, bayesGradient(classes[0]), Guidance{Scale: 1, Classifier: 1}),
		mustGuide(t, whole.denoiser(), fails, Guidance{Scale: 1, Classifier: 1}),
	} {
		if _, err := d(x, 1); !errors.Is(err, broken) {
			t.Errorf("got error %v", err)
		}
	}
}
