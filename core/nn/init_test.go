package nn_test

import (
	"math"
	"slices"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

func TestInitialize(t *testing.T) {
	p := &graph.Program{}
	x := nn.Conv3(p, "a", p.Input("x", 4, 4, 32), 64)
	x = nn.GroupNorm(p, "b", x, graph.GroupNorm{Groups: 4, Eps: 1e-5})
	nn.Conv1(nn.ZeroInit(p), "c", x, 8)
	nn.Embedding(p, "d", p.Input("id", 1), 100, 64)
	params := graph.NewParams(p)
	nn.Initialize(params, 9)

	bound := 1 / math.Sqrt(32*9)
	sum, most := 0.0, 0.0
	for _, v := range params.Named("a.weight") {
		sum += float64(v) * float64(v)
		most = max(most, math.Abs(float64(v)))
	}
	n := float64(len(params.Named("a.weight")))
	if sd, want := math.Sqrt(sum/n), bound/math.Sqrt(3); !(math.Abs(sd/want-1) < 0.02) || most > bound {
		t.Errorf("uniform weights have deviation %g and reach %g, want %g and at most %g", sd, most, want, bound)
	}
	for name, want := range map[string]float32{"b.weight": 1, "b.bias": 0, "c.weight": 0, "c.bias": 0} {
		if i := slices.IndexFunc(params.Named(name), func(v float32) bool { return v != want }); i >= 0 {
			t.Errorf("%s[%d] is %g, want %g", name, i, params.Named(name)[i], want)
		}
	}
	sum = 0
	for _, v := range params.Named("d.weight") {
		sum += float64(v) * float64(v)
	}
	if sd := math.Sqrt(sum / 6400); !(math.Abs(sd-1) < 0.04) {
		t.Errorf("an embedding's deviation is %g, want 1", sd)
	}

	again := graph.NewParams(p)
	nn.Initialize(again, 9)
	if !slices.Equal(again.Flat, params.Flat) {
		t.Error("the same seed gave other numbers")
	}
	nn.Initialize(again, 10)
	if slices.Equal(again.Flat, params.Flat) {
		t.Error("another seed gave the same numbers")
	}
}
