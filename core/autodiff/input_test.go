package autodiff

import (
	"math"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/kernel"
)

// The gradient with respect to a watched image agrees with central differences for every
// program, and watching does not change the gradient of the parameters.
func TestInputGradient(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := newProblem(c.build)
			image := q.p.Inputs[0]
			plain, err := New(q.p, q.out, q.params, q.n, kernel.Exact)
			if err != nil {
				t.Fatal(err)
			}
			tape, err := New(q.p, q.out, q.params, q.n, kernel.Exact, image.Value)
			if len(image.Shape) != 3 {
				if err == nil {
					t.Errorf("input %q of shape %v is watched without an error", image.Name, image.Shape)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var grads [2][]float32
			for i, tape := range []*Tape{plain, tape} {
				for range 2 { // nothing is left over from the first time
					tape.Forward(q.n, q.inputs...)
					grads[i] = make([]float32, len(q.params.Flat))
					tape.Backward(q.n, q.weights)
					tape.TakeGradients(grads[i])
				}
			}
			for i, v := range grads[0] {
				if grads[1][i] != v {
					t.Fatalf("gradient of parameter %d is %g watched, %g else", i, grads[1][i], v)
				}
			}
			q.compareInput(t, tape.InputGradient(image.Value, q.n))
		})
	}
}

// compareInput compares grad with central differences of the first input.
func (q *problem) compareInput(t *testing.T, grad []float32) {
	t.Helper()
	flat, image := wide(q.params.Flat), q.p.Inputs[0]
	size, out := q.p.Size(image.Value), q.p.Size(q.out)
	loss := func(s int, x []float64) (sum float64) {
		values := map[graph.Value][]float64{image.Value: x}
		for i, d := range q.p.Inputs[1:] {
			k := q.p.Size(d.Value)
			values[d.Value] = wide(q.inputs[i+1][s*k : (s+1)*k])
		}
		at := 0
		for _, d := range q.p.Params {
			k := q.p.Size(d.Value)
			values[d.Value] = flat[at : at+k]
			at += k
		}
		evaluate(q.p, values)
		for i, v := range values[q.out] {
			sum += v * float64(q.weights[s*out+i])
		}
		return sum
	}
	largest := 0.0
	for _, g := range grad {
		largest = max(largest, math.Abs(float64(g)))
	}
	const h = 1e-5
	for probe := range min(probes, len(grad)) {
		i := probe * len(grad) / min(probes, len(grad))
		s, at := i/size, i%size
		x := wide(q.inputs[0][s*size : (s+1)*size])
		x[at] += h
		up := loss(s, x)
		x[at] -= 2 * h
		want := (up - loss(s, x)) / (2 * h)
		if d := math.Abs(float64(grad[i]) - want); !(d <= 2e-4*(largest+math.Abs(want))) {
			t.Errorf("gradient of number %d is %g, want %g; the largest is %g", i, grad[i], want, largest)
		}
	}
}

func TestInputGradientErrors(t *testing.T) {
	q := newProblem(cases[0].build)
	if _, err := New(q.p, q.out, q.params, q.n, kernel.Exact, q.out); err == nil {
		t.Error("an output is watched without an error")
	}
	tape, err := New(q.p, q.out, q.params, q.n, kernel.Exact)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("got no panic for an input that is not watched")
		}
	}()
	tape.InputGradient(q.p.Inputs[0].Value, 1)
}
