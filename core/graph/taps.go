package graph

import (
	"fmt"
	"slices"

	"tweedie/core/kernel"
)

// Taps makes every element along an axis a weighted sum of Count elements of it:
// element i of the result is Σ Weight[i·Count+t]·x[Index[i·Count+t]], t in order. Index −1
// stands for zero, no weights for ones. So it resizes, pads, mirrors and selects.
type Taps struct {
	Axis, Count int
	Index       []int
	Weight      []float32
}

// Infer returns x's shape with the axis replaced.
func (o Taps) Infer(in [][]int) ([]int, error) {
	if len(in) != 1 || o.Axis < 0 || o.Axis >= len(in[0]) {
		return nil, fmt.Errorf("has inputs %v, need one with axis %d", in, o.Axis)
	}
	if o.Count <= 0 || len(o.Index) == 0 || len(o.Index)%o.Count != 0 || len(o.Weight) != 0 && len(o.Weight) != len(o.Index) {
		return nil, fmt.Errorf("has %d indices and %d weights, need %d an element", len(o.Index), len(o.Weight), o.Count)
	}
	for _, i := range o.Index {
		if i < -1 || i >= in[0][o.Axis] {
			return nil, fmt.Errorf("has index %d, need -1 to %d", i, in[0][o.Axis]-1)
		}
	}
	out := slices.Clone(in[0])
	out[o.Axis] = len(o.Index) / o.Count
	return out, nil
}

// Cost counts two operations a weight.
func (o Taps) Cost(_ [][]int, out []int) Cost {
	if len(o.Weight) == 0 && o.Count == 1 {
		return Cost{} // it only moves numbers
	}
	return each(out, 2*int64(o.Count))
}

// Bind returns the kernel.
func (o Taps) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	outer, inner := size(out[:o.Axis]), size(out[o.Axis+1:])
	from, to := in[0][o.Axis]*inner, out[o.Axis]*inner
	return perSample(in[0], out, func(y, x []float32) {
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

// Lookup is the row of a table [rows,C] whose number it is given, [1]: the nearest
// row there is, so that no number is a mistake.
type Lookup struct{}

// Infer returns [C].
func (Lookup) Infer(in [][]int) ([]int, error) { return Embedding{}.Infer(in) }

// Cost counts nothing: it only moves numbers.
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
