package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tweedie/core/modeltest"
	"tweedie/core/settings"
	"tweedie/core/unet"
	"tweedie/weights"
)

// A request for another size draws images of that size, the same as a model of that size does.
func TestSize(t *testing.T) {
	e := openStarted(t, flowing)
	want, err := Of(e.model, Options{Workers: 1, Size: unet.Size{H: 16, W: 8}})
	if err != nil {
		t.Fatal(err)
	}
	r := Request{N: new(3), Seed: 5, Steps: new(3), Size: SizeOf(unet.Size{H: 16, W: 8})}
	got, err := e.Sample(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Size = 0
	same, err := want.Sample(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Shape != [4]int{3, 16, 8, 1} || got.SHA256() != same.SHA256() {
		t.Errorf("got shape %v and %s, want %v and %s", got.Shape, got.SHA256(), same.Shape, same.SHA256())
	}
	if own, err := e.Sample(t.Context(), r, nil); err != nil || own.Shape != [4]int{3, 8, 8, 1} {
		t.Errorf("the model's size afterwards: got %v, %v", own.Shape, err)
	}
	plan, err := e.Check(Request{Size: SizeOf(unet.Square(16))}, false)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := e.Check(Request{Size: SizeOf(unet.Square(8))}, false); err != nil || plain.Size != 0 || !(plan.Work > 3.9*plain.Work) {
		t.Errorf("four times the pixels: work %g and %g, size %d, %v", plan.Work, plain.Work, plain.Size, err)
	}
}

// Pictures bring their own size.
func TestSizeOfPictures(t *testing.T) {
	e := openStarted(t, flowing)
	picture := func(h, w int) Picture { return Picture{h, w, 1, slices.Repeat([]uint8{200}, h*w)} }
	mask := picture(16, 4)
	clear(mask.Data[:32])
	r, err := e.Inpaint(t.Context(), Request{Steps: new(2)}, picture(16, 4), mask, nil)
	if err != nil || r.Shape != [4]int{1, 16, 4, 1} || !slices.Equal(r.Pixels[:32], picture(8, 4).Data) {
		t.Errorf("inpainting: shape %v, %v", r.Shape, err)
	}
	if _, err := e.Inpaint(t.Context(), Request{}, picture(7, 4), picture(7, 4), nil); err == nil || !strings.Contains(err.Error(), "image must be 8×8×1") {
		t.Errorf("a size that the network does not allow: %v", err)
	}
	if found, err := e.Likelihood(t.Context(), LikelihoodRequest{Steps: new(2)}, picture(16, 4), nil); err != nil || len(found.Bits) != 1 {
		t.Errorf("likelihood: %v, %v", found, err)
	}
}

func TestSizeErrors(t *testing.T) {
	e := openStarted(t, flowing)
	for _, c := range []struct {
		size Size
		want string
	}{
		{SizeOf(unet.Size{H: 7, W: 8}), "size must be a height and a width that are multiples of 2, such as 8 (got \"7x8\")"},
		{SizeOf(unet.Square(64)), "size must be at most 16 times as many pixels as 8"},
	} {
		_, err := e.Check(Request{Size: c.size}, false)
		if field, ok := errors.AsType[*settings.FieldError](err); !ok || field.Field != "size" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	for _, text := range []string{`{"size":0}`, `{"size":"8x"}`, `{"size":[8]}`, `{"size":"8x8x8"}`, `{"size":true}`, `{"size":-8}`, `{"size":"100000"}`} {
		if _, err := ParseRequest([]byte(text)); err == nil || !strings.Contains(err.Error(), "size must be height x width") {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if _, err := New(testInfo(), newGaussian(), Options{}).Check(Request{Size: SizeOf(unet.Square(8))}, false); err == nil || !strings.Contains(err.Error(), "the network has one size") {
		t.Errorf("a network of one size: got %v", err)
	}
}

// A manifest alone is enough to check a size.
func TestSizeOfDescription(t *testing.T) {
	data, _ := modeltest.Encode(t, "toy", startedModel(t, flowing, 300), weights.Storage{DType: weights.F32})
	m, err := weights.ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	info, err := Describe(m)
	if err != nil {
		t.Fatal(err)
	}
	p, err := info.Check(Request{Size: SizeOf(unet.Size{H: 4, W: 16})}, false)
	if err != nil || p.Shape != [3]int{1, 4, 16} {
		t.Errorf("got %v, %v", p.Shape, err)
	}
}
