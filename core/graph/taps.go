package graph

import (
	"fmt"
	"slices"

	"tweedie/core/kernel"
)

// Taps replaces every element along an axis by a weighted sum of Count elements: element
// i of the result is Σ Weight[i·Count+t]·x[Index[i·Count+t]], added in the order of t.
// Index −1 stands for a zero; without Weight all weights are 1. It can resize, pad, mirror
// and select.
type Taps struct {
	Axis, Count int
	Index       []int
	Weight      []float32
}

// Infer returns x's shape with the axis replaced.
func (o Taps) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 || o.Axis < 0 || o.Axis >= len(in[0]) {
		return nil, fmt.Errorf("there must be one input with an axis %d (got %v)", o.Axis, in)
	}
	if o.Count <= 0 || len(o.Index) == 0 || len(o.Index)%o.Count != 0 || len(o.Weight) != 0 && len(o.Weight) != len(o.Index) {
		return nil, fmt.Errorf("there must be %d indices and weights for each element (got %d and %d in all)", o.Count, len(o.Index), len(o.Weight))
	}
	for _, i := range o.Index {
		if i < -1 || i >= in[0][o.Axis] {
			return nil, fmt.Errorf("indices must be between -1 and %d (got %d)", in[0][o.Axis]-1, i)
		}
	}
	out := slices.Clone(in[0])
	out[o.Axis] = len(o.Index) / o.Count
	return out, nil
}

// Cost counts two operations a weight.
func (o Taps) Cost(_ [][]int, out []int) Cost {
	if len(o.Weight) == 0 && o.Count == 1 {
		return Cost{} // it only copies numbers
	}
	return perElement(out, 2*int64(o.Count))
}

// Bind returns the kernel.
func (o Taps) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	outer, inner := size(out[:o.Axis]), size(out[o.Axis+1:])
	from, to := in[0][o.Axis]*inner, out[o.Axis]*inner
	return sampleRunner(in[0], out, func(y, x []float32) {
		clear(y)
		for r := range outer {
			for at, i := range o.Index {
				if i < 0 {
					continue
				}
				row, source := y[r*to+at/o.Count*inner:][:inner], x[r*from+i*inner:][:inner]
				switch {
				case o.Weight != nil:
					kernel.AddScaled(row, source, o.Weight[at])
				case o.Count == 1:
					copy(row, source)
				default:
					kernel.AddTo(row, source)
				}
			}
		}
	})
}

// Lookup looks up a row of a table [rows,C]; its input [1] is the row's number, clamped
// to the table.
type Lookup struct{}

// Infer returns [C].
func (Lookup) Infer(in [][]int) ([]int, error) { return Embedding{}.Infer(in) }

// Cost is zero: it only copies numbers.
func (Lookup) Cost([][]int, []int) Cost { return Cost{} }

// Bind returns the kernel.
func (Lookup) Bind(_, params [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &lookupRunner{rows: params[0][0], c: out[0]}
}

type lookupRunner struct {
	weights
	rows, c int
}

func (r *lookupRunner) Run(y []float32, x [][]float32, n int, _ []float32) {
	for i := range n {
		row := 0
		if v := x[0][i]; v >= float32(r.rows) {
			row = r.rows - 1
		} else if v > 0 { // not NaN
			row = int(v)
		}
		kernel.Embed(y[i*r.c:(i+1)*r.c], r.numbers[0], row, r.c)
	}
}
