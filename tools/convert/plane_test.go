package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/core/sampler"
)

// planar is what plane prints as JSON.
type planar struct {
	ScoreOff        map[string]float64 `json:"score_off"`
	Evaluations     int
	Taken, Expected float64
	Distance        float64 `json:"sliced_wasserstein"`
}

func planeOf(t *testing.T, args ...string) planar {
	t.Helper()
	var r planar
	if err := json.Unmarshal([]byte(must(t, append([]string{"plane", "--json"}, args...)...)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Every sampler draws the law where it has steps enough, and takes one and two.
func TestPlaneSamplers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for _, m := range sampler.Methods {
		args := []string{"-n", "1000", "--sampler", m.Name, "--law", "pair"}
		for _, steps := range []string{"1", "2"} {
			more := append(args, "--steps", steps)
			if m.Orders > 0 {
				more = append(more, "--order", "1")
			}
			if r := planeOf(t, more...); r.Evaluations < 1 {
				t.Errorf("%s, %s steps: %+v", m.Name, steps, r)
			}
		}
		steps := "60"
		if m.Noise {
			steps = "200"
		}
		if r := planeOf(t, append(args, "--steps", steps)...); !(r.Distance <= 1.5*r.Expected+0.02) {
			t.Errorf("%s: at %g from the law, need at most 1.5 times %g, and 0.02", m.Name, r.Distance, r.Expected)
		}
	}
	for _, name := range []string{"d3pm-uniform", "d3pm-absorbing"} {
		if r := planeOf(t, "-n", "1000", "--sampler", name, "--steps", "60"); !(r.Distance <= 1.5*r.Expected+0.02) || r.Evaluations != 60 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for _, name := range []string{"langevin", "mala", "hmc"} {
		r := planeOf(t, "-n", "1000", "--sampler", name, "--law", "one")
		if !(r.Distance <= 1.5*r.Expected+0.02) || name != "langevin" && !(r.Taken > 0.5 && r.Taken < 1) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestPlaneLearnsAndDraws(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.png")
	r := planeOf(t, "--objective", "edm", "--train-steps", "100", "-n", "300", "-o", out)
	if len(r.ScoreOff) != 3 || !(r.ScoreOff["1"] < 0.5) || r.Evaluations != 30 {
		t.Errorf("got %+v", r)
	}
	if b, err := os.ReadFile(out); err != nil || !strings.HasPrefix(string(b), "\x89PNG") {
		t.Errorf("no picture: %v", err)
	}
	text := must(t, "plane", "--objective", "sliced", "--train-steps", "20", "-n", "100", "--steps", "10")
	if !strings.Contains(text, "the score at noise level 0 is off by") || !strings.Contains(text, "langevin, 10 evaluations") {
		t.Errorf("printed %q", text)
	}
}

func TestPlaneRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--law square", "need one of three"},
		{"--objective magic", "tweedie plane --help lists"},
		{"--sampler magic", "method must be one of"},
		{"--sampler ddpm-learned", "know more than D"},
		{"--sampler mala --objective sliced", "need langevin"},
		{"--sampler dpmpp2m --objective denoising", "need langevin"},
		{"--sampler hmc --objective edm", "what is learned is a denoiser"},
		{"--sampler mala --order 2", "need --steps, and of langevin"},
		{"--sampler mala --leaps 3", "of hmc"},
		{"--sampler d3pm-uniform --objective edm", "what is learned is a denoiser"},
		{"--sampler d3pm-uniform --step-size 0.1", "need neither"},
		{"--step-size 0.1", "--step-size or --leaps with --sampler dpmpp2m"},
		{"--sampler lms --order 3 --steps 1", "order must be at most the number of steps (got order 3 with 1 steps)"},
		{"--sampler euler --corrector-steps 3", "corrector_steps is not an option of"},
		{"--objective ncsn --sigma-max 40", "must lie in the model's range [0.05, 5]"},
		{"--schedule trailing", "needs a model with a chain of discrete steps"},
		{"-n 0", "-n is 0"},
		{"--sampler heun --steps 0", "steps must be between 1 and 65536 (got 0)"},
		{"--sampler mala --steps 0", "--steps is 0, need 1 to 2^20"},
	} {
		status, stdout, stderr := call(t, append([]string{"plane"}, strings.Fields(c.args)...)...)
		if status != 2 || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: status %d, %q; need 2 and %q", c.args, status, stderr, c.want)
		}
	}
}
