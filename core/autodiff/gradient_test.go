package autodiff

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/unet"
)

// cases are programs that together use every operation, one or a few in each.
var cases = []struct {
	name  string
	build func(p *graph.Program) graph.Value
}{
	{"conv", func(p *graph.Program) graph.Value { return nn.Conv3(p, "a", lead(p, 5, 7, 3), 6) }},
	{"conv by Winograd", func(p *graph.Program) graph.Value { // x is used twice, so that gradients meet
		x := lead(p, 5, 7, 16)
		return p.Apply(graph.Add{}, x, nn.Conv3(p, "a", x, 16))
	}},
	{"conv1", func(p *graph.Program) graph.Value { return nn.Conv1(p, "a", lead(p, 3, 4, 5), 7) }},
	{"down padding 0", func(p *graph.Program) graph.Value { return nn.Down3(p, "a", lead(p, 6, 8, 3), 4, 0) }},
	{"down padding 1", func(p *graph.Program) graph.Value { return nn.Down3(p, "a", lead(p, 7, 6, 2), 5, 1) }},
	{"linear", func(p *graph.Program) graph.Value {
		return nn.Linear(p, "b", nn.Linear(p, "a", p.Input("x", 9), 17), 3)
	}},
	{"linear on pixels", func(p *graph.Program) graph.Value { return nn.Linear(p, "a", lead(p, 2, 3, 4), 5) }},
	{"group norm", func(p *graph.Program) graph.Value {
		return nn.GroupNorm(p, "a", lead(p, 3, 5, 6), graph.GroupNorm{Groups: 3, Eps: 1e-5})
	}},
	{"group norm and SiLU", func(p *graph.Program) graph.Value {
		return nn.GroupNorm(p, "a", lead(p, 4, 4, 8), graph.GroupNorm{Groups: 2, Eps: 1e-5, SiLU: true})
	}},
	{"SiLU", func(p *graph.Program) graph.Value { return p.Apply(graph.SiLU{}, lead(p, 3, 3, 5)) }},
	{"add, twice used", func(p *graph.Program) graph.Value {
		x := lead(p, 3, 3, 4)
		return p.Apply(graph.Add{}, p.Apply(graph.Add{}, x, x), p.Apply(graph.SiLU{}, x))
	}},
	{"add channels", func(p *graph.Program) graph.Value {
		return p.Apply(graph.AddChannels{}, lead(p, 3, 2, 5), nn.Linear(p, "e", p.Input("e", 4), 5))
	}},
	{"concat", func(p *graph.Program) graph.Value {
		x := lead(p, 3, 2, 5)
		return p.Apply(graph.Concat{}, x, nn.Conv1(p, "b", x, 3))
	}},
	{"upsample", func(p *graph.Program) graph.Value { return p.Apply(graph.Upsample{}, lead(p, 3, 2, 5)) }},
	{"patches", func(p *graph.Program) graph.Value {
		x := p.Apply(graph.SpaceToDepth{}, lead(p, 4, 6, 3))
		return p.Apply(graph.DepthToSpace{}, nn.Conv1(p, "b", x, 8))
	}},
	{"attention", func(p *graph.Program) graph.Value {
		x := lead(p, 3, 4, 6)
		return p.Apply(graph.Attention{Heads: 2}, nn.Linear(p, "q", x, 6), nn.Linear(p, "k", x, 6), nn.Linear(p, "v", x, 6))
	}},
	{"embedding and sinusoid", func(p *graph.Program) graph.Value {
		t := p.Apply(graph.Sinusoid{Width: 6, FreqShift: 1}, p.Input("t", 1))
		return p.Apply(graph.Add{}, nn.Linear(p, "a", t, 4), nn.Embedding(p, "table", p.Input("class", 1), 5, 4))
	}},
	{"dilated conv", func(p *graph.Program) graph.Value { return nn.Dilated3(p, "a", lead(p, 5, 7, 3), 6, 2) }},
	{"dilated conv, wide", func(p *graph.Program) graph.Value { return nn.Dilated3(p, "a", lead(p, 6, 9, 16), 16, 4) }},
	{"conv without biases", func(p *graph.Program) graph.Value {
		return nn.Conv3NoBias(p, "b", nn.Conv3NoBias(p, "a", lead(p, 5, 7, 3), 16), 16)
	}},
	{"ELU", func(p *graph.Program) graph.Value { return p.Apply(graph.ELU{}, lead(p, 3, 3, 7)) }},
	{"affine", func(p *graph.Program) graph.Value {
		return p.Apply(graph.Affine{Scale: 2, Shift: -1}, lead(p, 3, 3, 5))
	}},
	{"instance norm plus", func(p *graph.Program) graph.Value {
		return nn.InstanceNormPlus(p, "a", lead(p, 4, 5, 19), p.Input("class", 1), 5)
	}},
	{"average pool", func(p *graph.Program) graph.Value {
		return p.Apply(graph.AveragePool{Size: 5, Stride: 1, Before: 2, After: 2}, lead(p, 4, 7, 3))
	}},
	{"average pool by halves", func(p *graph.Program) graph.Value {
		return p.Apply(graph.AveragePool{Size: 2, Stride: 2}, lead(p, 6, 5, 3))
	}},
	{"average pool, uneven", func(p *graph.Program) graph.Value {
		return p.Apply(graph.AveragePool{Size: 3, Stride: 2, Before: 2, After: 1}, lead(p, 5, 4, 2))
	}},
	{"bilinear, up", func(p *graph.Program) graph.Value { return p.Apply(graph.Bilinear{H: 7, W: 9}, lead(p, 4, 5, 3)) }},
	{"bilinear, down", func(p *graph.Program) graph.Value { return p.Apply(graph.Bilinear{H: 3, W: 1}, lead(p, 8, 5, 2)) }},
	{"NCSN", func(p *graph.Program) graph.Value {
		net, err := unet.BuildNCSN(&unet.NCSN{ImageSize: unet.Square(6), Channels: 1, NGF: 4, NumClasses: 5})
		if err != nil {
			panic(err)
		}
		*p = *net.Program
		return net.Out
	}},
	{"tangents", func(p *graph.Program) graph.Value {
		d, x := NewJVP(p), p.Input("x", 2, 1, 3)
		d.SetTangents(x, p.Input("v", 2, 1, 3))
		return d.Tangents(small(d, x))[0]
	}},
	{"U-Net", func(p *graph.Program) graph.Value {
		classes, head := 5, 4
		net, err := unetConfig(&classes, &head)
		if err != nil {
			panic(err)
		}
		*p = *net.Program
		return net.Out
	}},
}

// small is a network of all operations that a JVP supports.
func small(g graph.Graph, x graph.Value) graph.Value {
	a := g.Apply(graph.SiLU{}, nn.Linear(g, "a", x, 5))
	b := g.Apply(graph.SiLU{}, nn.Linear(g, "b", a, 5))
	a = g.Apply(graph.AddChannels{}, g.Apply(graph.Add{}, a, b), nn.Linear(g, "t", g.Input("t", 4), 5))
	return nn.Linear(g, "c", g.Apply(graph.Concat{}, a, b), 3)
}

// lead returns an image with a gradient: an input after a 1×1 convolution.
func lead(p *graph.Program, h, w, c int) graph.Value {
	return nn.Conv1(p, "lead", p.Input("x", h, w, c), c)
}

func unetConfig(classes, head *int) (*unet.Network, error) {
	return unet.Build(&unet.Config{
		SampleSize: unet.Square(8), InChannels: 1, OutChannels: 1, BlockOutChannels: []int{8, 12}, LayersPerBlock: 1,
		DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D"}, UpBlockTypes: []string{"AttnUpBlock2D", "UpBlock2D"},
		NormNumGroups: 4, NormEps: 1e-5, AttentionHeadDim: head, FlipSinToCos: true, NumClassEmbeds: classes, Patch: 2,
	})
}

// problem is a program with parameters and inputs; its loss is Σ weight·output over n samples.
type problem struct {
	p       *graph.Program
	out     graph.Value
	params  *graph.Params
	n       int
	inputs  [][]float32
	weights []float32
}

func newProblem(build func(p *graph.Program) graph.Value) *problem {
	rng := rand.New(rand.NewPCG(3, 5))
	q := &problem{p: &graph.Program{}, n: 3}
	q.out = build(q.p)
	q.params = graph.NewParams(q.p)
	for i := range q.params.Flat {
		q.params.Flat[i] = float32(rng.NormFloat64()) / 2
	}
	for _, d := range q.p.Inputs {
		data := make([]float32, q.n*q.p.Size(d.Value))
		for i := range data {
			data[i] = float32(rng.NormFloat64())
			switch {
			case d.Name == "class" || d.Name == "y" || d.Name == "t" && q.has(graph.InstanceNormPlus{}, graph.Lookup{}):
				data[i] = float32(rng.IntN(5))
			case d.Name == "t" && q.has(graph.Fourier{}): // a noise level
				data[i] = float32(math.Exp(float64(data[i])))
			}
		}
		q.inputs = append(q.inputs, data)
	}
	q.weights = make([]float32, q.n*q.p.Size(q.out))
	for i := range q.weights {
		q.weights[i] = float32(rng.NormFloat64())
	}
	return q
}

// loss returns the loss for parameters flat, computed in float64; it writes the outputs to out.
func (q *problem) loss(flat []float64, out []float64) float64 {
	sum := 0.0
	size := q.p.Size(q.out)
	for s := range q.n {
		values := map[graph.Value][]float64{}
		for i, d := range q.p.Inputs {
			k := q.p.Size(d.Value)
			values[d.Value] = wide(q.inputs[i][s*k : (s+1)*k])
		}
		at := 0
		for _, d := range q.p.Params {
			k := q.p.Size(d.Value)
			values[d.Value] = flat[at : at+k]
			at += k
		}
		evaluate(q.p, values)
		for i, v := range values[q.out] {
			sum += v * float64(q.weights[s*size+i])
			if out != nil {
				out[s*size+i] = v
			}
		}
	}
	return sum
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// probes is the number of parameters of a program that are compared.
const probes = 60

func TestGradient(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { checkGradient(t, probes, c.build) })
	}
}

// checkGradient compares the outputs of a program with float64, and the gradients of that
// many parameters with central differences.
func checkGradient(t *testing.T, probes int, build func(p *graph.Program) graph.Value) {
	t.Helper()
	q := newProblem(build)
	if err := q.p.Err(); err != nil {
		t.Fatal(err)
	}
	tape, err := New(q.p, q.out, q.params, q.n, kernel.Fast)
	if err != nil {
		t.Fatal(err)
	}
	flat := wide(q.params.Flat)
	want := make([]float64, len(q.weights))
	q.loss(flat, want)
	for i, y := range tape.Forward(q.n, q.inputs...) {
		if d := math.Abs(float64(y) - want[i]); !(d <= 1e-4*(1+math.Abs(want[i]))) {
			t.Fatalf("output %d is %g, want %g", i, y, want[i])
		}
	}
	tape.Backward(q.n, q.weights)
	grad := make([]float32, len(flat))
	tape.TakeGradients(grad)
	q.compare(t, probes, flat, grad)
}

// compare compares grad with central differences at evenly spaced parameters.
func (q *problem) compare(t *testing.T, probes int, flat []float64, grad []float32) {
	t.Helper()
	length := 0.0
	for _, g := range grad {
		length = max(length, math.Abs(float64(g)))
	}
	const h = 1e-5
	for probe := range min(probes, len(flat)) {
		i := probe * len(flat) / min(probes, len(flat))
		kept := flat[i]
		flat[i] = kept + h
		up := q.loss(flat, nil)
		flat[i] = kept - h
		down := q.loss(flat, nil)
		flat[i] = kept
		want := (up - down) / (2 * h)
		if d := math.Abs(float64(grad[i]) - want); !(d <= 2e-4*(length+math.Abs(want))) {
			t.Errorf("gradient of parameter %d is %g, want %g; the largest is %g", i, grad[i], want, length)
		}
	}
}

// Gradients of two batches add up, and TakeGradients resets them.
func TestGradientsAdd(t *testing.T) {
	q := newProblem(cases[len(cases)-1].build)
	tape, err := New(q.p, q.out, q.params, q.n, kernel.Fast)
	if err != nil {
		t.Fatal(err)
	}
	run := func(times int) []float32 {
		grad := make([]float32, len(q.params.Flat))
		for range times {
			tape.Forward(q.n, q.inputs...)
			tape.Backward(q.n, q.weights)
		}
		tape.TakeGradients(grad)
		return grad
	}
	once, twice := run(1), run(2)
	for i := range once {
		if d := math.Abs(float64(twice[i] - 2*once[i])); !(d <= 1e-4*(1+math.Abs(float64(once[i])))) {
			t.Fatalf("gradient %d is %g after two batches, %g after one", i, twice[i], once[i])
		}
	}
}

// has reports whether the program has an operation of the type of one of ops.
func (q *problem) has(ops ...graph.Op) bool {
	for _, n := range q.p.Nodes {
		for _, op := range ops {
			if reflect.TypeOf(n.Op) == reflect.TypeOf(op) {
				return true
			}
		}
	}
	return false
}
