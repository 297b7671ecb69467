package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// likely is what likelihood prints as JSON.
type likely struct {
	N, Evaluations int
	Split          string
	Mean           float64  `json:"bits_per_dim"`
	Error          *float64 `json:"standard_error"`
	Bits           []float64
	Bound          *struct {
		Prior, Data float64
		Steps       []float64
	}
}

func likelihoodOf(t *testing.T, args ...string) likely {
	t.Helper()
	var out likely
	if err := json.Unmarshal([]byte(must(t, append([]string{"likelihood"}, append(args, "--json")...)...)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// A picture's bits do not depend on how many are measured, nor on threads, and the mean
// and its error are theirs.
func TestLikelihood(t *testing.T) {
	all := likelihoodOf(t, toyModel(t), evalData(), "-n", "11", "--steps", "3", "--workers", "2", "--dequantise", "2")
	if all.N != 11 || len(all.Bits) != 11 || all.Evaluations != 4*3*2 || all.Split != "test" || all.Bound != nil {
		t.Fatalf("got %+v", all)
	}
	one := likelihoodOf(t, toyModel(t), evalData(), "-n", "1", "--steps", "3", "--dequantise", "2")
	if one.Bits[0] != all.Bits[0] || one.Mean != one.Bits[0] || one.Error != nil {
		t.Errorf("alone %+v, among others %g", one, all.Bits[0])
	}
	sum, squares := 0.0, 0.0
	for _, v := range all.Bits {
		sum += v / 11
	}
	for _, v := range all.Bits {
		squares += (v - sum) * (v - sum)
	}
	if want := math.Sqrt(squares / 10 / 11); !(math.Abs(all.Mean-sum) <= 1e-12*sum && math.Abs(*all.Error-want) <= 1e-9*want && all.Mean > 0) {
		t.Errorf("%g ± %g, want %g ± %g", all.Mean, *all.Error, sum, want)
	}
	gaussian := likelihoodOf(t, toyModel(t), evalData(), "-n", "2", "--steps", "3", "--noise", "gaussian", "--probes", "3", "--unconditional", "--split", "train")
	if gaussian.Evaluations != 4*3*3 || gaussian.Split != "train" || gaussian.Mean == all.Mean {
		t.Errorf("got %+v", gaussian)
	}
	if text := must(t, "likelihood", toyModel(t), evalData(), "-n", "2", "--steps", "2"); !strings.Contains(text, "bits per dimension: ") || !strings.Contains(text, "2 pictures, 8 evaluations each") {
		t.Errorf("printed %q", text)
	}
}

// chainModel is a model that was hardly trained, on a chain.
func chainModel(t *testing.T) string {
	t.Helper()
	run := filepath.Join(t.TempDir(), "run")
	must(t, "train", evalData(), "-o", run, "--arch", "tiny", "--objective", "simple", "--steps", "1", "--batch", "4")
	return filepath.Join(run, "model.json")
}

// The bound's terms add up, and lie above the density's bits: a network that learned
// nothing is no exception.
func TestLikelihoodBound(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	path := chainModel(t)
	got := likelihoodOf(t, path, evalData(), "-n", "3", "--bound")
	if got.Bound == nil || got.Evaluations != 1000 || len(got.Bound.Steps) != 999 {
		t.Fatalf("got %+v", got)
	}
	sum := got.Bound.Prior + got.Bound.Data
	for _, v := range got.Bound.Steps {
		sum += v
	}
	exact := likelihoodOf(t, path, evalData(), "-n", "3", "--steps", "24")
	if !(math.Abs(sum-got.Mean) <= 1e-9*sum && got.Mean > exact.Mean) {
		t.Errorf("the bound is %g, its terms sum to %g, the density's bits are %g", got.Mean, sum, exact.Mean)
	}
	if text := must(t, "likelihood", path, evalData(), "-n", "1", "--bound", "--variance", "large"); !strings.Contains(text, "at most: ") || !strings.Contains(text, "steps 801 to 1000: ") {
		t.Errorf("printed %q", text)
	}
}

// A model that learned variances is measured with them, and on demand without.
func TestLikelihoodOfLearnedVariances(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	run := filepath.Join(t.TempDir(), "run")
	must(t, "train", evalData(), "-o", run, "--arch", "tiny", "--objective", "hybrid", "--steps", "1", "--batch", "4")
	bits := func(more ...string) float64 {
		return likelihoodOf(t, append([]string{filepath.Join(run, "model.json"), evalData(), "-n", "1", "--bound"}, more...)...).Mean
	}
	learned, small, large := bits(), bits("--variance", "small"), bits("--variance", "large")
	if learned != bits("--variance", "learned") || learned == small || learned == large || small == large {
		t.Errorf("%g with learned variances, %g small, %g large", learned, small, large)
	}
	if status, _, stderr := call(t, "likelihood", chainModel(t), evalData(), "--bound", "--variance", "learned"); status != 2 || !strings.Contains(stderr, "the model has not learned variances") {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestLikelihoodRefuses(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"--bound --steps 1", 2, "--steps must be a whole number from 2 to 10000 for a bound (got 1)"},
		{"--variance large", 2, "--variance requires --bound"},
		{"--bound --variance tiny", 2, "--variance must be one of small, large or learned"},
		{"--bound --probes 2", 2, "--probes has no effect with --bound"},
		{"--noise exact --probes 2", 2, "which takes every axis as a direction"},
		{"--noise sobol", 2, "--noise must be one of rademacher"},
		{"-n 0", 2, "--number must be at least 1 (got 0)"},
		{"--steps 0", 2, "--steps must be a whole number from 1 to 10000 (got 0)"},
		{"--dequantise 0", 2, "--dequantise must be from 1 to 65536 (got 0)"},
		{"--sigma-max 1e5", 2, "--sigma-max must be above"},
		{"--split all", 2, "--split must be train or test"},
	} {
		args := append([]string{"likelihood", toyModel(t), evalData()}, strings.Fields(c.args)...)
		status, stdout, stderr := call(t, args...)
		if status != c.status || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: status %d, %q; need %d and %q", c.args, status, stderr, c.status, c.want)
		}
	}
}
