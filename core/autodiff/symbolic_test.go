package autodiff

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/unet"
)

// withoutGradient are the cases that Gradient does not support.
var withoutGradient = []string{
	"linear", "linear on pixels", "SiLU", "add, twice used", "concat", "upsample", "patches", "attention", "embedding and sinusoid", "ELU", "instance norm plus", "bilinear, up", "bilinear, down",
	"NCSN", "tangents", "U-Net",
}

// The symbolic gradient agrees with central differences, in batches and one sample at a time.
func TestSymbolicGradient(t *testing.T) {
	all := append(slices.Clone(cases), struct {
		name  string
		build func(p *graph.Program) graph.Value
	}{"classifier", classifier})
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			q, written := newProblem(c.build), newProblem(c.build)
			seed := written.p.Input("seed", written.p.Shape(written.out)...)
			out, err := Gradient(written.p, written.out, seed, written.p.Inputs[0].Value)
			if slices.Contains(withoutGradient, c.name) {
				if err == nil || !strings.HasPrefix(err.Error(), "autodiff: ") {
					t.Errorf("got error %v, want one", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := written.planned(t, out, q.n)
			q.compareInput(t, got)
			if one := written.planned(t, out, 1); !slices.Equal(one, got) {
				t.Error("other bits one sample at a time")
			}
		})
	}
}

// planned evaluates out with a plan of q's program, whose last input is the weights of q,
// batch samples at a time, in exact arithmetic.
func (q *problem) planned(t *testing.T, out graph.Value, batch int) []float32 {
	t.Helper()
	w, err := infer.Load(q.p, out, q.params, batch, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan, y := w.NewPlan(), []float32(nil)
	for at := 0; at < q.n; at += batch {
		var in [][]float32
		for i, x := range append(slices.Clone(q.inputs), q.weights) {
			k := q.p.Size(q.p.Inputs[i].Value)
			in = append(in, x[at*k:(at+batch)*k])
		}
		part := make([]float32, batch*q.p.Size(out))
		plan.Run(part, batch, in...)
		y = append(y, part...)
	}
	return y
}

// classifier is a small classifier with two levels, patches, and a downsampling residual block.
func classifier(p *graph.Program) graph.Value {
	net, err := unet.BuildClassifier(&unet.Config{
		SampleSize: unet.Square(8), InChannels: 2, OutChannels: 3, BlockOutChannels: []int{8, 12}, LayersPerBlock: 1,
		DownBlockTypes: []string{"DownBlock2D", "DownBlock2D"}, UpBlockTypes: []string{"UpBlock2D", "UpBlock2D"},
		NormNumGroups: 4, NormEps: 1e-5, Patch: 2, DownsampleType: "resnet", SkipScale: 0.7,
	})
	if err != nil {
		panic(err)
	}
	*p = *net.Program
	return net.Out
}

// A value that does not depend on x has no gradient.
func TestSymbolicGradientOfIndependentValue(t *testing.T) {
	p := &graph.Program{}
	x, z := p.Input("x", 2, 2, 3), p.Input("z", 2, 2, 3)
	if _, err := Gradient(p, p.Apply(graph.SiLU{}, z), z, x); err == nil || !strings.Contains(err.Error(), "does not depend") {
		t.Errorf("got error %v", err)
	}
}

// ∂ log softmax(z)[y]/∂z agrees with central differences, and its elements add up to 0.
func TestLogSoftmaxAdjoint(t *testing.T) {
	p := &graph.Program{}
	z, y := p.Input("z", 1, 1, 5), p.Input("y", 1)
	out := p.Apply(graph.LogSoftmaxAdjoint{}, z, y)
	w, err := infer.Load(p, out, graph.NewParams(p), 2, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	logits, class := []float32{0.3, -2, 1, 0, 0.5, 90, 3, -90, 0, 1}, []float32{2, 4}
	got := make([]float32, 10)
	w.NewPlan().Run(got, 2, logits, class)
	for i := range 2 {
		sum := float32(0)
		for j := range 5 {
			const h = 1e-5
			row := wide(logits[5*i : 5*i+5])
			row[j] += h
			up := logProbability(row, int(class[i]))
			row[j] -= 2 * h
			want := (up - logProbability(row, int(class[i]))) / (2 * h)
			if d := float64(got[5*i+j]) - want; !(d <= 1e-6 && d >= -1e-6) {
				t.Errorf("sample %d, logit %d: got %g, want %g", i, j, got[5*i+j], want)
			}
			sum += got[5*i+j]
		}
		if !(sum <= 1e-6 && sum >= -1e-6) {
			t.Errorf("sample %d adds up to %g", i, sum)
		}
	}
}

func logProbability(z []float64, y int) float64 {
	most, sum := slices.Max(z), 0.0
	for _, v := range z {
		sum += math.Exp(v - most)
	}
	return z[y] - most - math.Log(sum)
}

func TestAdjointErrors(t *testing.T) {
	for _, c := range []struct {
		op graph.Op
		in [][]int
	}{
		{graph.Conv{Size: 3, Stride: 1, Transposed: true}, [][]int{{4, 4, 2}, {5, 2, 3, 3}}},
		{graph.Conv{Size: 3, Stride: 1, Transposed: true}, [][]int{{4, 4, 5}, {5, 2, 3, 3}, {2}}},
		{graph.NormAdjoint{Norm: graph.GroupNorm{Groups: 2}}, [][]int{{2, 2, 4}, {2, 3, 4}, {4}, {4}}},
		{graph.NormAdjoint{Norm: graph.GroupNorm{Groups: 3}}, [][]int{{2, 2, 4}, {2, 2, 4}, {4}, {4}}},
		{graph.NormAdjoint{Norm: graph.GroupNorm{Groups: 2}}, [][]int{{2, 2, 4}, {2, 2, 4}}},
		{graph.LogSoftmaxAdjoint{}, [][]int{{2, 1, 3}, {1}}},
	} {
		if shape, err := c.op.Infer(c.in); err == nil {
			t.Errorf("%T of %v: got %v, want an error", c.op, c.in, shape)
		}
	}
}
