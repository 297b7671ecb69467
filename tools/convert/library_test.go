package main

import (
	"strings"
	"testing"

	"tweedie"
	"tweedie/core/dataset"
	fitting "tweedie/core/picture"
)

// The Go library gives the bytes that the command line gives: of samples, and of
// inpainting with pictures of another size.
func TestCommandsAreTheLibrary(t *testing.T) {
	m, err := tweedie.Open(toyModel(t))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := sample(t, "-n", "5", "--seed", "7", "--steps", "3", "--sampler", "heun", "--class", "1,none", "--guidance", "2")
	got, err := m.Sample(t.Context(), tweedie.Options{N: 5, Seed: 7, Steps: 3, Sampler: "heun", Class: "1,none", Guidance: new(2.0)})
	if err != nil || got.SHA256 != want.SHA256 {
		t.Errorf("sample: the library gives %v, %v, the command %s", got, err, want.SHA256)
	}
	wide := picture(t, 20, 10, func(x, y int) uint8 { return uint8(12 * x) })
	mask := picture(t, 16, 16, func(x, y int) uint8 { return uint8(255 * (x / 8)) })
	printed := must(t, "inpaint", toyModel(t), "--image", wide, "--mask", mask, "--fit", "pad", "--invert", "auto", "--steps", "2", "--seed", "3", "-n", "2")
	img, err := dataset.ReadPicture(wide)
	if err != nil {
		t.Fatal(err)
	}
	maskImage, err := dataset.ReadPicture(mask)
	if err != nil {
		t.Fatal(err)
	}
	got, err = m.Inpaint(t.Context(), img, maskImage, tweedie.Options{N: 2, Seed: 3, Steps: 2, Picture: fitting.Options{Fit: fitting.Pad, Invert: fitting.InvertAuto}})
	if err != nil || got.SHA256 != strings.TrimSpace(printed) {
		t.Errorf("inpaint: the library gives %v, %v, the command %s", got, err, printed)
	}
}
