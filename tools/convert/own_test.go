package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/weights"
)

// TestConvertInPlace: a model takes its own place, measured against what it was, and so
// does one with a posterior.
func TestConvertInPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	path := filepath.Join(t.TempDir(), "m.json")
	must(t, "convert", toyModel(t), "-o", path)
	f32, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if text := must(t, "convert", path, "-o", path, "--quant", "int8", "--levels", "15"); !strings.Contains(text, "PSNR") || strings.Contains(text, "+Inf") {
		t.Errorf("printed %q, want how far int8 is from float32", text)
	}
	must(t, "posterior", path, filepath.Dir(filepath.Dir(toyModel(t))), "-o", path, "-n", "4", "--levels", "2")
	int8, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(int8.Manifest.Config), "posterior") {
		t.Errorf("the configuration is %s, without a posterior", int8.Manifest.Config)
	}
	coded := 0
	for _, x := range int8.Tensors() {
		if w := f32.Tensor(x.Name); w == nil || !slices.Equal(w.Shape, x.Shape) {
			t.Errorf("%q of shape %v is not what it was", x.Name, x.Shape)
		}
		if x.DType == weights.I8 {
			coded++
		}
	}
	if coded == 0 {
		t.Error("nothing is int8")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1+len(int8.Manifest.Shards) {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

// TestBrokenShard: a model with a broken last shard is refused before anything is written:
// what stood at the output stays, and nothing stands beside it.
func TestBrokenShard(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	in, dir := filepath.Join(t.TempDir(), "in.json"), t.TempDir()
	must(t, "convert", largeFolder(t, 40<<20), "-o", in, "--no-measure")
	shards, err := filepath.Glob(filepath.Join(filepath.Dir(in), "*"+weights.ShardSuffix))
	if err != nil || len(shards) < 2 {
		t.Fatalf("%d shards, %v, need 2", len(shards), err)
	}
	data, err := os.ReadFile(shards[len(shards)-1])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 4
	if err := os.WriteFile(shards[len(shards)-1], data, 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.json")
	must(t, "convert", toyModel(t), "-o", out)
	before := folderOf(t, dir)
	for _, args := range [][]string{
		{"convert", in, "-o", out}, {"convert", in, "-o", out, "--quant", "mixed"}, {"posterior", in, filepath.Dir(filepath.Dir(toyModel(t))), "-o", out},
		{"export", in, "-o", dir}, {"verify", in}, {"inspect", in},
	} {
		status, stdout, stderr := call(t, args...)
		if status != 1 || stdout != "" || !strings.Contains(stderr, "SHA-256") || !strings.Contains(stderr, filepath.Base(shards[len(shards)-1])) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", args[0], status, stdout, stderr)
		}
		if !slices.Equal(folderOf(t, dir), before) {
			t.Errorf("%s wrote into %s", args[0], dir)
		}
	}
	if _, err := weights.Open(out); err != nil {
		t.Error(err)
	}
}

// folderOf returns names and content of a folder's files.
func folderOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Name(), string(data))
	}
	return out
}
