package main

import (
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/model"
	"tweedie/core/train"
	"tweedie/weights"
)

// configOf returns the configuration of the run in dir.
func configOf(t *testing.T, dir string) *train.Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := train.ParseConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A run is extended, finished, and held to a time; its folder has the numbers of its losses.
func TestTrainLonger(t *testing.T) {
	data := filepath.Dir(filepath.Dir(toyModel(t)))
	dir := filepath.Join(t.TempDir(), "run")
	must(t, "train", data, "-o", dir, "--arch", "tiny", "--steps", "2", "--batch", "4", "--sample-every", "-1")
	must(t, "train", data, "-o", dir, "--resume", "--steps", "4", "--sample-every", "-1")
	if c := configOf(t, dir); c.Steps != 4 || c.Decay != "sqrt" || len(c.Averages) != 3 {
		t.Errorf("extended: got %d steps, decay %q, averages %v; want 4, sqrt and three", c.Steps, c.Decay, c.Averages)
	}
	if err := os.Remove(filepath.Join(dir, "model.json")); err != nil {
		t.Fatal(err)
	}
	if got := must(t, "train", data, "-o", dir, "--resume", "--finish"); got != filepath.Join(dir, "model.json")+"\n" {
		t.Errorf("finish printed %q", got)
	}
	must(t, "verify", filepath.Join(dir, "model.json"))
	for _, name := range []string{"samples/000004.png", "loss.csv"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	must(t, "train", data, "-o", dir, "--resume", "--time", "10ms", "--sample-every", "-1")
	if c := configOf(t, dir); c.Steps <= 4 {
		t.Errorf("resumed for a time: got %d steps, want more than 4", c.Steps)
	}
	status, _, stderr := call(t, "train", data, "-o", dir, "--resume", "--steps", "3")
	if status != 1 || !strings.Contains(stderr, "have been taken") {
		t.Errorf("fewer steps: status %d, %q", status, stderr)
	}
}

// Without a number of steps the run is planned: few pictures take 64,000 draws, however fast the
// machine is, unless the time is over before.
func TestTrainPlanned(t *testing.T) {
	data := filepath.Dir(filepath.Dir(toyModel(t)))
	status, out, stderr := call(t, "train", data, "--arch", "small", "--print")
	var c train.Config
	if err := json.Unmarshal([]byte(out), &c); status != 0 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, stderr)
	}
	if c.Steps*c.Batch > 64000 || c.Decay != "sqrt" || c.DecayFrom < 1 || !strings.Contains(stderr, "network small") || !strings.Contains(stderr, "plan: ") {
		t.Errorf("planned %d steps of %d, decay %s from %d: %s", c.Steps, c.Batch, c.Decay, c.DecayFrom, stderr)
	}
}

// A model is continued on pictures with other classes, which get its size without a flag.
func TestTrainFromModel(t *testing.T) {
	source := toyModel(t)
	data := t.TempDir()
	for i, class := range []string{"a", "b"} {
		if err := os.MkdirAll(filepath.Join(data, class), 0o777); err != nil {
			t.Fatal(err)
		}
		for k := range 3 {
			picture := image.NewGray(image.Rect(0, 0, 12, 10+k))
			picture.Pix[0] = uint8(100*i + k)
			writePNG(t, filepath.Join(data, class, string(rune('0'+k))+".png"), picture)
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	_, _, stderr := call(t, "train", data, "-o", dir, "--init", source, "--steps", "2", "--batch", "4", "--sample-every", "-1")
	if !strings.Contains(stderr, "100% of the weights are taken over") || !strings.Contains(stderr, "new classes: a, b") {
		t.Errorf("train said %q", stderr)
	}
	f, err := weights.Open(filepath.Join(dir, "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	if c := m.Config(); !slices.Equal(c.Classes, []string{"a", "b"}) || *c.NullClass != 2 || c.Shape != [3]int{1, 8, 8} {
		t.Errorf("the model has classes %q, null class %v and shape %v", c.Classes, c.NullClass, c.Shape)
	}
}

// Transparency is a channel that is trained, and PNG files of samples have it.
func TestTrainTransparency(t *testing.T) {
	data := t.TempDir()
	for k := range 4 {
		picture := image.NewNRGBA(image.Rect(0, 0, 8, 8))
		for i := range picture.Pix {
			picture.Pix[i] = uint8(50*k + i)
		}
		writePNG(t, filepath.Join(data, string(rune('0'+k))+".png"), picture)
	}
	dir := filepath.Join(t.TempDir(), "run")
	must(t, "train", data, "-o", dir, "--channels", "4", "--arch", "tiny", "--steps", "2", "--batch", "4")
	out := filepath.Join(dir, "out.png")
	must(t, "sample", filepath.Join(dir, "model.json"), "-o", out, "-n", "1", "--steps", "2")
	if img := readPNG(t, out).(*image.NRGBA); img.Opaque() {
		t.Error("the sample has no transparency")
	}
	if sheet, ok := readPNG(t, filepath.Join(dir, "samples", "000002.png")).(interface{ Opaque() bool }); !ok || !sheet.Opaque() {
		t.Error("the sheet is transparent, want it on a checkerboard")
	}
}
