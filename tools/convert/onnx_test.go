package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/weights/npy"
)

// fixture returns the path of an ONNX file.
func fixture(name string) string {
	return filepath.Join("..", "..", "weights", "onnx", "testdata", name+".onnx")
}

// TestONNX converts a graph, and treats it like any model.
func TestONNX(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	dir := t.TempDir()
	model := filepath.Join(dir, "unet.json")
	status, _, stderr := call(t, "convert", fixture("unet"), "-o", model, "--beta-schedule", "cosine", "--null-class", "2", "--quant", "f16")
	if status != 0 || !strings.Contains(stderr, "found: a graph of pytorch, operators of version 14") {
		t.Fatalf("status %d: %s", status, stderr)
	}
	must(t, "verify", model)
	must(t, "sample", model, "-o", filepath.Join(dir, "out.png"), "-n", "2", "--steps", "2", "--class", "1", "--guidance", "2")
	x, times, y := filepath.Join(dir, "x.npy"), filepath.Join(dir, "t.npy"), filepath.Join(dir, "y.npy")
	for path, a := range map[string]*npy.Array{
		x:     {Shape: []int{2, 1, 8, 8}, Data: make([]float32, 128)},
		times: {Shape: []int{2}, Data: []float32{3, 700}},
		y:     {Shape: []int{2}, Data: []int64{0, 2}},
	} {
		if err := npy.Write(path, a); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "forward", model, "--x", x, "--t", times, "--y", y, "-o", filepath.Join(dir, "out.npy"))
	again := filepath.Join(dir, "again.json")
	must(t, "convert", model, "-o", again, "--quant", "int8", "--title", "from a graph")
	if text := must(t, "inspect", again); !strings.Contains(text, `"arch":"program"`) || !strings.Contains(text, ` operations","`) || strings.Contains(text, `"ops"`) {
		t.Errorf("inspect prints %.200s", text)
	}

	status, _, stderr = call(t, "convert", fixture("transformer"), "-o", filepath.Join(dir, "flow.json"),
		"--process", "straight", "--prediction", "x0", "--unit-pixels", "--time-scale", "-1", "--time-shift", "1", "--null-class", "3")
	if status != 0 || strings.Contains(stderr, "assumed") {
		t.Errorf("status %d: %s", status, stderr)
	}
	must(t, "sample", filepath.Join(dir, "flow.json"), "-o", filepath.Join(dir, "flow.png"), "-n", "2", "--steps", "2")

	_, _, stderr = call(t, "convert", fixture("mixed"), "-o", filepath.Join(dir, "mixed.json"))
	if !strings.Contains(stderr, "assumed: the network predicts ε on a linear chain of 1000 steps") {
		t.Errorf("stderr is %s", stderr)
	}
	for _, c := range []struct {
		want   string
		status int
		args   []string
	}{
		{"--null-class must be from 0 to 2, the rows of the table of classes (got 5)", 2, []string{fixture("unet"), "--null-class", "5"}},
		{"--null-class has no effect on a network without classes", 2, []string{fixture("mixed"), "--null-class", "1"}},
		{`there is no input "image", need one of ["x" "t"]`, 1, []string{fixture("mixed"), "--input-x", "image"}},
		{"exclude each other", 1, []string{fixture("mixed"), "--process", "vp", "--beta-schedule", "linear"}},
		{`kind must be`, 1, []string{fixture("mixed"), "--process", "up"}},
		{"no such file", 1, []string{filepath.Join(dir, "none.onnx")}},
	} {
		status, _, stderr := call(t, append([]string{"convert", "-o", filepath.Join(dir, "no.json")}, c.args...)...)
		if status != c.status || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d: %s, need %q", c.args, status, stderr, c.want)
		}
	}
}

// TestInspectONNX shows a graph that runs, and says of another why it does not.
// The conventions of flow matching (data − noise, time from noise to data) and of pixels are
// flags; time that is turned alone is warned of.
func TestONNXConventions(t *testing.T) {
	out := filepath.Join(t.TempDir(), "m.json")
	_, _, stderr := call(t, "convert", fixture("plain"), "-o", out, "--no-measure", "--prediction", "velocity", "--process", "straight", "--time-scale", "-1", "--time-shift", "1")
	if !strings.Contains(stderr, "use --prediction velocity-to-data alone") {
		t.Errorf("turned time alone: %s", stderr)
	}
	ops := func(args ...string) []any {
		must(t, append([]string{"convert", fixture("plain"), "-o", out, "--no-measure"}, args...)...)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Config struct {
				Prediction string
				Range      []float64 `json:"pixel_range"`
				Unit       bool      `json:"unit_pixels"`
				Process    any
				Schedule   any
				Program    struct{ Ops []any }
			}
		}
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		return append(m.Config.Program.Ops, m.Config.Prediction, m.Config.Process != nil, m.Config.Schedule != nil, m.Config.Unit, fmt.Sprint(m.Config.Range))
	}
	said := func(all []any) string { return fmt.Sprint(all[len(all)-5:]...) }
	plain := ops()
	turned := ops("--prediction", "velocity-to-data")
	if said(turned) != "velocitytrue false false[]" || len(turned) != len(plain)+2 { // t and the output are turned
		t.Errorf("velocity-to-data: %s, %d operations instead of %d", said(turned), len(turned), len(plain))
	}
	if got := said(ops("--pixels", "-0.5,0.5")); got != "epsilonfalse true false[-0.5 0.5]" {
		t.Errorf("--pixels -0.5,0.5: %s", got)
	}
	if got := said(ops("--pixels", "0,1")); got != "epsilonfalse true true[]" {
		t.Errorf("--pixels 0,1: %s", got)
	}
	must(t, "sample", out, "--steps", "2", "--sampler", "ddpm")
	for _, wrong := range []string{"1,0", "1", "a,b", "0,inf", ""} {
		if status, _, stderr := call(t, "convert", fixture("plain"), "-o", out, "--pixels="+wrong); wrong != "" && (status != 2 || !strings.Contains(stderr, "--pixels")) {
			t.Errorf("--pixels %q: status %d, %s", wrong, status, stderr)
		}
	}
	if status, _, stderr := call(t, "convert", fixture("plain"), "-o", out, "--pixels", "0,1", "--unit-pixels"); status != 2 {
		t.Errorf("both flags: status %d, %s", status, stderr)
	}
}

func TestInspectONNX(t *testing.T) {
	path := filepath.Join("..", "..", "weights", "onnx", "testdata", "latest.onnx")
	text := must(t, "inspect", path)
	for _, want := range []string{"ONNX, by make.py", "version 20: Add 2, Concat 1, Conv 2, Gather 1, Gelu 2", "GFLOP an evaluation", "input", "[? 2 6 6]"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.onnx")
	if err := os.WriteFile(other, []byte(strings.ReplaceAll(string(data), "HardSwish", "HardSwash")), 0o666); err != nil {
		t.Fatal(err)
	}
	var d struct {
		Runs bool
		How  string
	}
	if err := json.Unmarshal([]byte(must(t, "inspect", other, "--json")), &d); err != nil || d.Runs ||
		!strings.Contains(d.How, `HardSwash node "the_HardSwash_bb": operator "HardSwash" of version 20 is not supported`) {
		t.Errorf("%+v, %v", d, err)
	}
}
