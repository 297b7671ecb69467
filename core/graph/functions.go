package graph

import (
	"fmt"

	"tweedie/core/kernel"
)

// Unary applies a function of kernel.Unary with parameters A and B to every number.
type Unary struct {
	Fn   string
	A, B float32
}

// Infer returns x's shape.
func (o Unary) Infer(in [][]int) ([]int, error) {
	if _, ok := kernel.Lookup(kernel.Unary, o.Fn); !ok {
		return nil, unknownFunction(o.Fn)
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("there must be 1 input (got %d)", len(in))
	}
	return in[0], nil
}

// Cost counts a function as twelve.
func (Unary) Cost(_ [][]int, out []int) Cost { return perElement(out, 12) }

// Bind returns the kernel.
func (o Unary) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	f, _ := kernel.Lookup(kernel.Unary, o.Fn)
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i, v := range x[0][:n*k] {
			y[i] = f(v, o.A, o.B)
		}
	}}
}

// Binary applies a function of kernel.Binary to two values, or a value and a parameter,
// with broadcasting: for every index i of Shape it takes number Σ i·A of the first and
// Σ i·B of the second. A stride of 0 repeats a value along an axis.
type Binary struct {
	Fn    string
	Shape []int
	A, B  []int
}

// Infer returns Shape.
func (o Binary) Infer(in [][]int) ([]int, error) {
	if _, ok := kernel.Lookup(kernel.Binary, o.Fn); !ok {
		return nil, unknownFunction(o.Fn)
	}
	if len(in) != 2 {
		return nil, fmt.Errorf("there must be 2 inputs (got %d)", len(in))
	}
	for i, steps := range [][]int{o.A, o.B} {
		if err := checkView(kernel.View{Shape: o.Shape, Steps: steps}, in[i]); err != nil {
			return nil, err
		}
	}
	return o.Shape, nil
}

// Cost counts one operation a number.
func (o Binary) Cost(_ [][]int, out []int) Cost { return perElement(out, 1) }

// Bind returns the kernel.
func (o Binary) Bind(in, params [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	f, _ := kernel.Lookup(kernel.Binary, o.Fn)
	r := &binaryRunner{f: f, add: o.Fn == "add", out: size(out), a: size(in[0])}
	r.view, r.stepsB = mergeAxes(o.Shape, o.A, o.B)
	if len(params) == 0 {
		r.b = size(in[1])
	}
	return r
}

type binaryRunner struct {
	weights
	view      kernel.View
	stepsB    []int
	f         func(a, b float32) float32
	add       bool
	out, a, b int // numbers of a sample; b is 0 for a parameter
}

func (r *binaryRunner) Run(y []float32, x [][]float32, n int, _ []float32) {
	for i := range n {
		yi, a, b := y[i*r.out:(i+1)*r.out], x[0][i*r.a:(i+1)*r.a], []float32(nil)
		if r.b == 0 {
			b = r.numbers[0]
		} else {
			b = x[1][i*r.b : (i+1)*r.b]
		}
		if r.add && len(r.view.Shape) == 1 && r.view.Steps[0] == 1 && r.stepsB[0] == 1 {
			kernel.Add(yi, a[:r.out], b[:r.out])
			continue
		}
		r.view.Binary(yi, a, b, r.stepsB, r.f)
	}
}

// mergeAxes merges adjacent axes that are contiguous for both strides.
func mergeAxes(shape, a, b []int) (kernel.View, []int) {
	var w kernel.View
	var stepsB []int
	for k, n := range shape {
		if last := len(w.Shape) - 1; last >= 0 && w.Steps[last] == n*a[k] && stepsB[last] == n*b[k] {
			w.Shape[last], w.Steps[last], stepsB[last] = w.Shape[last]*n, a[k], b[k]
			continue
		}
		w.Shape, w.Steps, stepsB = append(w.Shape, n), append(w.Steps, a[k]), append(stepsB, b[k])
	}
	return w, stepsB
}

// unknownFunction returns the error for an unknown function.
func unknownFunction(name string) error {
	return fmt.Errorf("function %q is unknown: see weights/FORMAT.md", name)
}
