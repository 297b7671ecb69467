package onnx_test

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/tensor"
	"tweedie/core/unet"
	"tweedie/weights"
	"tweedie/weights/onnx"
)

// tolerance is the largest difference from PyTorch, relative to the largest output.
const tolerance = 1e-5

func importFile(t testing.TB, name string) *onnx.Network {
	t.Helper()
	net, err := onnx.Read(filepath.Join("testdata", name+".onnx"), onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// readCase returns the inputs of a case and PyTorch's output.
func readCase(t testing.TB, name string) map[string]*tensor.Tensor {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	stored, _, err := weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*tensor.Tensor{}
	for _, v := range stored {
		numbers, err := v.Float32()
		if err != nil {
			t.Fatal(err)
		}
		out[v.Name] = tensor.Of(numbers, v.Shape...)
	}
	return out
}

// run evaluates a program on a case.
func run(t testing.TB, p *graph.Program, out graph.Value, params graph.Source, c map[string]*tensor.Tensor) *tensor.Tensor {
	t.Helper()
	x, err := tensor.ToNHWC(c["x"])
	if err != nil {
		t.Fatal(err)
	}
	n := x.Shape[0]
	w, err := infer.Load(p, out, params, n, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inputs := [][]float32{x.Data, c["t"].Data}
	if c["y"] != nil {
		inputs = append(inputs, c["y"].Data)
	}
	y := tensor.New(append([]int{n}, p.Shape(out)...)...)
	w.NewPlan().Run(y.Data, n, inputs...)
	got, err := tensor.ToNCHW(y)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestGolden compares every network of testdata with PyTorch, and its program before and after
// a round trip through a model file's listing.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		t.Run(name, func(t *testing.T) {
			net, c := importFile(t, name), readCase(t, name)
			got := run(t, net.Program, net.Out, net.Weights, c)
			largest, worst := 0.0, 0.0
			for i, want := range c["out"].Data {
				largest = max(largest, math.Abs(float64(want)))
				if d := math.Abs(float64(got.Data[i]) - float64(want)); !(d <= worst) {
					worst = d
				}
			}
			if !(worst <= tolerance*largest) {
				t.Errorf("the error is %.3g with outputs up to %.3g, want at most %g of them", worst, largest, tolerance)
			}
			list, err := graph.Serialize(net.Program, net.Out)
			if err != nil {
				t.Fatal(err)
			}
			p, out, err := list.Program()
			if err != nil {
				t.Fatal(err)
			}
			if again := run(t, p, out, net.Weights, c); !slices.Equal(again.Data, got.Data) {
				t.Error("the program gives other bits after the round trip")
			}
		})
	}
}

// count returns how many operations of each type a program has.
func count(p *graph.Program) map[string]int {
	ops := map[string]int{}
	for _, n := range p.Nodes {
		ops[reflect.TypeOf(n.Op).Name()]++
	}
	return ops
}

// TestUNetMatchesNative: an exported U-Net has the same operations as the one that is built
// natively.
func TestUNetMatchesNative(t *testing.T) {
	net := importFile(t, "unet")
	heads, classes := 4, 3
	native, err := unet.Build(&unet.Config{
		SampleSize: unet.Square(8), InChannels: 1, OutChannels: 1, BlockOutChannels: []int{4, 8}, LayersPerBlock: 1, NormNumGroups: 2, NormEps: 1e-6,
		DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D"}, UpBlockTypes: []string{"AttnUpBlock2D", "UpBlock2D"},
		AttentionHeadDim: &heads, NumClassEmbeds: &classes, FreqShift: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := count(native.Program)
	want["Lookup"], want["Embedding"] = want["Embedding"], 0
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	if got := count(net.Program); !maps.Equal(got, want) {
		t.Errorf("operations are %v, want the native %v", got, want)
	}
	if got, want := graph.CostOf(net.Program), graph.CostOf(native.Program); got != want {
		t.Errorf("cost is %+v, want the native %+v", got, want)
	}
}

// TestDecomposedOperationsAreFused: norms, GELU, SiLU and attention become one operation each,
// however an exporter writes them.
func TestDecomposedOperationsAreFused(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"guided":      {"Attention": 1, "GroupNorm": 4, "Softmax": 0, "MatMul": 0, "Reduce": 0},
		"transformer": {"Attention": 2, "LayerNorm": 4, "Sinusoid": 1, "Softmax": 0, "Taps": 0},
		"plain":       {"GroupNorm": 2, "Reduce": 0},
		"lucid":       {"Attention": 1, "LayerNorm": 2, "GroupNorm": 1, "Softmax": 2, "Reduce": 0},
		"latest":      {"LayerNorm": 1, "GroupNorm": 1},
		"tokens":      {"Attention": 1, "LayerNorm": 3, "Softmax": 0, "MatMul": 0},
		"folded":      {"LayerNorm": 1, "AveragePool": 2, "Conv": 5},
	} {
		got := count(importFile(t, name).Program)
		for op, n := range want {
			if got[op] != n {
				t.Errorf("%s: %d of %s, want %d: %v", name, got[op], op, n, got)
			}
		}
	}
}
