package main

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"
)

// Pictures that are not square train a model of their size, which draws, paints, weighs and
// compares such pictures, and draws squares where it is asked to.
func TestRectangles(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for class := range 2 {
		for i := range 16 {
			img := image.NewGray(image.Rect(0, 0, 16, 8))
			for x := range 8 {
				for y := range 8 {
					img.SetGray(8*class+x, y, color.Gray{uint8(200 + i)})
				}
			}
			path := filepath.Join(data, string(rune('a'+class)), fmt.Sprintf("%d.png", i))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			writePNG(t, path, img)
		}
	}
	run, out := filepath.Join(dir, "run"), filepath.Join(dir, "out.png")
	must(t, "train", data, "-o", run, "--arch", "tiny", "--steps", "2", "--sample-every", "-1")
	model := filepath.Join(run, "model.json")
	must(t, "sample", model, "--steps", "2", "-o", out)
	if got := readPNG(t, out).Bounds().Size(); got != image.Pt(16, 8) {
		t.Errorf("an image is %v, want 16 × 8", got)
	}
	must(t, "sample", model, "--steps", "2", "--size", "16x8", "-o", out)
	if got := readPNG(t, out).Bounds().Size(); got != image.Pt(8, 16) {
		t.Errorf("an image of --size 16x8 is %v, want 8 wide and 16 high", got)
	}
	mask := filepath.Join(dir, "mask.png")
	half := image.NewGray(image.Rect(0, 0, 16, 8))
	half.SetGray(3, 3, color.Gray{255})
	writePNG(t, mask, half)
	must(t, "inpaint", model, "--image", filepath.Join(data, "a", "0.png"), "--mask", mask, "--steps", "2", "-o", out)
	must(t, "likelihood", model, data, "--steps", "2", "-n", "2")
	if testing.Short() { // a classifier is trained
		return
	}
	must(t, "eval", model, data, "--steps", "2", "-n", "8", "--classifier", filepath.Join(dir, "classifier.json"), "--seed", "1")
}
