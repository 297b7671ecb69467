package model_test

import (
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/modeltest"
	"tweedie/core/rng"
	"tweedie/core/tensor"
	"tweedie/weights"
)

const config = `{
	"title": "test", "arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "time_scale": 100, "sigma_min": 0.01, "sigma_max": 40,
	"shape": [1, 8, 8], "classes": ["low", "high"], "null_class": 2,
	"defaults": {"sampler": "dpmpp2m", "steps": 4, "guidance": 1.5},
	"unet": {
		"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": [8, 16],
		"down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
		"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5, "num_class_embeds": 3
	}
}`

func parse(t *testing.T) *model.Config {
	t.Helper()
	c, err := model.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newModel(t *testing.T) *model.Model { return modelOf(t, parse(t)) }

// modelOf returns a model with random weights.
func modelOf(t *testing.T, c *model.Config) *model.Model {
	t.Helper()
	return modeltest.Of(t, "test", c, 0.1)
}

func runner(t *testing.T, m *model.Model, batch, workers int) *model.Runner {
	t.Helper()
	r, err := m.NewRunner(batch, infer.Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func images(n int) *tensor.Tensor {
	x := tensor.New(n, 8, 8, 1)
	for i := range n {
		rng.Normal(x.Row(i), 5, uint64(i), 0)
	}
	return x
}

// TestWorkersGiveSameBits: the bits do not depend on the batch or the number of workers.
func TestWorkersGiveSameBits(t *testing.T) {
	m, x := newModel(t), images(7)
	times, classes := make([]float32, 7), make([]int, 7)
	for i := range times {
		times[i], classes[i] = float32(i*11), i%3
	}
	want, err := runner(t, m, 7, 1).Forward(x, times, classes)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range [][2]int{{1, 1}, {2, 3}, {3, 2}, {16, 16}} {
		got, err := runner(t, m, s[0], s[1]).Forward(x, times, classes)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Data, want.Data) {
			t.Errorf("batch %d, %d workers: the result has other bits", s[0], s[1])
		}
	}
}

// TestThreadsGiveSameBits: nor do they if there are fewer images than threads, so that threads
// share an image.
func TestThreadsGiveSameBits(t *testing.T) {
	c := parse(t)
	c.UNet.BlockOutChannels = []int{128, 128}
	m, x := modelOf(t, c), images(1)
	if m.Traffic(1) == 0 {
		t.Fatal("the network is not worth sharing")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	want, err := runner(t, m, 1, 1).Forward(x, []float32{11}, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	for workers := 2; workers <= 3; workers++ {
		r := runner(t, m, 4, workers)
		for range 2 {
			got, err := r.Forward(x, []float32{11}, []int{1})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Data, want.Data) {
				t.Errorf("%d threads: the result has other bits", workers)
			}
		}
	}
}

// TestGuidance: guidance is D_u + w·(D_c − D_u) of the two evaluations.
func TestGuidance(t *testing.T) {
	m, x := newModel(t), images(3)
	r := runner(t, m, 4, 2)
	d := func(class []int, w float32) []float32 {
		y, err := r.Denoiser(class, w)(x, 1.5)
		if err != nil {
			t.Fatal(err)
		}
		return y.Data
	}
	named, none := []int{0, 1, 0}, []int{-1, -1, -1}
	c, u, g := d(named, 1), d(none, 1), d(named, 2.5)
	for i := range g {
		want := float64(u[i]) + 2.5*(float64(c[i])-float64(u[i]))
		if diff := math.Abs(float64(g[i]) - want); !(diff <= 1e-5*(1+math.Abs(want))) {
			t.Fatalf("guided[%d] is %g, want %g", i, g[i], want)
		}
	}
	if !slices.Equal(d(named, 0), u) {
		t.Error("guidance 0 is not the unconditional model")
	}
	if slices.Equal(c, u) {
		t.Error("the class changes nothing")
	}
}

// Guidance must be 1 in a model without classes.
func TestGuidanceOfAnUnconditionalModel(t *testing.T) {
	c := parse(t)
	c.Classes, c.NullClass, c.UNet.NumClassEmbeds = nil, nil, nil
	m := modeltest.Of(t, "test", c, 0)
	r, x := runner(t, m, 2, 1), images(2)
	for _, w := range []float32{0, 1} {
		if _, err := r.Denoiser([]int{-1, -1}, w)(x, 1); err != nil {
			t.Errorf("guidance %g: %v", w, err)
		}
	}
	const want = "model: guidance must be 1 for a model without classes (got 2)"
	if _, err := r.Denoiser([]int{-1, -1}, 2)(x, 1); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRunnerRefuses(t *testing.T) {
	r := runner(t, newModel(t), 4, 1)
	x := images(2)
	forward := func(x *tensor.Tensor, times []float32, y []int) error {
		_, err := r.Forward(x, times, y)
		return err
	}
	denoise := func(class []int, sigma float32) error {
		_, err := r.Denoiser(class, 1)(x, sigma)
		return err
	}
	two := []float32{1, 2}
	for _, c := range []struct {
		name, text string
		err        error
	}{
		{"size", "must have the shape [N,H,W,C] = [N,8,8,1]", forward(tensor.New(2, 8, 9, 1), two, []int{0, 1})},
		{"times", "must be one time per image (got 1 for 2 images)", forward(x, two[:1], []int{0, 1})},
		{"classes", "must be one class per image (got 0 for 2 images)", forward(x, two, nil)},
		{"class", "class 3 of image 1 is not one from 0 to 2", forward(x, two, []int{0, 3})},
		{"asked class", "class 2 is not one from 0 to 1", denoise([]int{0, 2}, 1)},
		{"noise", "noise level 41 is outside the model's range", denoise([]int{0, 1}, 41)},
		{"no noise", "noise level 0 is outside the model's range", denoise([]int{0, 1}, 0)},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: got error %v, want one with %q", c.name, c.err, c.text)
		}
	}
}

// TestFileRoundTrip writes a model and opens it again: at float32 the bits are the same.
func TestFileRoundTrip(t *testing.T) {
	m := newModel(t)
	for _, dtype := range []weights.DType{weights.F32, weights.F16, weights.I8} {
		f := written(t, m, dtype, func(t []weights.Tensor) []weights.Tensor { return t })
		got, err := model.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		worst, flat := 0.0, got.Params().Flat
		for i, v := range m.Params().Flat {
			worst = max(worst, math.Abs(float64(v-flat[i])))
		}
		if bound := map[weights.DType]float64{weights.F32: 0, weights.F16: 2e-3, weights.I8: 1e-2}[dtype]; !(worst <= bound) {
			t.Errorf("%s: the error is %g, bound %g", dtype, worst, bound)
		}
	}
}

func written(t *testing.T, m *model.Model, dtype weights.DType, change func([]weights.Tensor) []weights.Tensor) *weights.File {
	t.Helper()
	tensors, err := m.Tensors(weights.Storage{DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := m.Manifest(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, shards, err := weights.Encode("test", manifest, change(tensors))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := weights.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parsed.Decode(shards)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestOpenRefuses(t *testing.T) {
	m := newModel(t)
	for _, c := range []struct {
		name, text string
		change     func([]weights.Tensor) []weights.Tensor
	}{
		{"missing", `tensor "conv_in.weight" of shape [8 1 3 3] is missing`, func(t []weights.Tensor) []weights.Tensor {
			return slices.DeleteFunc(t, func(v weights.Tensor) bool { return v.Name == "conv_in.weight" })
		}},
		{"unexpected", `tensor "extra" is not part`, func(t []weights.Tensor) []weights.Tensor {
			v := t[0]
			v.Name = "extra"
			return append(t, v)
		}},
		{"shape", `"conv_in.bias" must have shape [8] (got [2 4])`, func(t []weights.Tensor) []weights.Tensor {
			for i := range t {
				if t[i].Name == "conv_in.bias" {
					t[i].Shape = []int{2, 4}
				}
			}
			return t
		}},
	} {
		if _, err := model.Open(written(t, m, weights.F32, c.change)); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.text)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		change     func(*model.Config)
	}{
		{"arch", `arch must be "unet2d", "ncsn", "program" or "classifier" (got "vit")`, func(c *model.Config) { c.Arch = "vit" }},
		{"prediction", `prediction must be`, func(c *model.Config) { c.Prediction = "x" }},
		{"chain", `schedule or process must be given with prediction "epsilon"`, func(c *model.Config) { c.Prediction = model.Epsilon }},
		{"shape", "shape must be [1 8 8] as the network (got [3 8 8])", func(c *model.Config) { c.Shape[0] = 3 }},
		{"classes", "4 classes are more than", func(c *model.Config) { c.Classes = []string{"a", "b", "c", "d"} }},
		{"null", "null_class must be 0 to 2 (got 3)", func(c *model.Config) { *c.NullClass = 3 }},
		{"noise", "must have 0 < sigma_min < sigma_max ≤ 1e6 (got 2 to 1)", func(c *model.Config) { c.SigmaMin, c.SigmaMax = 2, 1 }},
		{"beyond the chain", "must lie in the chain's range", func(c *model.Config) {
			c.Prediction, c.Schedule, c.SigmaMax = model.Epsilon, &diffusion.Schedule{Kind: diffusion.Linear}, 1000
		}},
		{"not a number", "time_scale must be 0 to 1e6 (got NaN)", func(c *model.Config) { c.TimeScale = math.NaN() }},
		{"channels", "block_out_channels[1] must be 2 to 4096, divisible by norm_num_groups 4 (got 18)", func(c *model.Config) { c.UNet.BlockOutChannels[1] = 18 }},
		{"activation", `act_fn must be silu or swish or gelu or mish or relu (got "tanh")`, func(c *model.Config) { c.UNet.ActFn = "tanh" }},
	} {
		v := parse(t)
		c.change(v)
		if err := v.Validate(); !errors.Is(err, model.ErrConfig) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got error %v, want ErrConfig with %q", c.name, err, c.text)
		}
	}
}

const ncsn = `{
	"arch": "ncsn", "ncsn": {"image_size": 8, "channels": 1, "ngf": 4, "num_classes": 5}, "prediction": "score", "unit_pixels": true,
	"process": {"kind": "smld", "sigma_min": 0.01, "sigma_max": 1, "levels": 5}, "sigma_min": 0.01, "sigma_max": 1, "shape": [1, 8, 8],
	"defaults": {"sampler": "annealed-langevin", "steps": 5, "guidance": 1, "schedule": "exponential", "corrector_steps": 3}
}`

// TestNCSN: for a network on pixels u in [0,1], the denoiser follows Tweedie's formula there, D
// = u + σ²·s(u, i), with the network's score s at level i.
func TestNCSN(t *testing.T) {
	m := modeltest.New(t, "test", ncsn, 0)
	c := m.Config()
	r, x := runner(t, m, 3, 1), images(3)
	if low, high := c.SigmaRange(); low != 0.02 || high != 2 {
		t.Errorf("noise levels %g to %g in units of [-1,1], want 0.02 to 2", low, high)
	}
	for i, sigma := range []float32{2, 2 * 0.31622776, 0.2, 2 * 0.031622776, 0.02} {
		d, err := r.Denoiser([]int{-1, -1, -1}, 1)(x, sigma)
		if err != nil {
			t.Fatal(err)
		}
		u := x.AddScaled(0, x)
		for j, v := range x.Data {
			u.Data[j] = (v + 1) / 2
		}
		level := float32(i)
		s, err := r.Forward(u, []float32{level, level, level}, nil)
		if err != nil {
			t.Fatal(err)
		}
		half := float64(sigma) / 2
		for j, v := range d.Data {
			want := 2*(float64(u.Data[j])+half*half*float64(s.Data[j])) - 1
			if diff := math.Abs(float64(v) - want); !(diff <= 1e-5*(1+math.Abs(want))) {
				t.Fatalf("level %d: D[%d] is %g, want %g", i, j, v, want)
			}
		}
	}
	for _, bad := range []float32{-1, 5, 0.5, float32(math.NaN()), float32(math.Inf(1))} {
		if _, err := r.Forward(x, []float32{0, bad, 0}, nil); err == nil || !strings.Contains(err.Error(), "must be the index of a noise level, 0 to 4") {
			t.Errorf("t = %g: got error %v, want one about t", bad, err)
		}
	}
}

func TestNCSNConfigRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, old, new string }{
		{"no network", `requires the member "ncsn"`, `"ncsn": {"image_size": 8, "channels": 1, "ngf": 4, "num_classes": 5},`, ""},
		{"two networks", `no other network`, `"arch": "ncsn",`, `"arch": "ncsn", "unet": {},`},
		{"odd size", "image_size must be even (got 9)", `"image_size": 8`, `"image_size": 9`},
		{"channels", "ngf must be 2 to 2048 (got 1)", `"ngf": 4`, `"ngf": 1`},
		{"memory", "more than 67108864", `"image_size": 8, "channels": 1, "ngf": 4`, `"image_size": 1024, "channels": 1, "ngf": 2048`},
		{"levels", `needs a process of kind "smld" with 6 levels`, `"num_classes": 5`, `"num_classes": 6`},
		{"process", `needs a process of kind "smld"`, `"kind": "smld", "sigma_min": 0.01, "sigma_max": 1, "levels": 5`, `"kind": "straight"`},
		{"time", "must be the index of a noise level", `"prediction"`, `"time_scale": 3, "prediction"`},
		{"variance", `must be "learned" or left out, and left out with prediction "consistency" or arch "ncsn"`, `"prediction"`, `"variance": "learned", "prediction"`},
		{"chain", "process and schedule (or whole_steps) exclude each other", `"process"`, `"schedule": {"kind": "cosine"}, "process"`},
	} {
		text := strings.Replace(ncsn, c.old, c.new, 1)
		if text == ncsn {
			t.Fatalf("%s: %q is not there to be replaced", c.name, c.old)
		}
		if _, err := model.ParseConfig([]byte(text)); !errors.Is(err, model.ErrConfig) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got error %v, want ErrConfig with %q", c.name, err, c.text)
		}
	}
}

// FuzzConfig: no configuration causes a panic, or builds a network that cannot be bound.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(config))
	f.Add([]byte(ncsn))
	f.Add([]byte(strings.Replace(config, `"patch"`, `"x"`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := model.ParseConfig(data)
		if err != nil {
			return
		}
		if _, err := c.Build(); err != nil {
			return
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
	})
}
