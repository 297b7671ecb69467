package diffusion

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"

	"tweedie/core/tensor"
)

// The bits of every process, parametrization and kind of guidance are the same on every
// target. The golden number does not show that they are correct; after a change of formula
// replace it by the printed one.
func TestSameBitsEverywhere(t *testing.T) {
	const want = 0x53a67bb0dfc06272
	hash := fnv.New64a()
	add := func(values ...float64) {
		for _, v := range values {
			binary.Write(hash, binary.LittleEndian, math.Float64bits(v))
		}
	}
	all := []Parametrization{EDM{0.6}, Predictor{PredictV, WholeSteps{mustChain(t, Schedule{Kind: Cosine})}}}
	for _, r := range processRows(t) {
		for _, sigma := range []float32{0.21, 0.9, 3.7} {
			at, err := r.process.Time(sigma)
			if err != nil {
				t.Fatal(err)
			}
			k := r.process.Kernel(at)
			add(at, k.S, k.Sigma, k.F(), k.G())
			drift, g := k.Backward(0.7)
			keep, sd := Transition(Kernel{S: 1}, k)
			step, noise := Bridge(k, Kernel{S: 1, Sigma: 0.1}, 0.4)
			add(drift.At(0.3, -0.7), g, keep, sd, step.At(0.3, -0.7), noise)
		}
		if in, ok := r.process.(Input); ok {
			all = append(all, Predictor{PredictScore, in})
		}
	}
	for _, kind := range []string{KindVP, KindSubVP, KindVE, KindSMLD, KindRectifiedFlow} {
		for _, what := range Predictions {
			all = append(all, Predictor{what, &Spec{Kind: kind}})
		}
	}
	for _, p := range all {
		for _, sigma := range []float32{0.11, 1.3, 9} {
			c, err := p.Coefficients(sigma)
			if err != nil {
				t.Fatal(err)
			}
			add(c.CSkip, c.COut, c.CIn, c.CNoise)
		}
	}
	half := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) { return x.Scaled(0.5), nil }
	third := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) { return x.Scaled(1. / 3), nil }
	guided, err := Guided(half, third, Guidance{Scale: 5.5, Rescale: 0.7})
	if err != nil {
		t.Fatal(err)
	}
	thresholded, err := Thresholded(guided, 0.9, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range mustDenoise(t, thresholded, normals(50, 1), 1).Data {
		add(float64(v))
	}
	if got := hash.Sum64(); got != want {
		t.Errorf("got %#x, want %#x", got, uint64(want))
	}
}
