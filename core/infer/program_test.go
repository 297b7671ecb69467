package infer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/kernel"
	"tweedie/core/rng"
)

// generalProgram is a program of the operations that no built-in architecture uses.
func generalProgram(t testing.TB) (*graph.Program, graph.Value) {
	p := &graph.Program{}
	x, number := p.Input("x", 4, 6, 3), p.Input("t", 1)
	h := p.Apply(graph.Taps{Axis: 1, Count: 2, Index: []int{-1, 0, 0, 1, 2, 2, 5, 4}, Weight: []float32{1, 0.5, 0.25, -1, 2, 1, 0.125, 3}}, x) // [4,4,3]
	for _, f := range kernel.Unary {
		h = p.Apply(graph.Add{}, h, p.Apply(graph.Unary{Fn: "clip", A: -2, B: 2}, p.Apply(graph.Unary{Fn: f.Name, A: 0.5, B: 1.5}, p.Apply(graph.Unary{Fn: "sigmoid"}, h))))
	}
	row := p.Apply(graph.Lookup{}, number, p.Param("table", graph.Init{}, 5, 3))
	h = p.Apply(graph.Binary{Fn: "mul", Shape: []int{16, 3}, A: []int{3, 1}, B: []int{0, 1}}, h, row)
	h = p.Apply(graph.Binary{Fn: "sub", Shape: []int{4, 4, 3}, A: []int{3, 12, 1}, B: []int{0, 3, 1}}, h, p.Param("shift", graph.Init{}, 4, 3))
	h = p.Apply(graph.LayerNorm{Eps: 1e-5}, h, p.Param("gamma", graph.Init{}, 3), p.Param("beta", graph.Init{}, 3))
	a := p.Apply(graph.View{Offset: 2, Shape: []int{2, 3, 8}, Steps: []int{0, -1, 6}}, h)
	b := p.Apply(graph.Softmax{}, p.Apply(graph.Reshape{Shape: []int{2, 8, 3}}, h))
	product := p.Apply(graph.MatMul{}, a, b) // [2,3,3]
	sums := p.Apply(graph.Reduce{Fn: "mean"}, product)
	sums = p.Apply(graph.Binary{Fn: "max", Shape: []int{2, 3}, A: []int{3, 1}, B: []int{3, 1}}, sums, p.Apply(graph.Constant{}, p.Param("floor", graph.Init{}, 2, 3)))
	out := p.Apply(graph.Binary{Fn: "add", Shape: []int{2, 3, 3}, A: []int{9, 3, 1}, B: []int{3, 0, 1}}, product, sums)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return p, out
}

// A program of all general operations gives the same bits on every machine, for any batch,
// and after serialization.
func TestGeneralOperations(t *testing.T) {
	p, out := generalProgram(t)
	params := graph.NewParams(p)
	rng.Normal(params.Flat, 1, 2, 3)
	const n = 3
	x := make([]float32, n*p.Size(p.Inputs[0].Value))
	rng.Normal(x, 4, 5, 6)
	times := []float32{-1, 2.5, float32(math.NaN())}
	run := func(p *graph.Program, out graph.Value, batch int) []float32 {
		w, err := infer.Load(p, out, params, batch, infer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		plan, k := w.NewPlan(), len(x)/n
		y := make([]float32, n*p.Size(out))
		for at := 0; at < n; at += batch {
			m := min(batch, n-at)
			plan.Run(y[at*p.Size(out):], m, x[at*k:(at+m)*k], times[at:at+m])
		}
		return y
	}
	y := run(p, out, n)
	for _, v := range y {
		if v-v != 0 {
			t.Fatalf("output holds %g", v)
		}
	}
	for batch := 1; batch < n; batch++ {
		if !slices.Equal(run(p, out, batch), y) {
			t.Errorf("batch %d: other bits", batch)
		}
	}
	l, err := graph.Serialize(p, out)
	if err != nil {
		t.Fatal(err)
	}
	listed, value, err := l.Program()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(run(listed, value, n), y) {
		t.Error("listed: other bits")
	}
	hash := sha256.New()
	binary.Write(hash, binary.LittleEndian, y)
	got := fmt.Sprintf("%x\n", hash.Sum(nil))
	const golden = "testdata/general.txt"
	if os.Getenv("TWEEDIE_GOLDEN") == "write" {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("SHA-256 is %s, want %s", strings.TrimSpace(got), want)
	}
}

// Reshape adds no step to a plan.
func TestReshapeAddsNoStep(t *testing.T) {
	p := &graph.Program{}
	x := p.Input("x", 4, 3)
	y := p.Apply(graph.Reshape{Shape: []int{12}}, p.Apply(graph.SiLU{}, p.Apply(graph.Reshape{Shape: []int{2, 6}}, x)))
	w, err := infer.Load(p, y, graph.NewParams(p), 2, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := w.NewPlan()
	var ran []string
	plan.Observe(func(n graph.Node) { ran = append(ran, fmt.Sprintf("%T", n.Op)) })
	in, out := make([]float32, 24), make([]float32, 24)
	rng.Normal(in, 1, 1, 1)
	plan.Run(out, 2, in)
	want := make([]float32, 24)
	kernel.SiLU(want, in)
	if !slices.Equal(ran, []string{"graph.SiLU"}) || !slices.Equal(out, want) {
		t.Errorf("ran %v", ran)
	}
}

// A group evaluates a program whose values change their shape between divided operations.
func TestTensorParallelProgram(t *testing.T) {
	restore := infer.ShardAll()
	defer restore()
	p := &graph.Program{}
	x := p.Input("x", 6, 6, 3)
	h := p.Apply(graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1}, x, p.Param("conv", graph.Init{}, 32, 3, 3, 3))
	h = p.Apply(graph.Reshape{Shape: []int{36, 32}}, h)
	h = p.Apply(graph.Unary{Fn: "gelu"}, p.Apply(graph.Reshape{Shape: []int{6, 6, 32}}, h))
	h = p.Apply(graph.Binary{Fn: "mul", Shape: []int{36, 32}, A: []int{32, 1}, B: []int{0, 1}}, h, p.Param("scale", graph.Init{}, 32))
	k := p.Apply(graph.Linear{}, h, p.Param("linear", graph.Init{}, 48, 32))
	k = p.Apply(graph.LayerNorm{Eps: 1e-5}, k, p.Param("gamma", graph.Init{}, 48), p.Param("beta", graph.Init{}, 48))
	k = p.Apply(graph.Attention{Heads: 2}, p.Apply(graph.Reshape{Shape: []int{36, 1, 48}}, k), p.Apply(graph.Reshape{Shape: []int{36, 1, 48}}, k), p.Apply(graph.Reshape{Shape: []int{36, 1, 48}}, k))
	k = p.Apply(graph.Reshape{Shape: []int{6, 6, 48}}, k)
	out := p.Apply(graph.Conv{Size: 1, Stride: 1}, p.Apply(graph.Concat{}, k, p.Apply(graph.Reshape{Shape: []int{6, 6, 32}}, h)), p.Param("last", graph.Init{}, 3, 80, 1, 1))
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	params := graph.NewParams(p)
	rng.Normal(params.Flat, 1, 1, 1)
	in := make([]float32, 2*108)
	rng.Normal(in, 2, 2, 2)
	load := func(member infer.TensorParallel) (*infer.Weights, error) {
		return infer.Load(p, out, params, 2, infer.Options{TensorParallel: member})
	}
	w, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, len(in))
	w.NewPlan().Run(want, 2, in)
	for size := 2; size <= 3; size++ {
		runGroup(t, size, load, func(plan *infer.Plan) {
			got := make([]float32, len(want))
			if plan.Run(got, 2, in); !slices.Equal(got, want) {
				t.Errorf("size %d: other bits than alone", size)
			}
		})
	}
}
