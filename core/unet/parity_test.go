package unet_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/kernel"
	"tweedie/core/tensor"
	"tweedie/core/unet"
	"tweedie/weights"
)

// tolerance is the largest difference from PyTorch, in parts of the largest output.
const tolerance = 1e-5

// read returns the tensors of a safetensors file as float32, by name.
func read(t testing.TB, path string) map[string]*tensor.Tensor {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tensors, _, err := weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*tensor.Tensor{}
	for _, v := range tensors {
		numbers, err := v.Float32()
		if err != nil {
			t.Fatal(err)
		}
		out[v.Name] = tensor.Of(numbers, v.Shape...)
	}
	return out
}

// build returns the network of a configuration.
func build(data []byte, ncsn bool) (*unet.Network, error) {
	if ncsn {
		c := &unet.NCSN{}
		return try(unet.BuildNCSN, c, json.Unmarshal(data, c))
	}
	c := &unet.Config{}
	return try(unet.Build, c, json.Unmarshal(data, c))
}

func try[C any](build func(C) (*unet.Network, error), c C, err error) (*unet.Network, error) {
	if err != nil {
		return nil, err
	}
	return build(c)
}

// load returns a network of testdata with its weights.
func load(t testing.TB, name string) (*unet.Network, *graph.Params) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	net, err := build(data, name == "ncsn")
	if err != nil {
		t.Fatal(err)
	}
	state := read(t, filepath.Join("testdata", name, "model.safetensors"))
	params := graph.NewParams(net.Program)
	if len(state) != len(params.Specs) {
		t.Fatalf("%d tensors in the file, the network declares %d", len(state), len(params.Specs))
	}
	for i, d := range params.Specs {
		v := state[d.Name]
		if v == nil || tensor.Size(v.Shape) != tensor.Size(d.Shape) {
			t.Fatalf("tensor %q is not there in shape %v", d.Name, d.Shape)
		}
		copy(params.Slice(i), v.Data)
	}
	return net, params
}

// TestParity compares with the outputs of an independent PyTorch network.
func TestParity(t *testing.T) {
	for _, name := range []string{"gray", "rgb", "ncsn"} {
		for _, mode := range []kernel.Arithmetic{kernel.Exact, kernel.Fast} {
			net, params := load(t, name)
			c := read(t, filepath.Join("testdata", name, "case.safetensors"))
			x, err := tensor.ToNHWC(c["x"])
			if err != nil {
				t.Fatal(err)
			}
			n := x.Shape[0]
			w, err := infer.Load(net.Program, net.Out, params, n, infer.Options{Fast: mode == kernel.Fast})
			if err != nil {
				t.Fatal(err)
			}
			inputs := [][]float32{x.Data, c["t"].Data}
			if c["y"] != nil {
				inputs = append(inputs, c["y"].Data)
			}
			y := tensor.New(x.Shape...)
			w.NewPlan().Run(y.Data, n, inputs...)
			got, err := tensor.ToNCHW(y)
			if err != nil {
				t.Fatal(err)
			}
			largest, worst := 0.0, 0.0
			for i, want := range c["out"].Data {
				largest = max(largest, math.Abs(float64(want)))
				if d := math.Abs(float64(got.Data[i]) - float64(want)); !(d <= worst) {
					worst = d
				}
			}
			if !(worst <= tolerance*largest) {
				t.Errorf("%s mode %d: off by %.3g of %.3g, need %g of it", name, mode, worst, largest, tolerance)
			}
		}
	}
}
