package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/core/model"
	"tweedie/core/train"
	"tweedie/weights"
)

// Every objective trains a model of its kind, which samples from the command line as it
// recommends, in one step and in two.
func TestEveryObjectiveTrainsAndSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	data, teacher := filepath.Dir(filepath.Dir(toyModel(t))), toyModel(t)
	for _, o := range train.Objectives {
		name := o.Name
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			args := []string{"train", data, "-o", dir, "--arch", "tiny", "--steps", "2", "--batch", "4", "--sample-every", "-1", "--objective", name}
			if name == "consistency-distillation" {
				args = append(args, "--teacher", teacher)
			}
			must(t, args...)
			model := filepath.Join(dir, "model.json")
			if name == "classes" { // which guides another
				must(t, "verify", model)
				must(t, "eval", model, data, "-n", "8")
				must(t, "sample", teacher, "--guide-classifier", model, "--guidance", "0", "-n", "2", "--steps", "2")
				for _, c := range []struct {
					want string
					args []string
				}{
					{"must be that of a model that generates images", []string{"sample", model}},
					{"must be that of a model that generates images", []string{"likelihood", model, data}},
					{"must be a denoiser", []string{"posterior", model, data, "-o", filepath.Join(dir, "p.json")}},
					{"diffusers does not support", []string{"export", model, "-o", filepath.Join(dir, "out"), "--format", "diffusers"}},
					{`arch must be "classifier"`, []string{"sample", teacher, "--guide-classifier", teacher}},
					{"requires --guide-classifier FILE", []string{"sample", teacher, "--classifier-guidance", "2"}},
					{"must be one of 0, 1, 2 or 3", []string{"sample", teacher, "--guide-classifier", model, "--class", "none"}},
				} {
					if status, _, stderr := call(t, c.args...); status == 0 || !strings.Contains(stderr, c.want) {
						t.Errorf("%q: status %d: got %s, want %q in it", c.args, status, stderr, c.want)
					}
				}
				return
			}
			for _, steps := range []string{"1", "2"} {
				must(t, "sample", model, "-o", filepath.Join(dir, "x.png"), "-n", "2", "--steps", steps)
			}
			must(t, "verify", model)
		})
	}
}

// Every process of the choice trains and samples.
func TestEveryProcessTrainsAndSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	data := filepath.Dir(filepath.Dir(toyModel(t)))
	for i, process := range []string{"ddpm", "improved-ddpm", "thermodynamic", "vp", "sub-vp", "ve"} {
		objective := []string{"simple", "min-snr"}[i%2]
		dir := filepath.Join(t.TempDir(), "run")
		must(t, "train", data, "-o", dir, "--arch", "tiny", "--steps", "2", "--batch", "4", "--sample-every", "-1", "--objective", objective, "--process", process)
		must(t, "sample", filepath.Join(dir, "model.json"), "-o", filepath.Join(dir, "x.png"), "-n", "2", "--steps", "2")
	}
	must(t, "train", data, "--print", "-o", "x", "--objective", "hybrid", "--process", "improved-ddpm")
}

// A VDM's γ is learned and goes into its file, where its levels, its likelihood and its
// bound come from.
func TestVDMLearnsItsGamma(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	data, dir := evalData(), filepath.Join(t.TempDir(), "run")
	must(t, "train", data, "-o", dir, "--arch", "tiny", "--steps", "30", "--batch", "8", "--sample-every", "-1", "--objective", "vdm")
	path := filepath.Join(dir, "model.json")
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := model.ParseConfig(f.Manifest.Config)
	if err != nil {
		t.Fatal(err)
	}
	var run struct{ Model model.Config }
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err == nil {
		err = json.Unmarshal(text, &run)
	}
	if err != nil {
		t.Fatal(err)
	}
	learned, begun := c.Process.Gamma, run.Model.Process.Gamma
	if learned.Start == begun.Start || learned.End == begun.End || learned.Units[3] == begun.Units[3] || c.SigmaMin == run.Model.SigmaMin {
		t.Errorf("γ is %+v as it was, levels from %g", learned, c.SigmaMin)
	}
	must(t, "sample", path, "-o", filepath.Join(dir, "x.png"), "--sampler", "ddpm", "--schedule", "trailing", "--steps", "4")
	exact, bound := likelihoodOf(t, path, data, "-n", "2", "--steps", "24"), likelihoodOf(t, path, data, "-n", "2", "--bound")
	// They are of two models, the chain's and the ODE's, which are one only for an exact network:
	// after a few steps of training either may be the higher.
	if bound.Evaluations != 1000 || !(math.Abs(bound.Mean-exact.Mean) < 0.7) {
		t.Errorf("the bound is %g in %d evaluations, the density's bits are %g", bound.Mean, bound.Evaluations, exact.Mean)
	}
}

func TestObjectiveMisuse(t *testing.T) {
	data := filepath.Dir(filepath.Dir(toyModel(t)))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--objective", "magic"}, `--objective must be one of simple, edm, min-snr`},
		{[]string{"--objective", "flow", "--config", "x.json"}, "--objective, --teacher, --process, --augment and --init cannot be combined with --config"},
		{[]string{"--objective", "simple", "--process", "magic"}, `--process must be one of ddpm, improved-ddpm, thermodynamic, vp, sub-vp, ve (got "magic")`},
		{[]string{"--process", "vp"}, "--process requires the objective simple, min-snr, hybrid or vlb"},
		{[]string{"--objective", "vlb", "--process", "ve"}, "which need a chain of steps (got ve)"},
		{[]string{"--objective", "consistency-distillation"}, "teacher"},
		{[]string{"--teacher", "x.json"}, "teacher must be a model for objective"},
	} {
		status, _, stderr := call(t, append([]string{"train", data, "-o", t.TempDir() + "/x"}, c.args...)...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, %q, want 2 and %q", c.args, status, stderr, c.want)
		}
	}
}

// A model that was measured samples by Analytic-DPM; the weights stay as they were.
func TestPosterior(t *testing.T) {
	data := filepath.Dir(filepath.Dir(toyModel(t)))
	out := filepath.Join(t.TempDir(), "measured.json")
	image := filepath.Join(t.TempDir(), "x.png")
	status, _, stderr := call(t, "sample", toyModel(t), "-o", image, "--sampler", "ddpm-analytic")
	if status == 0 || !strings.Contains(stderr, "which tweedie posterior measures") {
		t.Errorf("without: status %d, %q, want the way to have it", status, stderr)
	}
	text := must(t, "posterior", toyModel(t), data, "-o", out, "-n", "8", "--levels", "5")
	if strings.Count(text, "variance") != 5 {
		t.Errorf("printed %q, want five levels", text)
	}
	must(t, "sample", out, "-o", image, "--sampler", "ddpm-analytic", "--steps", "3")
	must(t, "sample", out, "-o", image, "--sampler", "ddim", "--schedule", "optimised", "--steps", "3")
	if _, err := os.Stat(image); err != nil {
		t.Error(err)
	}
	if got := must(t, "inspect", out); !strings.Contains(got, "ddpm-analytic") {
		t.Errorf("inspect says %q, want the sampler among its samplers", got)
	}
}
