//go:build !js

package tweedie_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"os"
	"slices"
	"strings"
	"testing"

	"tweedie"
	"tweedie/core/engine"
	"tweedie/core/picture"
	"tweedie/core/sampler"
	"tweedie/core/settings"
	"tweedie/weights"
)

const digits = "weights/models/mnist.json"

func open(t testing.TB) *tweedie.Model {
	t.Helper()
	m, err := tweedie.Open(digits)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The library draws the bytes that the engine draws, which are those of the command
// line, the API and the page.
func TestSampleIsTheEngines(t *testing.T) {
	f, err := weights.Open(digits)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(f, engine.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := engine.Request{N: new(3), First: 5, Seed: 9, Sampler: "ddim", Steps: new(3), Eta: new(0.5), Guidance: new(2.0), Class: engine.Classes{"3", "none"}}
	want, err := e.Sample(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := tweedie.Options{N: 3, First: 5, Seed: 9, Sampler: "ddim", Steps: 3, Eta: new(0.5), Guidance: new(2.0), Class: "3, none"}
	for name, o := range map[string]tweedie.Options{"options": o, "request": {Request: r}} {
		got, err := open(t).Sample(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got.SHA256 != want.SHA256() || !slices.Equal(got.Pixels, want.Pixels) || got.Shape != want.Shape || got.NFE != 3 {
			t.Errorf("%s: got %s, want %s", name, got.SHA256, want.SHA256())
		}
		if c := []string{"none", "3", "none"}; !slices.Equal(got.Classes, c) {
			t.Errorf("%s: classes are %v, want %v", name, got.Classes, c)
		}
		if g, ok := got.Images[2].(*image.Gray); !ok || !slices.Equal(g.Pix, want.Pixels[2*28*28:]) {
			t.Errorf("%s: image 2 is not the last 784 pixels", name)
		}
	}
}

func TestOpenFSIsOpen(t *testing.T) {
	m, err := tweedie.OpenFS(os.DirFS("weights"), "models/mnist.json")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Info(), open(t).Info(); got.Name != want.Name || got.Bytes != want.Bytes || got.Bytes == 0 || got.Shape != want.Shape || len(m.Card()) == 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for name, want := range map[string]string{"models": "not a regular file", "models/none.json": "no such file", "FORMAT.md": "corrupt model file"} {
		if _, err := tweedie.OpenFS(os.DirFS("weights"), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// What is saved opens again and draws the same.
func TestSave(t *testing.T) {
	m := open(t)
	path := t.TempDir() + "/copy.json"
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := tweedie.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	o := tweedie.Options{Steps: 2, Seed: 4}
	a, errA := m.Sample(t.Context(), o)
	b, errB := again.Sample(t.Context(), o)
	if errA != nil || errB != nil || a.SHA256 != b.SHA256 || string(again.Card()) != string(m.Card()) {
		t.Errorf("got %v, %v: the copy is another model", errA, errB)
	}
	if was, is := m.Info().Bytes, again.Info().Bytes; is > was+was/50 {
		t.Errorf("the copy takes %d bytes, want the %d of int8 weights", is, was)
	}
}

func TestProgressAndCancel(t *testing.T) {
	m := open(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	calls := 0
	_, err := m.Sample(ctx, tweedie.Options{N: 2, Steps: 10, OnStep: func(p tweedie.Progress) {
		calls++
		if images, err := p.Images(); err != nil || len(images) != 2 || p.Step != calls || p.Steps != 10 || p.Total != 20 || p.Done != 2*calls {
			t.Errorf("call %d: %+v, %d images, %v", calls, p, len(images), err)
		}
		if calls == 3 {
			cancel(enough)
		}
	}})
	if !errors.Is(err, enough) || calls != 3 {
		t.Errorf("got %v after %d calls, want the cause after 3", err, calls)
	}
	if _, err := m.Sample(ctx, tweedie.Options{}); !errors.Is(err, enough) {
		t.Errorf("got %v of a context that is done", err)
	}
	if _, err := m.Sample(t.Context(), tweedie.Options{Steps: 1}); err != nil {
		t.Errorf("a cancelled call leaves the model unusable: %v", err)
	}
}

// The denoiser, with the model's levels and a sampler, draws what Sample draws.
func TestDenoiserIsSamples(t *testing.T) {
	m, o := open(t), tweedie.Options{N: 2, Seed: 3, Steps: 4, Sampler: "heun", Class: "7"}
	want, err := m.Sample(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	denoise, err := m.Denoiser(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	sigmas, err := m.Sigmas(o)
	if err != nil {
		t.Fatal(err)
	}
	noise := sampler.NewNoise(o.Seed, 0, o.N, 28, 28, 1)
	x, err := sampler.Run(sampler.Settings{Method: o.Sampler, Steps: o.Steps}, denoise, sampler.Start(noise, sigmas), sigmas, noise, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := engine.Pixels(x); err != nil || !slices.Equal(got, want.Pixels) {
		t.Errorf("other pixels, %v", err)
	}
	if _, err := denoise(sampler.NewNoise(1, 0, 3, 28, 28, 1)(0), 1); err == nil || !strings.Contains(err.Error(), "[2 28 28 1] (got [3 28 28 1])") {
		t.Errorf("got %v for 3 images", err)
	}
}

func TestInpaintKeepsWhatIsBlack(t *testing.T) {
	m := open(t)
	r, err := m.Sample(t.Context(), tweedie.Options{Steps: 4, Class: "5"})
	if err != nil {
		t.Fatal(err)
	}
	mask := image.NewNRGBA(image.Rect(0, 0, 28, 28)) // transparent: kept
	for y := range 10 {
		for x := range 28 {
			mask.Set(x, y, color.White)
		}
	}
	got, err := m.Inpaint(t.Context(), r.Images[0], mask, tweedie.Options{N: 2, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		part := got.Pixels[784*i : 784*(i+1)]
		if !slices.Equal(part[280:], r.Pixels[280:]) || slices.Equal(part[:280], r.Pixels[:280]) {
			t.Errorf("variation %d: the black part changed, or the white part did not", i)
		}
	}
	if _, err := m.Inpaint(t.Context(), image.NewGray(image.Rect(0, 0, 50, 40)), mask, tweedie.Options{Steps: 1, Picture: picture.Options{Fit: picture.Pad}}); err != nil {
		t.Errorf("a picture of another size: %v", err)
	}
}

func TestOptionErrors(t *testing.T) {
	m := open(t)
	gray := image.NewGray(image.Rect(0, 0, 28, 28))
	sample := func(o tweedie.Options) error { _, err := m.Sample(t.Context(), o); return err }
	inpaint := func(img, mask image.Image, o tweedie.Options) error {
		_, err := m.Inpaint(t.Context(), img, mask, o)
		return err
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{sample(tweedie.Options{N: -1}), "n must be a whole number from 1"},
		{sample(tweedie.Options{N: 1, Request: engine.Request{N: new(2)}}), "N must be given in Options or in Options.Request"},
		{sample(tweedie.Options{Class: "1", Request: engine.Request{Class: engine.Classes{"2"}}}), "Class must be given in Options or in Options.Request"},
		{sample(tweedie.Options{Steps: 1 << 20}), "steps"},
		{sample(tweedie.Options{Guidance: new(-1.0)}), "guidance"},
		{sample(tweedie.Options{Class: "ten"}), "class"},
		{sample(tweedie.Options{Sampler: "magic"}), "sampler"},
		{sample(tweedie.Options{Resample: 2}), "resampl"},
		{inpaint(nil, gray, tweedie.Options{}), "the picture must not be nil"},
		{inpaint(gray, nil, tweedie.Options{}), "the mask must not be nil"},
		{inpaint(image.NewGray(image.Rect(0, 0, 9, 8)), gray, tweedie.Options{}), "the picture must be 28×28 pixels, width × height (got 9×8): set Picture.Fit"},
		{inpaint(gray, image.NewGray(image.Rect(0, 0, 0, 0)), tweedie.Options{Picture: picture.Options{Fit: picture.Crop}}), "sides must be between 1"},
		{inpaint(gray, gray, tweedie.Options{}), "mask"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want %q", c.err, c.want)
		}
	}
	if field, ok := errors.AsType[*settings.FieldError](sample(tweedie.Options{Steps: -3})); !ok || field.Field != "steps" {
		t.Errorf("got %v, want a FieldError of steps", field)
	}
	if _, err := tweedie.New(nil, engine.Options{}); err == nil {
		t.Error("New took nil")
	}
}

// Images of another size than the model's, also inpainted.
func TestSize(t *testing.T) {
	m := open(t)
	o := tweedie.Options{Seed: 3, Steps: 2, Size: [2]int{56, 28}}
	r, err := m.Sample(t.Context(), o)
	if err != nil || r.Shape != [4]int{1, 56, 28, 1} || r.Images[0].Bounds() != image.Rect(0, 0, 28, 56) {
		t.Fatalf("got %+v, %v", r, err)
	}
	mask := image.NewGray(image.Rect(0, 0, 28, 56))
	mask.SetGray(3, 50, color.Gray{255})
	painted, err := m.Inpaint(t.Context(), r.Images[0], mask, o)
	if err != nil || painted.Shape != r.Shape || !slices.Equal(painted.Pixels[:28*50], r.Pixels[:28*50]) {
		t.Errorf("inpainting: got %v", err)
	}
	for _, size := range [][2]int{{27, 28}, {-1, 28}, {28, 0}, {2000, 28}} {
		o.Size = size
		if _, err := m.Sample(t.Context(), o); err == nil || !strings.Contains(strings.ToLower(err.Error()), "size must be") {
			t.Errorf("%v: got %v", size, err)
		}
	}
}
