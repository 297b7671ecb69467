package train

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
)

// The gradient of the cross-entropy agrees with central differences, and the loss of an
// image is −log softmax of its class, also for logits far apart.
func TestCrossEntropyGradient(t *testing.T) {
	b := NewBatch(2, 4, 3, 0)
	b.N, b.Weight = 2, 0.25
	b.Class = []float32{2, 0}
	l := &CrossEntropy{}
	loss := func(z []float32) float64 {
		b.Out = z
		l.Evaluate(b)
		return b.Weight * (b.Loss[0] + b.Loss[1])
	}
	z := []float32{0.5, -1, 0.25, 300, 2, -300}
	for i := range z {
		const h = 1.0 / 1024
		up, down := append([]float32{}, z...), append([]float32{}, z...)
		up[i] += h
		down[i] -= h
		want := (loss(up) - loss(down)) / (2 * h)
		loss(z)
		if got := float64(b.Delta[i]); !(math.Abs(got-want) <= 1e-6) {
			t.Errorf("∂loss/∂z[%d] is %g, want %g", i, got, want)
		}
	}
	sum := math.Exp(0.5) + math.Exp(-1) + math.Exp(0.25)
	if want := math.Log(sum) - 0.25; !(math.Abs(b.Loss[0]-want) <= 1e-6) || b.Loss[1] != 0 {
		t.Errorf("losses are %v, want %g and 0", b.Loss, want)
	}
}

// The input of the network is c_in·(x₀ + σ·ε) at the level that was drawn.
func TestCrossEntropyPrepare(t *testing.T) {
	p := diffusion.EDM{SigmaData: 0.5}
	of := EDMLoss{PMean: -0.6, PStd: 3, SigmaData: 0.5}
	l, r := &CrossEntropy{Objective: of, Parametrization: p, Levels: Range{0.1, 2}}, &Regression{Objective: of, Parametrization: p, Levels: Range{0.1, 2}}
	a, b := NewBatch(40, 4, 3, 0), NewBatch(40, 4, 4, 0)
	for _, b := range []*Batch{a, b} {
		b.N, b.Seed = 40, 9
		for i := range b.Clean {
			b.Clean[i] = float32(i%7)/3 - 1
		}
		for i := range b.Draw {
			b.Draw[i] = uint64(i)
		}
	}
	if err := l.Prepare(a); err != nil {
		t.Fatal(err)
	}
	if err := r.Prepare(b); err != nil {
		t.Fatal(err)
	}
	for i, v := range a.X {
		if k := i / 4; a.Sigma[k] != b.Sigma[k] || a.CNoise[k] != b.CNoise[k] || !(math.Abs(float64(v-b.X[i])) <= 1e-6) {
			t.Fatalf("image %d: σ %g, c_noise %g, input %g; a denoiser is given %g, %g, %g", k, a.Sigma[k], a.CNoise[k], v, b.Sigma[k], b.CNoise[k], b.X[i])
		}
	}
}
