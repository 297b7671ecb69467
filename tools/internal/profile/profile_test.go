package profile

import (
	"math"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/modeltest"
	"tweedie/core/unet"
)

// tiny returns a small model with attention and a class.
func tiny(t *testing.T) *model.Model {
	t.Helper()
	classes := 3
	c := &model.Config{
		Arch: model.UNet2D, Prediction: model.EDM, SigmaData: 0.5, SigmaMin: 0.01, SigmaMax: 40, Shape: [3]int{1, 8, 8},
		Classes: []string{"a", "b", "c"},
		UNet: &unet.Config{SampleSize: unet.Square(8), InChannels: 1, OutChannels: 1, BlockOutChannels: []int{8, 16}, LayersPerBlock: 1,
			DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D"}, UpBlockTypes: []string{"AttnUpBlock2D", "UpBlock2D"},
			NormNumGroups: 4, NormEps: 1e-5, NumClassEmbeds: &classes},
	}
	return modeltest.Of(t, "tiny", c, 0)
}

// TestReportAddsUp: every operation is in each table exactly once, with the work that
// graph.CostOf computes.
func TestReportAddsUp(t *testing.T) {
	m := tiny(t)
	const batch = 3
	r, err := Measure(m, Options{Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	program := m.Network().Program
	want := Line{Count: len(program.Nodes), FLOPs: batch * graph.CostOf(program).FLOPs, MS: r.Total.MS}
	for name, lines := range map[string][]Line{"total": {r.Total}, "kinds": r.Kinds, "shapes": r.Shapes} {
		var got Line
		share := 0.0
		for _, l := range lines {
			got.Count, got.FLOPs, got.MS = got.Count+l.Count, got.FLOPs+l.FLOPs, got.MS+l.MS
			share += l.Share
		}
		if got.Count != want.Count || got.FLOPs != want.FLOPs {
			t.Errorf("%s: %d operations of %d FLOP, want %d of %d", name, got.Count, got.FLOPs, want.Count, want.FLOPs)
		}
		if !(math.Abs(got.MS-want.MS) <= 1e-9*want.MS) || !(math.Abs(share-1) <= 1e-9) {
			t.Errorf("%s: %g ms and shares of %g, want %g and 1", name, got.MS, share, want.MS)
		}
	}
}

// TestPrintNames: the tables name the kinds of operations in the network.
func TestPrintNames(t *testing.T) {
	r, err := Measure(tiny(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	r.Print(&b, "native")
	for _, name := range []string{"conv 3×3", "conv 1×1", "linear", "group norm + SiLU", "attention", "concat", "upsampling", "rest", "4×4×16 → 4×4×16"} {
		if !strings.Contains(b.String(), name) {
			t.Errorf("the tables lack %q:\n%s", name, b.String())
		}
	}
}

// TestPeak: the peak is that of vectors, and fused arithmetic is not slower.
func TestPeak(t *testing.T) {
	p := MeasurePeak()
	if lanes() == 0 {
		if p != (Peak{}) {
			t.Errorf("peak is %+v without vectors, want 0", p)
		}
		return
	}
	if !(p.MulAdd > 1 && p.Fused > 0.5*p.MulAdd) {
		t.Errorf("peak is %+v, want more than that of a scalar loop", p)
	}
}
