package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights/npy"
)

// evalData writes pictures of 8×8 with four classes, 40 to train on and 16 to test
// with, and returns the folder, made once for all tests.
var evalData = sync.OnceValue(func() string {
	dir, _ := toyRun() // which TestMain removes
	dir = filepath.Join(dir, "eval")
	if err := os.Mkdir(dir, 0o777); err != nil {
		panic(err)
	}
	for prefix, n := range map[string]int{"train": 40, "t10k": 16} {
		images, labels := []byte{0, 0, 8, 3}, []byte{0, 0, 8, 1}
		for _, d := range []int{n, 8, 8} {
			images = binary.BigEndian.AppendUint32(images, uint32(d))
		}
		labels = binary.BigEndian.AppendUint32(labels, uint32(n))
		for i := range n {
			labels = append(labels, byte(i%4))
			for p := range 64 {
				images = append(images, byte(p*(i%4+1)+i+len(prefix)))
			}
		}
		for name, data := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, prefix+name), data, 0o666); err != nil {
				panic(err)
			}
		}
	}
	return dir
})

// evalArgs returns a command line of eval over evalData with a classifier that was
// hardly trained.
func evalArgs(more ...string) []string {
	dir := evalData()
	return slices.Concat([]string{"eval"}, more, []string{dir, "--classifier", filepath.Join(dir, "classifier.json"), "--classifier-steps", "3"})
}

// evaluated is what eval prints as JSON.
type evaluated struct {
	N, Train, Draws, Asked int
	RealN                  int `json:"real_n"`
	Ratio                  float64
	SHA256                 string
	Held                   string `json:"held_out"`
	Request                *struct {
		Guidance float64
		Steps    int
	}
	Drawn, Real struct{ Frechet, Kernel, Precision, Recall float64 }
}

func TestEvalModel(t *testing.T) {
	dir := t.TempDir()
	grid, pixels := filepath.Join(dir, "grid.png"), filepath.Join(dir, "x.npy")
	args := evalArgs(toyModel(t), "-n", "12", "--steps", "2", "--guidance", "1.5", "--seed", "3", "--grid", grid, "--npy", pixels, "--json")
	status, stdout, stderr := call(t, args...)
	if status != 0 {
		t.Fatal(stderr)
	}
	var got evaluated
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.N != 12 || got.Train != 40 || got.RealN != 12 || got.Draws != 1 || got.Asked != 12 || !strings.Contains(got.Held, "test split") {
		t.Errorf("got %+v", got)
	}
	if got.Request.Guidance != 1.5 || got.Request.Steps != 2 || !(got.Ratio > 0) || got.Ratio != got.Drawn.Frechet/got.Real.Frechet {
		t.Errorf("got %+v", got)
	}
	if want := strings.TrimSpace(must(t, "sample", toyModel(t), "-n", "12", "--steps", "2", "--guidance", "1.5", "--seed", "3")); got.SHA256 != want {
		t.Errorf("judged images %s, sample draws %s", got.SHA256, want)
	}
	if sheet := readPNG(t, grid).Bounds(); sheet.Dx() != 4*8+3*output.Gap {
		t.Errorf("grid: %v", sheet)
	}
	// The same images from their file fare the same, with the classifier kept.
	var again evaluated
	status, stdout, stderr = call(t, evalArgs("--images", pixels, "--json")...)
	if status != 0 || strings.Contains(stderr, "classifier:") {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &again); err != nil || again.Drawn != got.Drawn || again.Real != got.Real {
		t.Errorf("from a file: got %+v, want %+v", again, got)
	}
	text := must(t, evalArgs("--images", pixels, "--class", "0,none")...)
	for _, word := range []string{"class agreement", "Fréchet distance", "ratio", "kernel distance", "precision", "recall", "test split"} {
		if !strings.Contains(text, word) {
			t.Errorf("printed %q, need %q", text, word)
		}
	}
}

// TestEvalWithoutTestSplit holds a part of the training pictures out.
func TestEvalWithoutTestSplit(t *testing.T) {
	data := filepath.Dir(filepath.Dir(toyModel(t))) // where toyData wrote
	file := filepath.Join(t.TempDir(), "classifier.json")
	status, _, stderr := call(t, "eval", data, "--train-classifier", "--classifier", file, "--classifier-steps", "1")
	if status != 0 || !strings.Contains(stderr, "on 4 pictures held out of the training pictures") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, _, stderr := call(t, "eval", evalData(), "--train-classifier", "--classifier", file); status != 1 || !strings.Contains(stderr, "other data") {
		t.Errorf("a classifier of other data: status %d: %s", status, stderr)
	}
}

func TestEvalRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, a *npy.Array) string {
		path := filepath.Join(dir, name)
		if err := npy.Write(path, a); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.npy", &npy.Array{Shape: []int{4, 8, 8, 1}, Data: make([]uint8, 256)})
	wide := write("wide.npy", &npy.Array{Shape: []int{4, 8, 9, 1}, Data: make([]uint8, 288)})
	floats := write("floats.npy", &npy.Array{Shape: []int{4, 8, 8, 1}, Data: make([]float32, 256)})
	few := write("few.npy", &npy.Array{Shape: []int{3, 8, 8, 1}, Data: make([]uint8, 192)})
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{evalArgs(), 2, "the arguments must be MODEL and DATA"},
		{evalArgs(toyModel(t), "--images", good), 2, "must be DATA alone"},
		{evalArgs("--images", good, "--guidance", "2"), 2, "--guidance has no effect with --images"},
		{evalArgs("--images", good, "--class", "9"), 2, `"9"`},
		{evalArgs("--images", good, "--grid", "grid.gif"), 2, ".png"},
		{evalArgs("--images", good, "--train-classifier"), 2, "cannot be combined"},
		{evalArgs("--images", wide), 1, "[4 8 9 1]"},
		{evalArgs("--images", floats), 1, "float32"},
		{evalArgs("--images", few), 1, "there must be more than 3 images (got 3)"},
		{evalArgs("--images", "missing.npy"), 1, "missing.npy"},
		{evalArgs(toyModel(t), "-n", "3"), 2, "--number must be at least 4 (got 3)"},
		{evalArgs(toyModel(t), "--steps", "0"), 2, "steps"},
		{evalArgs(toyModel(t), "--guidance", "NaN"), 2, "guidance"},
		{evalArgs(toyModel(t), "--class", "seven"), 2, `"seven"`},
		{append(evalArgs(toyModel(t)), "--classifier-steps", "-1"), 2, "-1"},
		{[]string{"eval", toyModel(t), dir}, 1, "dataset"},
	} {
		status, stdout, stderr := call(t, c.args...)
		if status != c.status || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%q: status %d, %q; need %d and %q", c.args, status, stderr, c.status, c.want)
		}
	}
}
