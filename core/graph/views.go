package graph

import (
	"fmt"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// weights keeps the parameters of an operation as float32, for runners that do not pack
// them.
type weights struct{ numbers [][]float32 }

func (w *weights) Load(params []quant.Numbers) {
	w.numbers = nil
	for _, p := range params {
		w.numbers = append(w.numbers, p.Float32())
	}
}
func (*weights) Scratch() int { return 0 }

// Reshape changes the shape of a value. It is free in plans.
type Reshape struct{ Shape []int }

// Infer returns Shape.
func (o Reshape) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("there must be 1 input (got %d)", len(in))
	}
	if n, err := checkShape(o.Shape); err != nil || n != size(in[0]) {
		return nil, fmt.Errorf("the new shape must have the %d elements of %v (got %v)", size(in[0]), in[0], o.Shape)
	}
	return o.Shape, nil
}

// Cost is zero.
func (Reshape) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns a copy.
func (Reshape) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) { copy(y[:n*k], x[0]) }}
}

// Constant turns a parameter into a value.
type Constant struct{}

// Infer returns the parameter's shape.
func (Constant) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("there must be 1 input (got %d)", len(in))
	}
	return in[0], nil
}

// Cost is zero.
func (Constant) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns a copy.
func (Constant) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &constantRunner{}
}

type constantRunner struct{ weights }

func (r *constantRunner) Run(y []float32, _ [][]float32, n int, _ []float32) {
	for k := len(r.numbers[0]); n > 0; n-- {
		copy(y[(n-1)*k:], r.numbers[0])
	}
}

// View is a strided view: for every index i of Shape it takes number Offset + Σ i·Steps of
// a value. It can slice, flip, repeat and permute axes.
type View struct {
	Offset       int
	Shape, Steps []int
}

// Infer returns Shape.
func (o View) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("there must be 1 input (got %d)", len(in))
	}
	return o.Shape, checkView(kernel.View(o), in[0])
}

// Cost is zero: it only copies numbers.
func (View) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (o View) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return sampleRunner(in[0], out, func(y, x []float32) { kernel.View(o).Copy(y, x) })
}

// sampleRunner runs f on each sample.
func sampleRunner(in, out []int, f func(y, x []float32)) Runner {
	kx, ky := size(in), size(out)
	return simpleRunner{func(y []float32, x [][]float32, n int) {
		for i := range n {
			f(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx])
		}
	}}
}

// checkView returns an error if a view is invalid or reads outside an array of shape x.
func checkView(w kernel.View, x []int) error {
	if _, err := checkShape(w.Shape); err != nil || len(w.Shape) > kernel.MaxAxes || len(w.Steps) != len(w.Shape) {
		return fmt.Errorf("the view must have at most %d axes with one stride each (got shape %v and strides %v)", kernel.MaxAxes, w.Shape, w.Steps)
	}
	low, high := w.Offset, w.Offset
	for k, n := range w.Shape {
		if s := w.Steps[k]; s < -MaxValue || s > MaxValue || w.Offset < 0 || w.Offset > MaxValue {
			return fmt.Errorf("offset and strides of the view must lie in the value (got %d and %v)", w.Offset, w.Steps)
		} else if s < 0 {
			low += (n - 1) * s
		} else {
			high += (n - 1) * s
		}
	}
	if low < 0 || high >= size(x) {
		return fmt.Errorf("the view must stay in the value, of shape %v (got elements %d to %d)", x, low, high)
	}
	return nil
}

// checkShape returns the number of elements of a shape. It is an error if an axis is not
// positive, or there are more than MaxValue elements.
func checkShape(shape []int) (int, error) {
	n, ok := 1, len(shape) > 0
	for _, d := range shape {
		if ok = ok && d > 0 && d <= MaxValue/n; !ok {
			break
		}
		n *= d
	}
	if !ok {
		return 0, fmt.Errorf("the shape must have positive axes and at most %d elements (got %v)", MaxValue, shape)
	}
	return n, nil
}

// MaxValue is the largest number of elements in one sample of a value.
const MaxValue = 1 << 26
