package diffusion

import (
	"math"
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/tensor"
)

func TestClipped(t *testing.T) {
	nan := float32(math.NaN())
	answer := tensor.Of([]float32{-3, -1, -0.5, 0.25, 1, 1.5, float32(math.Inf(1)), nan}, 1, 1, 8, 1)
	denoise := Clipped(func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return answer, nil })
	got, err := denoise(answer, 1)
	if err != nil {
		t.Fatal(err)
	}
	floattest.SameBits(t, "result", got.Data, []float32{-1, -1, -0.5, 0.25, 1, 1, 1, nan})
	if answer.Data[0] != -3 {
		t.Error("the denoiser's answer was written")
	}
}

// always returns a denoiser whose result is always d.
func always(d *tensor.Tensor) Denoiser {
	return func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return d, nil }
}

func TestThresholded(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name             string
		percentile, most float64
		image, want      []float32
	}{
		{"inside", 0.5, 0, []float32{-0.5, 0.25, 0, 1, 0.5}, []float32{-0.5, 0.25, 0, 1, 0.5}},
		{"percentile inside, some outside", 0.5, 0, []float32{-0.5, 0.25, 0, 4, -2}, []float32{-0.5, 0.25, 0, 1, -1}},
		{"by the largest", 1, 0, []float32{-0.5, 0.25, 0, 4, -2}, []float32{-0.125, 0.0625, 0, 1, -0.5}},
		{"by the second", 0.75, 0, []float32{-0.5, 0.25, 0, 4, -2}, []float32{-0.25, 0.125, 0, 1, -1}},
		{"between two", 0.875, 0, []float32{-0.5, 0.25, 0, 6, -2}, []float32{-0.125, 0.0625, 0, 1, -0.5}}, // s = 4
		{"by no more than 2", 1, 2, []float32{-0.5, 0.25, 0, 4, -1}, []float32{-0.25, 0.125, 0, 1, -0.5}},
		{"by less than 3", 1, 3, []float32{-0.5, 0.25, 0, 2, -1}, []float32{-0.25, 0.125, 0, 1, -0.5}},
		{"NaN", 1, 0, []float32{nan, 3, 0, 0, 0}, []float32{nan, 3, 0, 0, 0}},
		{"one", 0.995, 0, []float32{-2}, []float32{-1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := tensor.Of(c.image, 1, 1, len(c.image), 1)
			before := given.Clone()
			denoise, err := Thresholded(always(given), c.percentile, c.most)
			if err != nil {
				t.Fatal(err)
			}
			got, err := denoise(given, 1)
			if err != nil {
				t.Fatal(err)
			}
			floattest.SameBits(t, "result", got.Data, c.want)
			floattest.SameBits(t, "the denoiser's answer", given.Data, before.Data)
		})
	}
	for _, p := range []float64{0, -1, 1.5, math.NaN()} {
		if _, err := Thresholded(nil, p, 0); err == nil {
			t.Errorf("percentile %g: got no error", p)
		}
	}
}

// The result for an image does not depend on its batch. With strong guidance, thresholded
// images stay in range and keep the order of their pixels; clipped ones do not.
func TestThresholdedGuidance(t *testing.T) {
	var calls int
	guided, err := Guided(countingDenoiser(mixture{{0.5, 0.25, 1}}, &calls), countingDenoiser(two, &calls), Guidance{Scale: 8})
	if err != nil {
		t.Fatal(err)
	}
	denoise, err := Thresholded(guided, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(2, 1, 40, 1)
	for i := range 40 {
		x.Row(0)[i], x.Row(1)[i] = float32(i)/20-1, 10
	}
	both, err := denoise(x, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := denoise(tensor.Of(x.Row(0), 1, 1, 40, 1), 0.5)
	if err != nil {
		t.Fatal(err)
	}
	raw, clipped := mustDenoise(t, guided, x, 0.5), mustDenoise(t, Clipped(guided), x, 0.5)
	merged := 0
	for i := range 40 {
		v := both.Row(0)[i]
		if v != alone.Data[i] || !(v >= -1 && v <= 1) {
			t.Errorf("pixel %d is %g, alone %g", i, v, alone.Data[i])
		}
		if i == 0 {
			continue
		}
		if up, upRaw := v > both.Row(0)[i-1], raw.Row(0)[i] > raw.Row(0)[i-1]; up != upRaw {
			t.Errorf("pixels %d and %d changed their order", i-1, i)
		}
		if clipped.Row(0)[i] == clipped.Row(0)[i-1] {
			merged++
		}
	}
	if merged == 0 {
		t.Error("clipping merges no two pixels: guidance is too weak to test with")
	}
}

func mustDenoise(t *testing.T, denoise Denoiser, x *tensor.Tensor, sigma float32) *tensor.Tensor {
	t.Helper()
	d, err := denoise(x, sigma)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
