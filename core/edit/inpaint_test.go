package edit

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
)

// exchangeable is a normal distribution of images whose pixels have variance 1 and
// pairwise correlation rho: N(0, (1−rho)·I + rho·11ᵀ).
type exchangeable struct {
	pixels int
	rho    float64
}

// denoise is the exact denoiser: it shrinks the mean of the pixels and the deviations from
// it according to their variances. It rounds explicitly, because TestSameBitsEverywhere
// uses it.
func (e exchangeable) denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	out := tensor.New(x.Shape...)
	s := float64(float64(sigma) * float64(sigma))
	common, own := 1+float64(float64(e.pixels-1)*e.rho), 1-e.rho // eigenvalues
	for i := range x.Shape[0] {
		row, to := x.Row(i), out.Row(i)
		mean := 0.0
		for _, v := range row {
			mean += float64(v) / float64(e.pixels)
		}
		for j, v := range row {
			to[j] = float32(float64(common/(common+s)*mean) + float64(own/(own+s)*(float64(v)-mean)))
		}
	}
	return out, nil
}

// given returns the conditional mean, variance and covariance of the other pixels, given
// some of them.
func (e exchangeable) given(known []float32) (mean, variance, covariance float64) {
	k := float64(len(known))
	a := e.rho / (1 + (k-1)*e.rho)
	for _, v := range known {
		mean += a * float64(v)
	}
	return mean, 1 - k*e.rho*a, e.rho - k*e.rho*a
}

// The image of most tests: 2×2, with the upper row known, and its distribution.
var (
	law   = exchangeable{4, 0.8}
	image = tensor.Of([]float32{1, 0.5, 9, -9}, 1, 2, 2, 1)
	lower = tensor.Of([]float32{0, 0, 1, 1}, 2, 2)
)

func karras(t testing.TB, n int) []float32 {
	t.Helper()
	sigmas, err := sampler.Karras(n, 0.02, 20, 7)
	if err != nil {
		t.Fatal(err)
	}
	return sigmas
}

// inpaint repaints the lower row of n images, samples first … first+n−1 of seed 1.
func inpaint(t testing.TB, s sampler.Settings, r RePaint, first uint64, n int) *tensor.Tensor {
	t.Helper()
	noise := sampler.NewNoise(1, first, n, 2, 2, 1)
	x, err := Inpaint(s, r, law.denoise, image, lower, karras(t, s.Steps), noise)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// forEachMethod runs f for each method that no except function matches, and also for DDIM
// with noise.
func forEachMethod(t *testing.T, steps int, f func(t *testing.T, s sampler.Settings), except ...func(sampler.Method) bool) {
	for _, m := range sampler.Methods {
		if slices.ContainsFunc(except, func(not func(sampler.Method) bool) bool { return not(m) }) {
			continue
		}
		s := sampler.Settings{Method: m.Name, Steps: steps}
		t.Run(m.Name, func(t *testing.T) { f(t, s) })
		if m.Eta {
			s.Eta = 1
			t.Run(m.Name+" with eta", func(t *testing.T) { f(t, s) })
		}
	}
}

// divergence returns the mean of the lower row, and the Kullback-Leibler divergence
// between the normal distribution with the images' mean and covariance and the exact
// conditional distribution. Sum and difference of the two pixels are independent in both.
func divergence(x *tensor.Tensor) (mean, kl float64) {
	want, variance, covariance := law.given(image.Data[:2])
	for _, part := range []struct{ sign, mean, variance float64 }{
		{1, math.Sqrt2 * want, variance + covariance},
		{-1, 0, variance - covariance},
	} {
		n, sum, squares := float64(x.Shape[0]), 0.0, 0.0
		for i := range x.Shape[0] {
			v := (float64(x.Row(i)[2]) + part.sign*float64(x.Row(i)[3])) / math.Sqrt2
			sum += v
			squares += v * v
		}
		ratio := (squares/n - sum/n*sum/n) / part.variance
		off := sum/n - part.mean
		kl += (ratio + off*off/part.variance - 1 - math.Log(ratio)) / 2
		if part.sign > 0 {
			mean = sum / n / math.Sqrt2
		}
	}
	return mean, kl
}

// Replacing the known pixels leaves the repainted ones too independent of them: here the
// mean goes half of the way or somewhat more from the unconditional one, 0, to the exact
// one, 2/3. RePaint removes most of the remaining error.
func TestRePaintApproachesTheConditional(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const n, steps = 800, 20
	want, variance, _ := law.given(image.Data[:2])
	forEachMethod(t, steps, func(t *testing.T, s sampler.Settings) {
		if s.Method == "adaptive-sde" {
			s.RTol, s.ATol = 1, 0.3 // it is exact enough, and takes seconds as it comes
		}
		plainMean, plain := divergence(inpaint(t, s, RePaint{}, 0, n))
		fewMean, few := divergence(inpaint(t, s, RePaint{Resamplings: 4, Jump: 5}, 0, n))
		manyMean, many := divergence(inpaint(t, s, RePaint{Resamplings: 20, Jump: 5}, 0, n))
		t.Logf("mean %.3f, %.3f, %.3f for %.3f; divergence %.3f, %.3f, %.3f for r = 1, 4, 20",
			plainMean, fewMean, manyMean, want, plain, few, many)
		if !(plainMean >= 0.4*want && plainMean <= want) {
			t.Errorf("plain: mean is %g, want it from %g to %g", plainMean, 0.4*want, want)
		}
		// No factor for the second: the remaining error is that of the method, which is large
		// for DDPM with small variance at 20 steps, and for the predictor-corrector.
		if !(few < 0.65*plain && many < few) {
			t.Errorf("divergence is %g, %g, %g for r = 1, 4, 20: want it to fall, first to below 0.65", plain, few, many)
		}
		// A twentieth of the way, and five standard deviations of the estimate.
		if bound := want/20 + 5*math.Sqrt(variance/n); !(math.Abs(manyMean-want) <= bound) {
			t.Errorf("r = 20: mean is %g, want %g ± %.2g", manyMean, want, bound)
		}
	}, func(m sampler.Method) bool {
		return m.Name == "annealed-langevin" // needs none: see below
	})
}

// Annealed Langevin, which replaces the known pixels in each of its steps, approaches the
// conditional distribution without RePaint. The bound for the mean is five standard
// deviations of the estimate.
func TestAnnealedLangevinApproachesTheConditional(t *testing.T) {
	const n = 800
	want, variance, _ := law.given(image.Data[:2])
	mean, kl := divergence(inpaint(t, sampler.Settings{Method: "annealed-langevin", Steps: 10}, RePaint{}, 0, n))
	t.Logf("mean %.3f for %.3f, divergence %.4f", mean, want, kl)
	if bound := want/20 + 5*math.Sqrt(variance/n); !(math.Abs(mean-want) <= bound) || !(kl < 0.05) {
		t.Errorf("mean is %g, divergence %g: want %g ± %.2g, less than 0.05", mean, kl, want, bound)
	}
}

func TestKnownPixelsAreUnchanged(t *testing.T) {
	forEachMethod(t, 6, func(t *testing.T, s sampler.Settings) {
		for _, r := range []RePaint{{}, {Resamplings: 3, Jump: 2}} {
			x := inpaint(t, s, r, 0, 3)
			for i := range 3 {
				floattest.SameBits(t, "upper row", x.Row(i)[:2], image.Data[:2])
				if x.Row(i)[2] == image.Data[2] || x.Row(i)[3] == image.Data[3] {
					t.Error("a pixel to repaint is the original's")
				}
			}
		}
	})
}

// The values of masked pixels do not influence the result.
func TestMaskedPixelsAreNotUsed(t *testing.T) {
	s := sampler.Settings{Method: "ddpm", Steps: 6}
	other := tensor.Of([]float32{1, 0.5, -0.25, 0.125}, 1, 2, 2, 1)
	noise := sampler.NewNoise(1, 0, 2, 2, 2, 1)
	x, err := Inpaint(s, RePaint{}, law.denoise, other, lower, karras(t, 6), noise)
	if err != nil {
		t.Fatal(err)
	}
	floattest.SameBits(t, "result", x.Data, inpaint(t, s, RePaint{}, 0, 2).Data)
}

func TestFullMaskIsSampling(t *testing.T) {
	full := tensor.Of([]float32{1, 1, 1, 1}, 2, 2)
	forEachMethod(t, 6, func(t *testing.T, s sampler.Settings) {
		sigmas, noise := karras(t, 6), sampler.NewNoise(1, 0, 2, 2, 2, 1)
		got, err := Inpaint(s, RePaint{}, law.denoise, image, full, sigmas, noise)
		if err != nil {
			t.Fatal(err)
		}
		want, err := sampler.Run(s, law.denoise, sampler.Start(noise, sigmas), sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		floattest.SameBits(t, "result", got.Data, want.Data)
	})
}

// A soft mask repaints its whole support and is blended at the end.
func TestSoftMaskBlends(t *testing.T) {
	s := sampler.Settings{Method: "dpmpp2m", Steps: 6}
	soft := tensor.Of([]float32{0, 0, 0.25, 1}, 2, 2)
	noise := sampler.NewNoise(1, 0, 2, 2, 2, 1)
	got, err := Inpaint(s, RePaint{}, law.denoise, image, soft, karras(t, 6), noise)
	if err != nil {
		t.Fatal(err)
	}
	hard := inpaint(t, s, RePaint{}, 0, 2)
	for i := range 2 {
		want := hard.Row(i)
		want[2] = float32(0.25*want[2]) + float32(0.75*image.Data[2])
		floattest.SameBits(t, "image", got.Row(i), want)
	}
}

func TestEachSampleMayHaveItsOwnImage(t *testing.T) {
	s := sampler.Settings{Method: "ddpm", Steps: 6}
	both := tensor.Of([]float32{1, 0.5, 0, 0, -1, 0.25, 0, 0}, 2, 2, 2, 1)
	noise := sampler.NewNoise(1, 0, 2, 2, 2, 1)
	x, err := Inpaint(s, RePaint{}, law.denoise, both, lower, karras(t, 6), noise)
	if err != nil {
		t.Fatal(err)
	}
	floattest.SameBits(t, "image 0", x.Row(0), inpaint(t, s, RePaint{}, 0, 1).Data)
	floattest.SameBits(t, "known of image 1", x.Row(1)[:2], both.Row(1)[:2])
}

func TestSampleDoesNotDependOnItsBatch(t *testing.T) {
	forEachMethod(t, 6, func(t *testing.T, s sampler.Settings) {
		for _, r := range []RePaint{{}, {Resamplings: 3, Jump: 2}} {
			batch := inpaint(t, s, r, 0, 16)
			floattest.SameBits(t, "sample 0", inpaint(t, s, r, 0, 1).Data, batch.Row(0))
			floattest.SameBits(t, "sample 13", inpaint(t, s, r, 13, 1).Data, batch.Row(13))
		}
	}, func(m sampler.Method) bool { return m.Adaptive }) // its steps are those of the batch
}

// At every level the denoiser receives the known pixels with exactly the noise of that
// level; after a jump, with additional noise.
func TestDenoiserSeesKnownPixelsAtItsLevel(t *testing.T) {
	s, steps := sampler.Settings{Method: "ddpm", Steps: 6}, 6
	noise, sigmas := sampler.NewNoise(1, 0, 1, 2, 2, 1), karras(t, 6)
	call := 0
	_, err := Inpaint(s, RePaint{}, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		z := noise(sampler.StreamStart)
		if call > 0 {
			z = noise(StreamKnown + uint32(call-1))
		}
		call++
		for i := range 2 {
			if want := image.Data[i] + float32(sigma*z.Data[i]); x.Data[i] != want {
				t.Errorf("σ=%g: known pixel %d is %g, want %g", sigma, i, x.Data[i], want)
			}
		}
		return law.denoise(x, sigma)
	}, image, lower, sigmas, noise)
	if err != nil || call != steps {
		t.Errorf("%d calls, %v, want %d", call, err, steps)
	}
}

// Algorithm 2 of Song & Ermon 2019: at every level y = known + σ·z is drawn once, and
// replaces the known pixels after each Langevin step; the first level uses the start noise.
func TestAnnealedLangevinReplacesKnownPixelsInEveryStep(t *testing.T) {
	const levels, inner = 4, 5
	s := sampler.Settings{Method: "annealed-langevin", Steps: levels, Options: sampler.Options{CorrectorSteps: inner}}
	noise, sigmas := sampler.NewNoise(1, 0, 1, 2, 2, 1), karras(t, levels)
	call := 0
	_, err := Inpaint(s, RePaint{}, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		// The first step of a level starts from the level before.
		level := max(0, call-1) / inner
		z := noise(sampler.StreamStart)
		if level > 0 {
			z = noise(StreamKnown + uint32(level-1))
		}
		call++
		for i := range 2 {
			if want := image.Data[i] + float32(sigmas[level]*z.Data[i]); x.Data[i] != want {
				t.Errorf("call %d: known pixel %d is %g, want %g", call, i, x.Data[i], want)
			}
		}
		return law.denoise(x, sigma)
	}, image, lower, sigmas, noise)
	if err != nil || call != levels*inner+1 {
		t.Errorf("%d calls, %v, want %d", call, err, levels*inner+1)
	}
}

func TestDenoiserErrorIsReturnedUnchanged(t *testing.T) {
	s, r := sampler.Settings{Method: "heun", Steps: 4}, RePaint{Resamplings: 2, Jump: 2}
	m, _ := sampler.Lookup(s.Method)
	for stop := range r.NFE(m, s.Options, s.Steps) {
		calls := 0
		_, err := Inpaint(s, r, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
			if calls++; calls == stop+1 {
				return nil, context.Canceled
			}
			return law.denoise(x, sigma)
		}, image, lower, karras(t, 4), sampler.NewNoise(1, 0, 1, 2, 2, 1))
		if err != context.Canceled || calls != stop+1 {
			t.Fatalf("stopped at call %d: got %v after %d", stop+1, err, calls)
		}
	}
}

func TestInpaintErrors(t *testing.T) {
	nan := float32(math.NaN())
	mask := func(v ...float32) *tensor.Tensor { return tensor.Of(v, 2, 2) }
	sigmas := []float32{2, 1, 0}
	for _, c := range []struct {
		name   string
		image  *tensor.Tensor
		mask   *tensor.Tensor
		sigmas []float32
		r      RePaint
		want   string
	}{
		{"mask of another size", image, tensor.New(3, 2), sigmas, RePaint{}, "edit: mask: the shape must be that of the image, [2 2] (got [3 2])"},
		{"mask with channels", image, tensor.New(2, 2, 1), sigmas, RePaint{}, "edit: mask: the shape must be that of the image, [2 2] (got [2 2 1])"},
		{"empty mask", image, mask(0, 0, 0, 0), sigmas, RePaint{}, "edit: mask: at least one of the 2×2 pixels must be above 0, to be repainted (got all 0)"},
		{"NaN mask", image, mask(0, 1, nan, 0), sigmas, RePaint{}, "edit: mask: values must be between 0 and 1 (got NaN at row 1, column 0)"},
		{"mask above 1", image, mask(0, 255, 0, 0), sigmas, RePaint{}, "edit: mask: values must be between 0 and 1 (got 255 at row 0, column 1)"},
		{"negative mask", image, mask(0, 1, 0, -1), sigmas, RePaint{}, "edit: mask: values must be between 0 and 1 (got -1 at row 1, column 1)"},
		{"image of another size", tensor.New(1, 4, 4, 1), lower, sigmas, RePaint{}, "edit: image: the shape must be [3 2 2 1], or the same with 1 as first axis (got [1 4 4 1])"},
		{"image of other channels", tensor.New(1, 2, 2, 3), lower, sigmas, RePaint{}, "edit: image: the shape must be [3 2 2 1], or the same with 1 as first axis (got [1 2 2 3])"},
		{"two images for three", tensor.New(2, 2, 2, 1), lower, sigmas, RePaint{}, "edit: image: the shape must be [3 2 2 1], or the same with 1 as first axis (got [2 2 2 1])"},
		{"NaN image", tensor.Of([]float32{0, 0, 0, nan}, 1, 2, 2, 1), lower, sigmas, RePaint{}, "edit: image: values must be finite (got NaN at channel 0, row 1, column 1)"},
		{"schedule that ends in noise", image, lower, []float32{2, 1}, RePaint{}, "edit: invalid noise schedule: the last noise level must be 0 for inpainting (got sigmas[1] = 1)"},
		{"rising schedule", image, lower, []float32{1, 2, 0}, RePaint{}, "sampler: invalid noise schedule: sigmas must be strictly decreasing and not negative (got 1, then sigmas[1] = 2)"},
		{"negative resamplings", image, lower, sigmas, RePaint{Resamplings: -1}, "resample must be a whole number from 1 to 1048575 (got -1)"},
		{"negative jump", image, lower, sigmas, RePaint{Resamplings: 2, Jump: -1}, "jump must be a whole number of at least 1 (got -1)"},
		{"jump too long", image, lower, sigmas, RePaint{Resamplings: 2, Jump: 2}, "jump must be below the number of steps, 2 (got 2)"},
		{"nothing to resample", image, lower, []float32{1, 0}, RePaint{Resamplings: 2}, "resample must be 1 with a single step: there is nothing to repeat (got 2)"},
		{"walk without end", image, lower, []float32{3, 2, 1, 0}, RePaint{Resamplings: 1e6, Jump: 1}, "resample must be lower: it makes 2000001 steps in all, and at most 1048575 are allowed (got 1000000)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Inpaint(sampler.Settings{Method: "ddim", Steps: 2}, c.r, law.denoise, c.image, c.mask, c.sigmas, sampler.NewNoise(1, 0, 3, 2, 2, 1))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	_, err := Inpaint(sampler.Settings{Method: "x"}, RePaint{}, law.denoise, image, lower, sigmas, sampler.NewNoise(1, 0, 3, 2, 2, 1))
	if err == nil {
		t.Error("got no error for an unknown method")
	}
	_, err = Inpaint(sampler.Settings{Method: "ddim"}, RePaint{}, law.denoise, image, lower, []float32{2, 1}, nil)
	if !errors.Is(err, sampler.ErrSchedule) {
		t.Errorf("got %v, want ErrSchedule", err)
	}
}
