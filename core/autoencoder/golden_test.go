package autoencoder_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tweedie/core/autoencoder"
	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/tensor"
	"tweedie/weights"
	"tweedie/weights/npy"
)

// tolerance is the largest difference from diffusers, in parts of the largest output.
const tolerance = 1e-5

// configOf reads the configuration in a folder into c.
func configOf[C any](t testing.TB, dir string, c *C) *C {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// array returns an array of a folder [N,C,H,W] as [N,H,W,C].
func array(t testing.TB, dir, name string) *tensor.Tensor {
	t.Helper()
	a, err := npy.Read(filepath.Join(dir, name+".npy"))
	if err != nil {
		t.Fatal(err)
	}
	x, err := tensor.ToNHWC(tensor.Of(a.Data.([]float32), a.Shape...))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// params returns the parameters of a network from the file of testdata.
func params(t testing.TB, dir string, net *autoencoder.Network) *graph.Params {
	t.Helper()
	path := filepath.Join(dir, "model.safetensors")
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join(dir, "diffusion_pytorch_model.safetensors")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stored, _, err := weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string][]float32{}
	for _, v := range stored {
		if numbers[v.Name], err = v.Float32(); err != nil {
			t.Fatal(err)
		}
	}
	p := graph.NewParams(net.Program)
	for i, d := range p.Specs {
		if len(numbers[d.Name]) != len(p.Slice(i)) {
			t.Fatalf("%s: the file has %d numbers, the network needs %d", d.Name, len(numbers[d.Name]), len(p.Slice(i)))
		}
		copy(p.Slice(i), numbers[d.Name])
	}
	return p
}

// run evaluates a network on images.
func run(t testing.TB, net *autoencoder.Network, p *graph.Params, x *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	w, err := infer.Load(net.Program, net.Out, p, x.Shape[0], infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	y := tensor.New(append([]int{x.Shape[0]}, net.Shape(net.Out)...)...)
	w.NewPlan().Run(y.Data, x.Shape[0], x.Data)
	return y
}

func near(t testing.TB, what string, got, want *tensor.Tensor) {
	t.Helper()
	if len(got.Data) != len(want.Data) {
		t.Fatalf("%s: got shape %v, want %v", what, got.Shape, want.Shape)
	}
	largest, worst := 0.0, 0.0
	for i, w := range want.Data {
		largest = max(largest, math.Abs(float64(w)))
		worst = max(worst, math.Abs(float64(got.Data[i])-float64(w)))
	}
	if !(worst <= tolerance*largest) {
		t.Errorf("%s: off by %.3g of %.3g, need %g of it", what, worst, largest, tolerance)
	}
}
