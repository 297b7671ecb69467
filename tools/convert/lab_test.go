package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/sampler"
)

// labResult is what lab prints as JSON.
type labResult struct {
	ScoreOff        map[string]float64 `json:"score_off"`
	Evaluations     int
	Taken, Expected float64
	Distance        float64 `json:"sliced_wasserstein"`
}

func labOf(t *testing.T, args ...string) labResult {
	t.Helper()
	var r labResult
	if err := json.Unmarshal([]byte(must(t, append([]string{"lab", "--json"}, args...)...)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Every sampler draws the distribution with enough steps, and works with one and two.
func TestLabSamplers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for _, m := range sampler.Methods {
		args := []string{"-n", "1000", "--sampler", m.Name, "--distribution", "pair"}
		for _, steps := range []string{"1", "2"} {
			if steps == "1" && slices.Contains([]string{"rk45", "adaptive-sde", "dpm-adaptive"}, m.Name) {
				continue // they choose their own steps between two levels
			}
			more := append(args, "--steps", steps)
			if m.Orders > 0 {
				more = append(more, "--order", "1")
			}
			if r := labOf(t, more...); r.Evaluations < 1 {
				t.Errorf("%s, %s steps: %+v", m.Name, steps, r)
			}
		}
		steps := "60"
		if m.Noise {
			steps = "200"
		}
		if r := labOf(t, append(args, "--steps", steps)...); !(r.Distance <= 1.5*r.Expected+0.02) {
			t.Errorf("%s: at distance %g, want at most 1.5 times %g, and 0.02", m.Name, r.Distance, r.Expected)
		}
	}
	for _, name := range []string{"d3pm-uniform", "d3pm-absorbing"} {
		if r := labOf(t, "-n", "1000", "--sampler", name, "--steps", "60"); !(r.Distance <= 1.5*r.Expected+0.02) || r.Evaluations != 60 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for _, name := range []string{"langevin", "mala", "hmc"} {
		r := labOf(t, "-n", "1000", "--sampler", name, "--distribution", "one")
		if !(r.Distance <= 1.5*r.Expected+0.02) || name != "langevin" && !(r.Taken > 0.5 && r.Taken < 1) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestLabLearnsAndDraws(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.png")
	r := labOf(t, "--objective", "edm", "--train-steps", "100", "-n", "300", "-o", out)
	if len(r.ScoreOff) != 3 || !(r.ScoreOff["1"] < 0.5) || r.Evaluations != 30 {
		t.Errorf("got %+v", r)
	}
	if b, err := os.ReadFile(out); err != nil || !strings.HasPrefix(string(b), "\x89PNG") {
		t.Errorf("no picture: %v", err)
	}
	text := must(t, "lab", "--objective", "sliced", "--train-steps", "20", "-n", "100", "--steps", "10")
	if !strings.Contains(text, "relative error of the score at noise level 0: ") || !strings.Contains(text, "langevin, 10 evaluations") {
		t.Errorf("printed %q", text)
	}
}

func TestLabRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--distribution square", "--distribution must be one of three"},
		{"--objective magic", "tweedie lab --help lists"},
		{"--sampler magic", "--sampler must be one of langevin, mala, hmc, d3pm-uniform, d3pm-absorbing, dpmpp2m"},
		{"--sampler ddpm-learned", "it requires a trained model"},
		{"--sampler mala --objective sliced", "--sampler must be langevin"},
		{"--sampler dpmpp2m --objective denoising", "--sampler must be langevin"},
		{"--sampler hmc --objective edm", "which learns a denoiser"},
		{"--sampler mala --order 2", "settings of noise levels have no effect with --sampler mala"},
		{"--sampler mala --leaps 3", "--leaps requires the sampler hmc"},
		{"--sampler d3pm-uniform --objective edm", "which learns a denoiser"},
		{"--sampler d3pm-uniform --step-size 0.1", "--step-size requires"},
		{"--step-size 0.1", "--step-size requires the sampler langevin, mala or hmc (got dpmpp2m)"},
		{"--sampler lms --order 3 --steps 1", "--order must be at most the number of steps, 1 (got 3)"},
		{"--sampler euler --corrector-steps 3", "--corrector-steps must be left out with sampler euler"},
		{"--objective ncsn --sigma-max 40", "--sigma-max must be a number from 0.05 to 5, the noise levels of the model (got 40)"},
		{"--schedule trailing", "--schedule must be another, such as karras"},
		{"-n 0", "--number must be from 1 to 1048576 (got 0)"},
		{"--sampler heun --steps 0", "--steps must be a whole number from 1 to 10000 (got 0)"},
		{"--sampler mala --steps 0", "--steps must be a whole number from 1 to 10000 (got 0)"},
	} {
		status, stdout, stderr := call(t, append([]string{"lab"}, strings.Fields(c.args)...)...)
		if status != 2 || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: status %d, %q; want 2 and %q", c.args, status, stderr, c.want)
		}
	}
}

// The command's old name and its old flag work, with a note.
func TestLabUnderItsOldName(t *testing.T) {
	status, old, stderr := call(t, "plane", "--law", "ring", "-n", "20", "--steps", "2", "--json")
	if status != 0 || !strings.Contains(stderr, "tweedie plane is now called tweedie lab") || !strings.Contains(stderr, "--law is now called --distribution") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if got := must(t, "lab", "--distribution", "ring", "-n", "20", "--steps", "2", "--json"); got != old {
		t.Errorf("got %q, want %q", got, old)
	}
	if got := must(t, "--help"); strings.Contains(got, "plane") {
		t.Errorf("the old name is listed: %q", got)
	}
}

// Points that a learned score sends to infinity are counted; where none is left, that is
// the error, and no picture is written.
func TestLabDivergedPoints(t *testing.T) {
	out := filepath.Join(t.TempDir(), "lab.png")
	args := []string{"lab", "--objective", "sliced", "--train-steps", "20", "-n", "100"}
	status, _, stderr := call(t, append(args, "--step-size", "10", "--steps", "1000", "-o", out)...)
	if status != 1 || !strings.Contains(stderr, "all 100 points of langevin diverged") {
		t.Errorf("status %d and %q, want 1 and an error that says that all points diverged", status, stderr)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a picture of no points was written")
	}
}
