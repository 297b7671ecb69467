package onnx_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/infer"
	"tweedie/weights/onnx"
)

// The cases of ONNX's own test suite (Debian's libonnx-testdata): a model of one or a few
// operators, its inputs, and the outputs of ONNX's reference implementation. TWEEDIE_ONNX
// is the folder of the cases.

// suiteTolerance is the largest difference from the expected output, relative to its largest
// number.
const suiteTolerance = 1e-4

// TestSuite runs every case in several ways: with all inputs computed from the image, with those
// of floating point only, with the first one, and with all of them constant. A case passes if it
// runs in one of these ways, and all that run give the expected outputs. testdata/suite.txt
// lists the others: for each that does not run a part of its error, and for each whose outputs
// differ, after "differs:", why they should.
func TestSuite(t *testing.T) {
	folder := os.Getenv("TWEEDIE_ONNX")
	if folder == "" {
		t.Skip("TWEEDIE_ONNX is not set to the folder of ONNX's test cases")
	}
	want := suiteList(t)
	for _, part := range []string{"node", "pytorch-converted", "pytorch-operator", "simple"} {
		dirs, err := filepath.Glob(filepath.Join(folder, part, "test_*"))
		if err != nil || len(dirs) == 0 {
			t.Fatalf("%s: %d cases, %v", part, len(dirs), err)
		}
		passed := 0
		for _, dir := range dirs {
			name := part + "/" + strings.TrimPrefix(filepath.Base(dir), "test_")
			refused, err := runCase(dir)
			reason, listed := want[name]
			delete(want, name)
			_, differs := strings.CutPrefix(reason, "differs: ")
			switch {
			case err != nil && !differs:
				t.Errorf("%s: %v", name, err)
			case refused != nil && (!listed || differs || !strings.Contains(refused.Error(), reason)):
				t.Errorf("%s does not run: %v; testdata/suite.txt says %q", name, refused, reason)
			case err == nil && refused == nil && listed:
				t.Errorf("%s passes, but testdata/suite.txt lists it as %q", name, reason)
			case err == nil && refused == nil:
				passed++
			}
		}
		t.Logf("%s: %d of %d cases pass", part, passed, len(dirs))
	}
	for name := range want {
		t.Errorf("testdata/suite.txt lists %s, which is no case", name)
	}
}

// suiteList returns the cases of testdata/suite.txt and their reasons.
func suiteList(t *testing.T) map[string]string {
	data, err := os.ReadFile("testdata/suite.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			list[name] = reason
		}
	}
	return list
}

// suiteCase is one case.
type suiteCase struct {
	opset           [][]byte // OperatorSetIdProto
	nodes, weights  [][]byte
	inputs, outputs []suiteTensor
}

// suiteTensor is a tensor of numbers. Its name is that of the model's input or output.
type suiteTensor struct {
	name    string
	element int
	dims    []int
	numbers []float64
}

func (v suiteTensor) floating() bool { return slices.Contains([]int{1, 10, 11, 16}, v.element) }

var errScope = errors.New("has an input or output that is no tensor of numbers")

// runCase returns the error of reading the network if it runs in none of the ways, or an error
// if one that runs gives other outputs.
func runCase(dir string) (refused, err error) {
	defer func() {
		if r := recover(); r != nil {
			refused, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err != nil || len(sets) == 0 {
		return nil, fmt.Errorf("no data: %v", err)
	}
	for _, set := range sets {
		c, err := readSuiteCase(dir, set)
		if err != nil {
			return err, nil
		}
		ways := []func(int, suiteTensor) bool{
			func(int, suiteTensor) bool { return true },
			func(_ int, v suiteTensor) bool { return v.floating() },
			func(i int, _ suiteTensor) bool { return i == 0 },
			func(int, suiteTensor) bool { return false },
		}
		ran := false
		for _, way := range ways {
			got, err := c.run(way)
			if err != nil {
				refused = err
				continue
			}
			ran = true
			if err := c.check(got); err != nil {
				return nil, err
			}
		}
		if !ran {
			return refused, nil
		}
	}
	return nil, nil
}

// check compares the outputs with the expected ones.
func (c *suiteCase) check(got []float32) error {
	for _, out := range c.outputs {
		largest := 0.0
		for _, w := range out.numbers {
			if !math.IsInf(w, 0) && !math.IsNaN(w) {
				largest = max(largest, math.Abs(w))
			}
		}
		for i, w := range out.numbers {
			g := float64(got[i])
			if w == g || math.IsNaN(w) && math.IsNaN(g) {
				continue
			}
			if d := math.Abs(g - w); !(d <= suiteTolerance*largest) {
				return fmt.Errorf("output %q: element %d is %g, want %g", out.name, i, g, w)
			}
		}
		got = got[len(out.numbers):]
	}
	return nil
}

// run evaluates the model with those inputs computed from the image that vary selects, and the
// others constant. It returns the numbers of all outputs.
func (c *suiteCase) run(vary func(i int, v suiteTensor) bool) ([]float32, error) {
	var pixels []float32
	var nodes, weights [][]byte
	flat := []byte("suite_flat")
	nodes = append(nodes, node("Reshape", "suite_x suite_all", string(flat)))
	weights = append(weights, constant("suite_all", 7, int64s(-1), 1))
	for i, v := range c.inputs {
		if !vary(i, v) || len(v.numbers) == 0 {
			weights = append(weights, v.proto())
			continue
		}
		from := fmt.Sprintf("suite_%d_", i)
		dims := make([]int64, len(v.dims))
		for k, d := range v.dims {
			dims[k] = int64(d)
		}
		weights = append(weights, constant(from+"start", 7, int64s(int64(len(pixels))), 1),
			constant(from+"end", 7, int64s(int64(len(pixels)+len(v.numbers))), 1), constant(from+"shape", 7, int64s(dims...), len(dims)))
		nodes = append(nodes, node("Slice", "suite_flat "+from+"start "+from+"end", from+"cut"),
			node("Reshape", from+"cut "+from+"shape", from+"shaped"), node("Cast", from+"shaped", v.name, "to", v.element))
		for _, x := range v.numbers {
			pixels = append(pixels, float32(x))
		}
	}
	nodes = append(nodes, c.nodes...)
	total := 0
	joined := ""
	for i, v := range c.outputs {
		to := fmt.Sprintf("suite_out%d_", i)
		nodes = append(nodes, node("Cast", v.name, to+"cast", "to", 1), node("Reshape", to+"cast suite_all", to+"flat"))
		joined += to + "flat "
		total += len(v.numbers)
	}
	side := max(len(pixels), total, 2)
	h, w := 1, side
	if side > 1<<12 {
		h, w = (side+1<<12-1)>>12, 1<<12
	}
	if pad := h*w - total; pad > 0 {
		weights = append(weights, constant("suite_zeros", 1, make([]byte, 4*pad), pad))
		joined += "suite_zeros "
	}
	weights = append(weights, constant("suite_shape", 7, int64s(1, 1, int64(h), int64(w)), 4))
	nodes = append(nodes, node("Concat", strings.TrimSpace(joined), "suite_joined", "axis", 0), node("Reshape", "suite_joined suite_shape", "suite_y"))
	var g []byte
	for _, n := range nodes {
		g = append(g, message(1, n)...)
	}
	for _, t := range slices.Concat(c.weights, weights) {
		g = append(g, message(5, t)...)
	}
	g = append(g, message(11, shaped("suite_x", 1, 1, 1, h, w), 12, shaped("suite_y", 1, 1, 1, h, w))...)
	file := message(1, 8, 7, g)
	for _, o := range c.opset {
		file = append(file, message(8, o)...)
	}
	net, err := imported(file, "", onnx.Options{X: "suite_x"})
	if err != nil {
		return nil, err
	}
	plan, err := infer.Load(net.Program, net.Out, net.Weights, 1, infer.Options{})
	if err != nil {
		return nil, err
	}
	pixels = append(pixels, make([]float32, h*w-len(pixels))...)
	out := make([]float32, h*w)
	plan.NewPlan().Run(out, 1, pixels, []float32{0})
	return out, nil
}
