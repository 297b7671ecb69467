package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func compareArgs(t *testing.T, out string, more ...string) []string {
	dir := evalData()
	return append([]string{"compare", toyModel(t), dir, "-o", out, "-n", "6", "--classifier", filepath.Join(dir, "classifier.json"), "--classifier-steps", "3"}, more...)
}

// A comparison leaves a table with a cell for every sampler that can do with so few
// evaluations, and a picture; and goes on with the cells that it has.
func TestCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	out := t.TempDir()
	args := compareArgs(t, out, "--evaluations", "1,9", "--samplers", "dpmpp2m,heun,pndm,rk45,annealed-langevin")
	must(t, args...)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	table := read("table.md")
	for _, want := range []string{"| sampler | 1 | 9 |", "| `heun` |", "| `annealed-langevin` | |", "6 images of seed 0", "**"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if svg := read("plot.svg"); !strings.Contains(svg, "<svg") || !strings.Contains(svg, "dpmpp2m") {
		t.Error("plot.svg is no picture with the samplers' names")
	}
	if cell := read("cells/heun-9.json"); !strings.Contains(cell, `"nfe": 9`) || !strings.Contains(cell, `"steps": 5`) {
		t.Errorf("Heun spends 9 evaluations as %s, want 5 steps", cell)
	}

	kept := filepath.Join(out, "cells", "heun-9.json")
	changed := strings.Replace(read("cells/heun-9.json"), `"ratio": `, `"ratio": 1234`, 1)
	if err := os.WriteFile(kept, []byte(changed), 0o666); err != nil {
		t.Fatal(err)
	}
	must(t, args...)
	if !strings.Contains(read("table.md"), "1.23e+") {
		t.Error("a cell that is there was measured again")
	}
	must(t, append(args, "--seed", "5")...)
	if strings.Contains(read("table.md"), "1.23e+") {
		t.Error("a cell of another seed was taken")
	}
}

func TestCompareMisuse(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--evaluations", "9,5"}, "--evaluations must be numbers of at least 1 in ascending order (got [9 5])"},
		{[]string{"--samplers", "magic"}, `--samplers must name samplers that the model supports, see tweedie inspect MODEL (got "magic")`},
		{[]string{"--samplers", "pndm", "--evaluations", "0,1"}, "in ascending order (got [0 1])"},
	} {
		status, _, stderr := call(t, compareArgs(t, t.TempDir(), c.args...)...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, %q, want 2 and %q", c.args, status, stderr, c.want)
		}
	}
}
