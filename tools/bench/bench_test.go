package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMeasureAlternates: participants take turns, and ratios are computed within a round, so
// that a machine that slows down by a factor of ten does not change them.
func TestMeasureAlternates(t *testing.T) {
	var order []string
	speed := 1.0
	side := func(name string, ms float64) participant {
		return func(_ context.Context, least time.Duration) ([]float64, error) {
			if least == leastTurn {
				order = append(order, name)
			}
			return []float64{9 * ms * speed, ms * speed, ms * speed}, nil // an outlier among three
		}
	}
	c := &comparison{
		rows:   []row{{Work: "time"}, {Work: "rate", More: true, Count: 16}},
		ours:   []participant{side("A", 2), side("B", 3)},
		theirs: func(ctx context.Context, least time.Duration) ([]float64, error) { return side("C", 4)(ctx, least) },
	}
	got, err := c.measure(t.Context(), 3, func(string) { speed *= 10 })
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Split("ABCABCABC", ""); !slices.Equal(order, want) {
		t.Errorf("turns were %v, want %v", order, want)
	}
	for i, want := range []float64{2.0 / 4, 4.0 / 3} {
		if r := got[i].Ratio; !(math.Abs(r.Median-want) < 1e-12 && math.Abs(r.Low-want) < 1e-12 && math.Abs(r.High-want) < 1e-12) {
			t.Errorf("%s: ratio is %+v, want %g", got[i].Work, r, want)
		}
	}
	if want := 16 / (3 * 100.0) * 1000; got[1].Ours.Median != want {
		t.Errorf("rate is %g images/s, want %g", got[1].Ours.Median, want)
	}
}

func TestMet(t *testing.T) {
	less, more := row{}, row{More: true}
	for _, c := range []struct {
		r            row
		ratio, bound float64
		want         bool
	}{{less, 0.6, 0.65, true}, {less, 0.7, 0.65, false}, {more, 1.7, 1.6, true}, {more, 1.5, 1.6, false}, {less, math.NaN(), 1, false}, {more, math.NaN(), 1, false}} {
		if got := c.r.meets(c.ratio, c.bound); got != c.want {
			t.Errorf("%g against %g, more %v: %v", c.ratio, c.bound, c.r.More, got)
		}
	}
}

func TestAgree(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name         string
		ours, theirs []float32
		want         bool
	}{
		{"the same", []float32{1, -2}, []float32{1, -2}, true},
		{"within", []float32{1, -2}, []float32{1.0001, -2}, true},
		{"off", []float32{1, -2}, []float32{1.001, -2}, false},
		{"another sign", []float32{1, 2}, []float32{1, -2}, false},
		{"ours is NaN", []float32{1, nan}, []float32{1, 2}, false},
		{"theirs is NaN", []float32{1, 2}, []float32{1, nan}, false},
		{"lengths", []float32{1}, []float32{1, 2}, false},
		{"nothing", nil, nil, false},
	} {
		if err := compareOutputs(c.ours, c.theirs); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestQuantile(t *testing.T) {
	if got, want := quartilesOf([]float64{4, 1, 3, 2}), (quartiles{2.5, 1.75, 3.25}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := quartilesOf([]float64{7}), (quartiles{7, 7, 7}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestGrowthReportsWorseSteps: a step that costs more than its work is reported as worse, and
// the others are not.
func TestGrowthReportsWorseSteps(t *testing.T) {
	s := &series{File: "s", Title: "T", Varied: "n", Costs: "ms", Proportional: "images",
		points: []point{{1, 1, 10}, {2, 2, 15}, {4, 4, 30}, {8, 8, 80}}}
	if got := s.worse(); got != 1 {
		t.Errorf("%d steps are worse, want 1", got)
	}
	var b bytes.Buffer
	s.print(&b)
	if lines := strings.Split(b.String(), "\n"); strings.Count(b.String(), "WORSE") != 1 || !strings.Contains(lines[4], "WORSE") {
		t.Errorf("printed\n%s", b.String())
	}
	dir := t.TempDir()
	if err := s.plot(dir); err != nil {
		t.Fatal(err)
	}
	if err := writeIndex(dir, []*series{s}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil || strings.Count(string(page), "worse than") != 1 {
		t.Errorf("%v, the page is\n%s", err, page)
	}
	for _, name := range []string{"s.svg", "s.png"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestChooseRefusesUnknownRows: a mistake on the command line is an error.
func TestChooseRefusesUnknownRows(t *testing.T) {
	if got, err := choose([]string{"web1", "ops"}); err != nil || len(got) != 2 || got[1].name != "ops" {
		t.Errorf("got %d groups, %v", len(got), err)
	}
	if _, err := choose([]string{"web3"}); err == nil || !strings.Contains(err.Error(), "native") {
		t.Errorf("web3 is accepted, or the error does not list the groups: %v", err)
	}
}
