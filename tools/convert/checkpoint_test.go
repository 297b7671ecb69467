package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/weights/npy"
)

// TestConvertCheckpoint takes a training run's .pt, which holds a network and its
// average in half precision, to a model that answers what PyTorch's average does.
func TestConvertCheckpoint(t *testing.T) {
	dir := t.TempDir()
	model, out := filepath.Join(dir, "song.json"), filepath.Join(dir, "out.npy")
	status, _, stderr := call(t, "convert", "testdata/song.pt", "-o", model)
	if status != 0 {
		t.Fatal(stderr)
	}
	for _, want := range []string{"found: the network of EDM", `found: "ema" contains an average`, "found: SongUNet", "assumed: ", "has the preconditioning of EDM"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q: %s", want, stderr)
		}
	}
	must(t, "verify", model)
	must(t, "forward", model, "--x", "testdata/song-x.npy", "--t", "testdata/song-t.npy", "-o", out)
	got, err := npy.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := npy.Read("testdata/song-out.npy")
	if err != nil {
		t.Fatal(err)
	}
	largest, worst := 0.0, 0.0
	for i, w := range want.Float32() {
		largest = max(largest, math.Abs(float64(w)))
		if d := math.Abs(float64(got.Float32()[i]) - float64(w)); !(d <= worst) {
			worst = d
		}
	}
	if !(worst <= 1e-5*largest) {
		t.Errorf("off by %g of %g, need 1e-5 of it", worst, largest)
	}

	// The weights as they were trained are others.
	must(t, "convert", "testdata/song.pt", "-o", filepath.Join(dir, "plain.json"), "--no-ema")
	must(t, "forward", filepath.Join(dir, "plain.json"), "--x", "testdata/song-x.npy", "--t", "testdata/song-t.npy", "-o", out)
	if plain, err := npy.Read(out); err != nil || plain.Float32()[0] == got.Float32()[0] {
		t.Errorf("--no-ema gave the average too, %v", err)
	}
}

// TestConvertKeepsOld: a conversion that fails leaves the model that stood there.
func TestConvertKeepsOld(t *testing.T) {
	dir := t.TempDir()
	model, broken := filepath.Join(dir, "song.json"), filepath.Join(dir, "broken.pt")
	must(t, "convert", "testdata/song.pt", "-o", model)
	before, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/song.pt")
	if err != nil {
		t.Fatal(err)
	}
	// Numbers that are not finite, in every large entry: the first is met when parts are
	// written.
	entry := []byte("PK\x03\x04")
	for at := 0; ; {
		next := bytes.Index(data[at+1:], entry)
		if next < 0 {
			break
		}
		if at > 0 && next > 600 { // the first is the pickle
			copy(data[at+next*3/4&^1:], "\xff\xff\xff\xff") // NaN in half precision
		}
		at += 1 + next
	}
	if err := os.WriteFile(broken, data, 0o644); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := call(t, "convert", broken, "-o", model)
	if status != 1 || !strings.Contains(stderr, "must be a finite number") {
		t.Errorf("status %d: %s", status, stderr)
	}
	after, err := os.ReadFile(model)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the old manifest changed, %v", err)
	}
	must(t, "verify", model)
}

// TestInspectCheckpoint shows what is in another program's file.
func TestInspectCheckpoint(t *testing.T) {
	text := must(t, "inspect", "testdata/song.pt")
	for _, want := range []string{"the network of EDM", "kind        PyTorch zip", "step: 1000", "ema.map_layer0.weight", "F16"} {
		if !strings.Contains(text, want) {
			t.Errorf("inspect lacks %q: %s", want, text)
		}
	}
	var d struct {
		Kind    string
		Network []string
		Tensors []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(must(t, "inspect", "testdata/song.pt", "--json")), &d); err != nil || d.Kind != "PyTorch zip" || len(d.Network) == 0 || len(d.Tensors) == 0 {
		t.Errorf("got %+v, %v", d, err)
	}
	for file, want := range map[string]string{"../../weights/torch/testdata/refuse-system.pt": "posix.system", "testdata/make.py": "", "main.go": ""} {
		if status, _, stderr := call(t, "inspect", file); status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s", file, status, stderr)
		}
	}
}
