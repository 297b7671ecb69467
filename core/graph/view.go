package graph

import (
	"fmt"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// weights keeps an operation's parameters as float32: what those need that do not
// pack theirs.
type weights struct{ numbers [][]float32 }

func (w *weights) Load(params []quant.Numbers) {
	w.numbers = nil
	for _, p := range params {
		w.numbers = append(w.numbers, p.Float32())
	}
}
func (*weights) Scratch() int { return 0 }

// Reshape gives a value's numbers another shape. Plans compute nothing for it.
type Reshape struct{ Shape []int }

// Infer returns Shape.
func (o Reshape) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("has %d inputs, need 1", len(in))
	}
	if n, err := bounded(o.Shape); err != nil || n != size(in[0]) {
		return nil, fmt.Errorf("has shape %v, need one of the %d numbers of %v", o.Shape, size(in[0]), in[0])
	}
	return o.Shape, nil
}

// Cost counts nothing.
func (Reshape) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns a copy.
func (Reshape) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return plain{func(y []float32, x [][]float32, n int) { copy(y[:n*k], x[0]) }}
}

// Constant makes a value of a parameter.
type Constant struct{}

// Infer returns the parameter's shape.
func (Constant) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("has %d inputs, need 1", len(in))
	}
	return in[0], nil
}

// Cost counts nothing.
func (Constant) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns a copy.
func (Constant) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &fixedRunner{}
}

type fixedRunner struct{ weights }

func (r *fixedRunner) Run(y []float32, _ [][]float32, n int, _ []float32) {
	for k := len(r.numbers[0]); n > 0; n-- {
		copy(y[(n-1)*k:], r.numbers[0])
	}
}

// View takes, for every index of Shape, number Offset + Σ i·Steps of a value: a part
// of it, turned over, repeated, or its axes in another order.
type View struct {
	Offset       int
	Shape, Steps []int
}

// Infer returns Shape.
func (o View) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("has %d inputs, need 1", len(in))
	}
	return o.Shape, walks(kernel.Walk(o), in[0])
}

// Cost counts nothing: it only moves numbers.
func (View) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (o View) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return perSample(in[0], out, func(y, x []float32) { kernel.Walk(o).Copy(y, x) })
}

// perSample runs f on one sample after another.
func perSample(in, out []int, f func(y, x []float32)) Runner {
	kx, ky := size(in), size(out)
	return plain{func(y []float32, x [][]float32, n int) {
		for i := range n {
			f(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx])
		}
	}}
}

// walks reports a walk that has no shape or leaves an array of shape x.
func walks(w kernel.Walk, x []int) error {
	if _, err := bounded(w.Shape); err != nil || len(w.Shape) > kernel.MaxAxes || len(w.Steps) != len(w.Shape) {
		return fmt.Errorf("walks %v in steps %v, need at most %d axes, each with its step", w.Shape, w.Steps, kernel.MaxAxes)
	}
	low, high := w.Offset, w.Offset
	for k, n := range w.Shape {
		if s := w.Steps[k]; s < -MaxValue || s > MaxValue || w.Offset < 0 || w.Offset > MaxValue {
			return fmt.Errorf("walks in steps %v from %d, need steps within the value", w.Steps, w.Offset)
		} else if s < 0 {
			low += (n - 1) * s
		} else {
			high += (n - 1) * s
		}
	}
	if low < 0 || high >= size(x) {
		return fmt.Errorf("walks from %d to %d, need numbers of %v", low, high, x)
	}
	return nil
}

// bounded returns the numbers of a shape, or reports one without any or beyond
// what a value may hold.
func bounded(shape []int) (int, error) {
	n, ok := 1, len(shape) > 0
	for _, d := range shape {
		if ok = ok && d > 0 && d <= MaxValue/n; !ok {
			break
		}
		n *= d
	}
	if !ok {
		return 0, fmt.Errorf("has shape %v, need positive axes and at most %d numbers", shape, MaxValue)
	}
	return n, nil
}

// MaxValue is the most numbers that one sample of a value holds.
const MaxValue = 1 << 26
