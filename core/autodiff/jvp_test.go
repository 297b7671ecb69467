package autodiff

import (
	"math"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/quant"
)

// A tangent is the central difference of the network along its direction.
func TestTangents(t *testing.T) {
	q := newProblem(func(p *graph.Program) graph.Value {
		d, x := NewJVP(p), p.Input("x", 2, 1, 3)
		d.SetTangents(x, p.Input("v", 2, 1, 3), p.Input("w", 2, 1, 3))
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

// run evaluates a program in float32.
func (q *problem) run(t *testing.T, p *graph.Program, out graph.Value, inputs ...[]float32) []float32 {
	t.Helper()
	values := make([][]float32, p.Values())
	for i, d := range p.Inputs {
		values[d.Value] = inputs[i]
	}
	for _, d := range p.Params {
		values[d.Value] = q.params.Named(d.Name)
	}
	for _, n := range p.Nodes {
		r := p.Bind(n, q.n, kernel.Exact)
		var params []quant.Numbers
		for _, v := range n.Params {
			params = append(params, quant.Numbers{Float: values[v]})
		}
		r.Load(params)
		var in [][]float32
		for _, v := range n.In {
			in = append(in, values[v])
		}
		values[n.Out] = make([]float32, q.n*p.Size(n.Out))
		r.Run(values[n.Out], in, q.n, make([]float32, r.Scratch()))
	}
	return values[out]
}

// For every program that a tape differentiates, the program of Tangent gives the same output
// bit for bit, and a derivative that agrees with central differences.
func TestTangent(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := newProblem(c.build)
			image := q.p.Inputs[0]
			if len(image.Shape) != 3 || len(q.p.Shape(q.out)) != 3 || c.name == "tangents" {
				return
			}
			p, out, err := Tangent(q.p, q.out)
			if err != nil {
				t.Fatal(err)
			}
			size, row, channels := q.p.Size(image.Value), q.p.Size(q.out), q.p.Shape(q.out)[2]
			e := make([]float32, q.n*size)
			for i := range e {
				e[i] = float32(i*7919%101)/50 - 1
			}
			plain := q.run(t, q.p, q.out, q.inputs...)
			both := q.run(t, p, out, append(append([][]float32{}, q.inputs...), e)...)
			for s := range q.n {
				up, down := q.moved(s, 1e-5, e), q.moved(s, -1e-5, e)
				largest := 0.0
				for i := range up {
					largest = max(largest, math.Abs(up[i]-down[i])/2e-5)
				}
				for i := range up {
					at := s*2*row + i/channels*2*channels + i%channels
					if own := plain[s*row+i]; both[at] != own {
						t.Fatalf("output %d is %g beside its tangent, %g alone", i, both[at], own)
					}
					got, want := float64(both[at+channels]), (up[i]-down[i])/2e-5
					if !(math.Abs(got-want) <= 1e-4*(largest+math.Abs(want))) {
						t.Fatalf("sample %d: tangent %d is %g, want %g; the largest is %g", s, i, got, want, largest)
					}
				}
			}
		})
	}
}

// moved returns the output for a sample with step·e added to its image.
func (q *problem) moved(sample int, step float64, e []float32) []float64 {
	values := map[graph.Value][]float64{}
	for i, d := range q.p.Inputs {
		k := q.p.Size(d.Value)
		values[d.Value] = wide(q.inputs[i][sample*k : (sample+1)*k])
		if i == 0 {
			for j := range values[d.Value] {
				values[d.Value][j] += step * float64(e[sample*k+j])
			}
		}
	}
	for _, d := range q.p.Params {
		values[d.Value] = wide(q.params.Named(d.Name))
	}
	evaluate(q.p, values)
	return values[q.out]
}

func TestJVPErrors(t *testing.T) {
	p := &graph.Program{}
	d, x := NewJVP(p), p.Input("x", 4, 4, 2)
	d.SetTangents(x, p.Input("v", 4, 4, 2))
	if independent := nn.Linear(d, "b", p.Input("t", 3), 2); len(d.Tangents(independent)) != 0 {
		t.Error("a value that does not depend on tangents has some")
	}
	d.Apply(graph.Unary{Fn: "abs"}, x)
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "graph.Unary") || !strings.Contains(err.Error(), "no forward derivative") {
		t.Errorf("got %v, want an error that names the operation", err)
	}
	p = &graph.Program{}
	if _, _, err := Tangent(p, nn.Conv3(p, "a", p.Input("x", 4, 4, 2), 3)); err != nil {
		t.Error(err)
	}
	p.Apply(graph.Unary{Fn: "abs"}, p.Inputs[0].Value)
	if _, _, err := Tangent(p, 3); err == nil || !strings.Contains(err.Error(), "graph.Unary") {
		t.Errorf("got %v, want an error that names the operation", err)
	}
}
