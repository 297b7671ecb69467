package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tweedie/tools/convert/internal/cmd"
	"tweedie/tools/convert/internal/cmd/modelfile"
)

// call runs a command line and returns its exit status and what it printed.
func call(t testing.TB, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(args, &out, &err)
	return status, out.String(), err.String()
}

// must runs a command line that has to work and returns its standard output.
func must(t testing.TB, args ...string) string {
	t.Helper()
	status, stdout, stderr := call(t, args...)
	if status != 0 {
		t.Fatalf("tweedie %s: status %d: %s", strings.Join(args, " "), status, stderr)
	}
	return stdout
}

// toyData writes 32 pictures of 8×8 in four classes as idx files.
func toyData(t testing.TB, dir string) {
	images, labels := []byte{0, 0, 8, 3}, []byte{0, 0, 8, 1}
	for _, d := range []uint32{32, 8, 8} {
		images = binary.BigEndian.AppendUint32(images, d)
	}
	labels = binary.BigEndian.AppendUint32(labels, 32)
	for i := range 32 {
		labels = append(labels, byte(i%4))
		for p := range 64 {
			images = append(images, byte(p*(i%4+1)+i))
		}
	}
	for name, data := range map[string][]byte{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// toyRun is a training run of two steps, made once for all tests.
var toyRun = sync.OnceValues(func() (dir string, failed string) {
	dir, err := os.MkdirTemp("", "tweedie-cli-")
	if err != nil {
		return "", err.Error()
	}
	var out, stderr bytes.Buffer
	toyData(tester{}, dir)
	args := []string{"train", dir, "-o", filepath.Join(dir, "run"), "--arch", "tiny", "--steps", "2", "--batch", "4", "--sample-every", "2"}
	if run(args, &out, &stderr) != 0 {
		return dir, stderr.String()
	}
	return dir, ""
})

// tester is a testing.TB that panics, for what runs outside of any one test.
type tester struct{ testing.TB }

func (tester) Fatal(args ...any) { panic(args) }
func (tester) Helper()           {}

func TestMain(m *testing.M) {
	if peak := os.Getenv(asCommand); peak != "" {
		os.Exit(runAsCommand(peak))
	}
	status := m.Run()
	if dir, _ := toyRun(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(status)
}

// toyModel returns the path of a tiny model of 8×8 gray images in four classes.
func toyModel(t testing.TB) string {
	t.Helper()
	dir, failed := toyRun()
	if failed != "" {
		t.Fatal(failed)
	}
	return filepath.Join(dir, "run", "model.json")
}

func TestTrainLeavesEverything(t *testing.T) {
	dir := filepath.Dir(toyModel(t))
	for _, name := range []string{"config.json", "state.safetensors", "loss.png", "model.json", "samples/000002.png"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	status, _, stderr := call(t, "train", filepath.Dir(dir), "-o", dir)
	if status != 1 || !strings.Contains(stderr, "--resume") {
		t.Errorf("training into a run: status %d, %q", status, stderr)
	}
	if got := must(t, "train", filepath.Dir(dir), "-o", dir, "--resume"); got != filepath.Join(dir, "model.json")+"\n" {
		t.Errorf("resuming a finished run printed %q", got)
	}
	var config map[string]any
	if err := json.Unmarshal([]byte(must(t, "train", filepath.Dir(dir), "--arch", "small", "--seed", "9", "--print")), &config); err != nil || config["seed"] != 9.0 {
		t.Errorf("--print: %v, seed %v", err, config["seed"])
	}
}

func TestInspectVerifyBench(t *testing.T) {
	path := toyModel(t)
	if got := must(t, "inspect", path); !strings.Contains(got, "conv_in.weight") || !strings.Contains(got, `"arch":"unet2d"`) {
		t.Errorf("inspect printed %q", got)
	}
	for _, args := range [][]string{{"inspect", path, "--json"}, {"verify", path, "--json"}, {"bench", path, "--json", "--time", "1ms", "--batch", "1"},
		{"bench", path, "--json", "--time", "1ms", "--batch", "1", "--ops"}, {"version", "--json"}} {
		if got := must(t, args...); !json.Valid([]byte(got)) || strings.Count(got, "\n") != 1 {
			t.Errorf("%v printed %q, want a line of JSON", args, got)
		}
	}
	if got := must(t, "verify", path); !strings.Contains(got, ": OK: ") {
		t.Errorf("verify printed %q", got)
	}
}

func TestHelp(t *testing.T) {
	root := cmd.New()
	for _, c := range root.Commands() {
		if c.Name() == "completion" || c.Name() == "help" {
			continue
		}
		got := must(t, c.Name(), "--help")
		if !strings.Contains(got, "Examples:") || !strings.Contains(got, "Usage:") {
			t.Errorf("%s --help has no examples: %q", c.Name(), got)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := must(t, "completion", shell); !strings.Contains(got, "tweedie") {
			t.Errorf("completion %s printed %q", shell, got)
		}
	}
}

func TestCancelledCommandsLeaveNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	var out, stderr bytes.Buffer
	status := runContext(ctx, []string{"sample", toyModel(t), "-n", "4", "-o", filepath.Join(dir, "a.png")}, &out, &stderr)
	if status != stopped || out.Len() != 0 || strings.TrimPrefix(stderr.String(), modelfile.PortableNote) != "tweedie sample: stopped\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, out.String(), stderr.String())
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestCancelledConvertKeepsTheOld: what is stopped while it writes leaves the model that
// stood there, and nothing of its own.
func TestCancelledConvertKeepsTheOld(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "a.json")
	must(t, "convert", toyModel(t), "-o", out, "--no-measure")
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if status := runContext(ctx, []string{"convert", toyModel(t), "-o", out, "--quant", "int4"}, &stdout, &stderr); status != stopped || stdout.Len() != 0 {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout.String(), stderr.String())
	}
	after, err := os.ReadDir(dir)
	if err != nil || len(after) != len(before) {
		t.Errorf("left %v, %v; want %v", after, err, before)
	}
	must(t, "verify", out)
}

func TestConvert(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "small.json")
	card, text := filepath.Join(dir, "card.json"), filepath.Join(dir, "card.md")
	os.WriteFile(card, []byte(`{"data":"toy"}`), 0o666)
	os.WriteFile(text, []byte("# Toy\n"), 0o666)
	must(t, "convert", toyModel(t), "-o", out, "--quant", "int8", "--title", "Toy", "--guidance", "3", "--card", card, "--no-measure")
	must(t, "verify", out)
	got := must(t, "inspect", out)
	for _, want := range []string{`"title":"Toy"`, `"guidance":3`, `{"data":"toy"}`, "I8"} {
		if !strings.Contains(got, want) {
			t.Errorf("inspect says %q, want it to hold %q", got, want)
		}
	}
	// A card that the model has stays; one for people stands beside it.
	again := filepath.Join(dir, "again.json")
	must(t, "convert", out, "-o", again, "--quant", "f16", "--card", text, "--no-measure")
	if got := must(t, "inspect", again); !strings.Contains(got, `{"data":"toy"}`) {
		t.Errorf("the card was lost: %q", got)
	}
	if beside, err := os.ReadFile(filepath.Join(dir, "again.md")); err != nil || string(beside) != "# Toy\n" {
		t.Errorf("again.md: %q, %v", beside, err)
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--quant", "int2"}, 2, `--quant must be one of f32, f16, int8, int4, mixed (got "int2")`},
		{[]string{"--quant", "int4", "--levels", "9"}, 2, "--levels requires --quant int8 (got int4)"},
		{[]string{"--quant", "int8", "--levels", "128"}, 2, "--levels must be from 1 to 127 (got 128)"},
		{[]string{"--quant", "int4", "--budget", "0.5"}, 2, "--budget requires --quant mixed, or int8 without --levels"},
		{[]string{"--quant", "int8", "--levels", "9", "--budget", "0.5"}, 2, "--budget requires --quant mixed, or int8 without --levels"},
		{[]string{"--quant", "mixed", "--budget", "NaN"}, 2, "--budget must be a number"},
		{[]string{"--quant", "mixed", "--budget", "0.01"}, 1, "choose a budget above 0.01"},
		{[]string{"--quant", "mixed", "--data", dir}, 1, dir},
		{[]string{"--measure", "--no-measure"}, 2, "--measure and --no-measure cannot be combined"},
		{[]string{"--arch", "onnx"}, 2, `--arch must be one of auto`},
		{[]string{"--card", text + "x"}, 2, "--card must be a .json or .md file"},
		{[]string{"--guidance", "NaN"}, 2, "--guidance must be a number"},
	} {
		status, _, stderr := call(t, append([]string{"convert", toyModel(t), "-o", filepath.Join(dir, "x.json")}, c.args...)...)
		if status != c.status || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, %q, want %d and %q", c.args, status, stderr, c.status, c.want)
		}
	}
}

// TestConvertMeasures: a line says what the model takes, and a table how near it is; the
// old file stays where nothing new can be written.
func TestConvertMeasures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "small.json")
	for _, tt := range []struct {
		quant   string
		options []string
		least   float64 // decibels at every level
	}{
		{"f16", nil, 60}, {"int8", []string{"--budget", "2"}, 30}, {"int4", nil, 10}, {"mixed", []string{"--budget", "2"}, 30},
	} {
		args := append([]string{"convert", toyModel(t), "-o", out, "--quant", tt.quant, "--json"}, tt.options...)
		var got struct {
			Quant    string
			Bytes    int
			Each     float64 `json:"bytes_per_parameter"`
			Fidelity struct {
				Denoised []struct{ Sigma, DB *float64 }
				Samples  *float64 `json:"samples_db"`
				Images   int
			}
		}
		if err := json.Unmarshal([]byte(must(t, args...)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Quant != tt.quant || got.Bytes == 0 || !(got.Each > 0 && got.Each < 4) || len(got.Fidelity.Denoised) != 5 || got.Fidelity.Images < 4 {
			t.Errorf("%s: got %+v", tt.quant, got)
		}
		for _, l := range got.Fidelity.Denoised {
			if l.DB != nil && !(*l.DB >= tt.least) {
				t.Errorf("%s: %.1f dB at σ = %g, want %g", tt.quant, *l.DB, *l.Sigma, tt.least)
			}
		}
		must(t, "verify", out)
	}
	before, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := call(t, "convert", toyModel(t), "-o", out, "--quant", "mixed", "--budget", "0.01"); status != 1 {
		t.Errorf("status %d, %q", status, stderr)
	}
	if after, err := os.ReadFile(out); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the old manifest changed: %v", err)
	}
	must(t, "verify", out)
	if got := must(t, "convert", toyModel(t), "-o", out, "--quant", "int8"); !strings.Contains(got, " bytes per parameter\n") || !strings.Contains(got, "PSNR, dB") || !strings.Contains(got, "noise level") {
		t.Errorf("convert printed %q", got)
	}
	if got := must(t, "convert", toyModel(t), "-o", out, "--quant", "int8", "--no-measure"); strings.Contains(got, "PSNR") {
		t.Errorf("convert --no-measure printed %q", got)
	}
}
