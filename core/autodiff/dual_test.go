package autodiff

import (
	"math"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// A tangent is the central difference of the network along its direction.
func TestTangents(t *testing.T) {
	q := newProblem(func(p *graph.Program) graph.Value {
		d, x := NewDual(p), p.Input("x", 2, 1, 3)
		d.Along(x, p.Input("v", 2, 1, 3), p.Input("w", 2, 1, 3))
		y := small(d, x)
		return p.Apply(graph.Concat{}, p.Apply(graph.Concat{}, y, d.Tangents(y)[0]), d.Tangents(y)[1])
	})
	const h = 1e-4
	at := func(input, sample int, step float64) []float64 {
		values := map[graph.Value][]float64{}
		for i, d := range q.p.Inputs {
			k := q.p.Size(d.Value)
			values[d.Value] = wide(q.inputs[i][sample*k : (sample+1)*k])
		}
		x := values[q.p.Inputs[0].Value]
		for i, v := range values[q.p.Inputs[input].Value] {
			x[i] += step * v
		}
		for _, d := range q.p.Params {
			values[d.Value] = wide(q.params.Named(d.Name))
		}
		evaluate(q.p, values)
		return values[q.out]
	}
	for sample := range q.n {
		y := at(1, sample, 0)
		for input := 1; input <= 2; input++ {
			up, down := at(input, sample, h), at(input, sample, -h)
			for i := range y {
				if i%9 < 3 { // the network's output; a pixel holds it and two tangents
					want := (up[i] - down[i]) / (2 * h)
					if got := y[i+3*input]; !(math.Abs(got-want) <= 1e-6*(1+math.Abs(want))) {
						t.Errorf("sample %d, direction %d: tangent %d is %g, want %g", sample, input, i, got, want)
					}
				}
			}
		}
	}
}

func TestDualRefuses(t *testing.T) {
	p := &graph.Program{}
	d, x := NewDual(p), p.Input("x", 4, 4, 2)
	d.Along(x, p.Input("v", 4, 4, 2))
	if plain := nn.Linear(d, "b", p.Input("t", 3), 2); len(d.Tangents(plain)) != 0 {
		t.Error("a value that depends on nothing with tangents has some")
	}
	nn.Conv3(d, "a", x, 3)
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "graph.Conv") || !strings.Contains(err.Error(), "no tangent") {
		t.Errorf("got %v, want an error that names the convolution", err)
	}
}
