package model_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/core/unet"
)

const classifierConfig = `{
	"arch": "classifier", "prediction": "class", "sigma_data": 0.5, "time_scale": 100, "sigma_min": 0.01, "sigma_max": 40,
	"shape": [1, 8, 8], "classes": ["low", "middle", "high"],
	"unet": {
		"sample_size": 8, "in_channels": 1, "out_channels": 3, "block_out_channels": [8, 16],
		"down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
		"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5
	}
}`

func classifierOf(t *testing.T, change func(*model.Config)) (*model.Config, error) {
	t.Helper()
	c, err := model.ParseConfig([]byte(classifierConfig))
	if err != nil {
		t.Fatal(err)
	}
	change(c)
	return c, c.Validate()
}

func newClassifier(t *testing.T) *model.Model {
	t.Helper()
	c, err := classifierOf(t, func(*model.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	return modelOf(t, c)
}

// TestClassifierGradient compares the gradient with central differences of the logits with
// respect to x (not to the scaled input of the network), at every noise level.
func TestClassifierGradient(t *testing.T) {
	m := newClassifier(t)
	gradient, err := m.NewClassifierGradient(3, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	logits := runner(t, m, 3, 1)
	class := []int{2, 0, 1}
	// probability returns log p(y|x;σ) of an image.
	probability := func(x []float32, sigma float32, y int) float64 {
		z, err := logits.Logits(tensor.Of(x, 1, 8, 8, 1), sigma)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range z.Data {
			sum += math.Exp(float64(v))
		}
		return float64(z.Data[y]) - math.Log(sum)
	}
	for _, sigma := range []float32{0.01, 0.7, 40} {
		x := images(3).Scaled(max(1, sigma))
		g, err := gradient.Of(class)(x, sigma)
		if err != nil {
			t.Fatal(err)
		}
		largest := 0.0
		for _, v := range g.Data {
			largest = max(largest, math.Abs(float64(v)))
		}
		for i, y := range class {
			for at := 0; at < 64; at += 5 {
				h := 4e-3 * max(1, sigma)
				moved := slices.Clone(x.Row(i))
				moved[at] += h
				up := probability(moved, sigma, y)
				moved[at] -= 2 * h
				want := (up - probability(moved, sigma, y)) / (2 * float64(h))
				// Logits of magnitude 1 in float32, divided by h, and the third derivative.
				bound := 0.01*largest + 8*0x1p-24/float64(h)
				if got := float64(g.Row(i)[at]); !(math.Abs(got-want) <= bound) {
					t.Errorf("σ = %g, image %d, pixel %d: got %g, want %g ± %.2g", sigma, i, at, got, want, bound)
				}
			}
		}
	}
}

// The gradient of an image does not depend on the other images or the number of workers.
func TestClassifierGradientIsAlone(t *testing.T) {
	m, x := newClassifier(t), images(5)
	class := []int{2, 0, 1, 1, 0}
	var want *tensor.Tensor
	for _, o := range []struct{ batch, workers int }{{5, 1}, {1, 1}, {2, 3}, {1, 5}} {
		gradient, err := m.NewClassifierGradient(o.batch, infer.Options{Workers: o.workers})
		if err != nil {
			t.Fatal(err)
		}
		got, err := gradient.Of(class)(x, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got.Data, want.Data) {
			t.Errorf("%+v: the result has other bits", o)
		}
		one, err := gradient.Of(class[3:4])(tensor.Of(x.Row(3), 1, 8, 8, 1), 0.5)
		if err != nil || !slices.Equal(one.Data, want.Row(3)) {
			t.Errorf("%+v: image 3 alone has other bits, %v", o, err)
		}
	}
}

func TestClassifierGradientErrors(t *testing.T) {
	m, x := newClassifier(t), images(1)
	gradient, err := m.NewClassifierGradient(1, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		class []int
		sigma float32
		want  string
	}{
		{[]int{3}, 1, "class 3 of image 0 is not one from 0 to 2"},
		{[]int{-1}, 1, "class -1 of image 0"},
		{nil, 1, "must be one class per image (got 0 for 1 images)"},
		{[]int{1}, 41, "noise level 41 is outside the model's range"},
	} {
		if _, err := gradient.Of(c.class)(x, c.sigma); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("classes %v, σ = %g: got %v, want %q", c.class, c.sigma, err, c.want)
		}
	}
	attends, err := classifierOf(t, func(c *model.Config) { c.UNet.DownBlockTypes[1] = "AttnDownBlock2D" })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := modelOf(t, attends).NewClassifierGradient(1, infer.Options{}); err == nil || err.Error() != "autodiff: the gradient of operation graph.Linear is not supported" {
		t.Errorf("with attention: got %v", err)
	}
	if _, err := newModel(t).NewClassifierGradient(1, infer.Options{}); err == nil || err.Error() != `model: arch must be "classifier" to compute a classifier's gradient (got "unet2d")` {
		t.Errorf("of a denoiser: got %v", err)
	}
}

func TestClassifierConfigErrors(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*model.Config)
	}{
		{`prediction is "edm" with arch "classifier"`, func(c *model.Config) { c.Prediction = model.EDM }},
		{"out_channels must be the number of classes and at least 2 (got 3 with 2 classes)", func(c *model.Config) { c.Classes = c.Classes[1:] }},
		{"null_class, num_class_embeds, unit_pixels and pixel_range", func(c *model.Config) { c.NullClass = new(2) }},
		{"null_class, num_class_embeds, unit_pixels and pixel_range", func(c *model.Config) { c.UnitPixels = true }},
		{"null_class, num_class_embeds", func(c *model.Config) { c.UNet.NumClassEmbeds = new(3) }},
		{`arch "classifier" requires the member "unet" and no other network`, func(c *model.Config) { c.UNet = nil }},
		{"shape must be [1 16 16] as the network (got [1 8 8])", func(c *model.Config) { c.UNet.SampleSize = unet.Square(16) }},
	} {
		if _, err := classifierOf(t, c.change); !errors.Is(err, model.ErrConfig) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	other := parse(t)
	other.Prediction = model.Class
	if err := other.Validate(); !errors.Is(err, model.ErrConfig) {
		t.Errorf("a U-Net that predicts a class: got %v", err)
	}
}
