package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tweedie/weights/npy"
)

// writers are the command lines that write to a path, with as little work as there can be,
// and what makes them work for hours. "FILE" is a file of the suffix, "DIR" its folder.
func writers(t *testing.T) []struct{ name, suffix, args, long string } {
	dir, model := t.TempDir(), toyModel(t)
	img := picture(t, 8, 8, func(x, y int) uint8 { return uint8(8*y + x) })
	x, times, y := filepath.Join(dir, "x.npy"), filepath.Join(dir, "t.npy"), filepath.Join(dir, "y.npy")
	for path, a := range map[string]*npy.Array{
		x: {Shape: []int{1, 1, 8, 8}, Data: make([]float32, 64)}, times: {Shape: []int{1}, Data: []float32{1}}, y: {Shape: []int{1}, Data: []int64{0}},
	} {
		if err := npy.Write(path, a); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Dir(filepath.Dir(model))
	return []struct{ name, suffix, args, long string }{
		{"convert", "m.json", "convert " + model + " -o FILE --no-measure", ""},
		{"posterior", "m.json", "posterior " + model + " " + data + " -o FILE -n 4 --levels 2", "--levels 1000"},
		{"export", "config.json", "export " + model + " -o DIR", ""},
		{"sample", "x.png", "sample " + model + " -o FILE -n 1 --steps 1", "-n 100000 --steps 10000"},
		{"sample npy", "x.npy", "sample " + model + " --npy FILE -n 1 --steps 1", "-n 100000 --steps 10000"},
		{"inpaint", "x.png", "inpaint " + model + " --image " + img + " --mask " + img + " -o FILE -n 1 --steps 1", "-n 100000 --steps 10000"},
		{"forward", "o.npy", "forward " + model + " --x " + x + " --t " + times + " --y " + y + " -o FILE", ""},
		{"lab", "p.png", "lab -o FILE -n 10 --steps 2 --objective sliced --train-steps 1", "--train-steps 100000000"},
		{"train", "config.json", "train " + data + " -o DIR --arch tiny --steps 1 --batch 4 --sample-every -1", "--steps 100000000"},
		{"compare", "table.md", strings.Join(compareArgs(t, "DIR", "--samplers", "dpmpp2m", "--evaluations", "1"), " "), "-n 100000 --evaluations 10000"},
		{"eval", "g.png", "eval " + model + " " + evalData() + " -n 4 --steps 1 --grid FILE --classifier " + filepath.Join(evalData(), "classifier.json") + " --classifier-steps 3", "-n 100000 --steps 10000"},
		{"classifier", "c.json", "eval " + evalData() + " --train-classifier --classifier FILE --classifier-steps 1", "--classifier-steps 16000000"},
	}
}

// at returns the arguments of a writer for a file.
func at(args, file string) []string {
	return strings.Fields(strings.NewReplacer("FILE", file, "DIR", filepath.Dir(file)).Replace(args))
}

// TestOutputFolder: folders of what is written are made, whatever writes it.
func TestOutputFolder(t *testing.T) {
	for _, w := range writers(t) {
		t.Run(w.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "not", "there", w.suffix)
			must(t, at(w.args, file)...)
			if _, err := os.Stat(file); err != nil {
				t.Error(err)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); err != nil || len(left) != 0 {
				t.Errorf("%q is left, %v", left, err)
			}
		})
	}
}

// TestOutputRefused: where there can be no such file, a command says so before its work,
// which would take hours.
func TestOutputRefused(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "occupied")
	if err := os.WriteFile(occupied, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, w := range writers(t) {
		t.Run(w.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var stdout, stderr bytes.Buffer
			status := runContext(ctx, append(at(w.args, filepath.Join(occupied, w.suffix)), strings.Fields(w.long)...), &stdout, &stderr)
			if status != 1 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "not a directory") {
				t.Errorf("status %d, stdout %q, stderr %q, want 1 and that %q is no folder", status, stdout.String(), stderr.String(), occupied)
			}
		})
	}
	for _, folder := range []string{t.TempDir() + "/x.png", t.TempDir() + "/x.npy"} {
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		flag := map[string]string{".png": "-o", ".npy": "--npy"}[filepath.Ext(folder)]
		if status, _, stderr := call(t, "sample", toyModel(t), flag, folder, "-n", "1", "--steps", "1"); status != 1 || !strings.Contains(stderr, "is a folder: it must be the name of a file") {
			t.Errorf("status %d, %s", status, stderr)
		}
	}
}
