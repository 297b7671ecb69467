package quantize

import (
	"math"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/tensor"
	"tweedie/weights"
)

func TestPSNR(t *testing.T) {
	for _, tt := range []struct {
		got, want []float32
		db        float64
	}{
		{[]float32{1, 2}, []float32{1, 2}, math.Inf(1)},
		{[]float32{0.2, 0}, []float32{0, 0.2}, 20},
		{[]float32{float32(math.NaN()), 0}, []float32{0, 0}, math.Inf(-1)},
		{[]float32{float32(math.Inf(1)), 0}, []float32{0, 0}, math.Inf(-1)},
	} {
		if got := PSNR(tt.got, tt.want, 2); !(got == tt.db || math.Abs(got-tt.db) < 1e-5) {
			t.Errorf("%v to %v: got %g dB, want %g", tt.got, tt.want, got, tt.db)
		}
	}
}

// TestDenoisedPSNR: an error of 1/100 of the range is 40 dB, whatever the range is.
func TestDenoisedPSNR(t *testing.T) {
	var want, got Denoised
	for i := range want {
		width := float32(i + 1)
		want[i] = tensor.Of([]float32{-width, 0, width / 2, width}, 1, 2, 2, 1)
		got[i] = want[i].AddScaled(0.02*width, tensor.Of([]float32{1, -1, -1, 1}, 1, 2, 2, 1))
	}
	for i, db := range got.PSNR(want) {
		if !(math.Abs(db-40) < 1e-3) {
			t.Errorf("level %d: %g dB, want 40", i, db)
		}
	}
	if db := want.PSNR(want)[0]; !math.IsInf(db, 1) {
		t.Errorf("equal images: got %g dB", db)
	}
	got[0].Data[1] = float32(math.NaN())
	if db := got.PSNR(want)[0]; !math.IsInf(db, -1) {
		t.Errorf("NaN: %g dB", db)
	}
}

// TestMixedMeasuresImages: of two layers with similar weights, the one with little effect on
// the image is stored with a much larger error.
func TestMixedMeasuresImages(t *testing.T) {
	p := &graph.Program{}
	x := p.Input("x", 8, 8, 3)
	time := p.Input("t", 1)
	field := graph.Conv{Size: 7, Stride: 1, Before: 3, After: 3}
	weigh := func(name string) graph.Value {
		return p.Apply(field, x, p.Param(name, graph.Init{Kind: graph.Uniform, Fan: 147}, 3, 3, 7, 7))
	}
	bias := p.Param("bias", graph.Init{Kind: graph.Uniform, Fan: 1}, 3)
	in := p.Param("in", graph.Init{Kind: graph.Uniform, Fan: 1}, 3, 1)
	both := p.Apply(graph.Add{}, weigh("shown"), p.Apply(graph.Affine{Scale: 0.01}, weigh("hidden")))
	m, params, im := ofProgram(t, p, p.Apply(graph.AddChannels{}, both, p.Apply(graph.Linear{}, time, in, bias)))
	off := map[string]float64{}
	for _, v := range mixedOf(t, m, im, 0.9, weights.I8) {
		n, err := v.Float32()
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range params.Named(v.Name) {
			off[v.Name] += math.Abs(float64(n[i]) - float64(w))
		}
	}
	if !(off["shown"] < off["hidden"]/4) {
		t.Errorf("errors of weights are %v, want those with little effect to be at least four times the others", off)
	}
}
