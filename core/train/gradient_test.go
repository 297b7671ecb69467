package train

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
)

// checkGradient compares b.Delta with Weight times the derivative of the loss by central
// differences, for the elements of Out for which include is true.
func checkGradient(t *testing.T, what string, l Loss, b *Batch, delta []float32, include func(k int) bool) {
	t.Helper()
	size := len(b.Out) / b.N
	for k := range b.Out {
		if !include(k) {
			continue
		}
		const h = 1. / 4096
		at, i := b.Out[k], k/size
		b.Out[k] = at + h
		l.Evaluate(b)
		up := b.Loss[i]
		b.Out[k] = at - h
		l.Evaluate(b)
		want := b.Weight * (up - b.Loss[i]) / (2 * h)
		b.Out[k] = at
		if !(math.Abs(float64(delta[k])-want) <= 1e-3*math.Abs(want)+1e-5) {
			t.Errorf("%s: slope by number %d is %g, differences give %g", what, k, delta[k], want)
		}
	}
}

func all(int) bool { return true }

// The gradient of every loss is its derivative.
func TestDeltaIsTheGradient(t *testing.T) {
	chain := newChain(t, diffusion.Cosine, 6)
	x0 := diffusion.Predictor{Prediction: diffusion.PredictX0, Input: chain}
	levels := ConsistencyLevels(6, 0.05, 5)
	still := func(out, x, _, _ []float32) error { copy(out, x); return nil }
	for _, c := range []struct {
		name            string
		l               Loss
		out, directions int
	}{
		{"regression", &Regression{Objective: EDMLoss{PMean: -1, PStd: 1.2, SigmaData: 0.6}, Parametrization: diffusion.EDM{SigmaData: 0.6}, Levels: Range{0.01, 40}}, 4, 0},
		{"vlb", &VLB{Chain: chain, Parametrization: x0, Objective: LSimple{chain}, Lambda: 1, Channels: 2}, 8, 0},
		{"consistency", &Consistency{Parametrization: diffusion.Consistency{SigmaData: 0.5, SigmaMin: 0.05}, Levels: levels, Target: still}, 4, 0},
		{"ism", ISM{2}, 4 * 5, 4},
		{"ssm", SSM{Channels: 2}, 4 * 4, 3},
		{"ssm of ±1", SSM{Channels: 2, Rademacher: true}, 4 * 3, 2},
		{"ssm-vr", SSM{Channels: 2, Reduced: true}, 4 * 4, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := batchOf(40, 4, c.out, c.directions) // every step of the chain among them
			if c.name == "vlb" {                     // D near x₀: far off, a level's probability has a floor
				for i := range b.N {
					for j, v := range row(b.Clean, i, 4) {
						k := i*8 + j + j/2*2
						b.Out[k] = float32(math.Round(float64(v+b.Out[k]/8)*4096)) / 4096
					}
				}
			}
			if err := c.l.Prepare(b); err != nil {
				t.Fatal(err)
			}
			c.l.Evaluate(b)
			checkGradient(t, c.name, c.l, b, append([]float32(nil), b.Delta...), all)
		})
	}
}

// In L_hybrid D gets its gradient from L_simple alone, and v from the bound, multiplied by
// 0.001.
func TestHybridBoundDoesNotTrainTheMean(t *testing.T) {
	chain := newChain(t, diffusion.Cosine, 6)
	b := batchOf(12, 4, 8, 0)
	ofMean := func(k int) bool { return k/2%2 == 0 }
	grade := func(simple, lambda float64) (*VLB, []float32) {
		l := Hybrid(chain, diffusion.Predictor{Prediction: diffusion.PredictV, Input: chain}, 2)
		if simple >= 0 {
			l.Simple, l.Lambda = simple, lambda
		}
		if err := l.Prepare(b); err != nil {
			t.Fatal(err)
		}
		l.Evaluate(b)
		return l, append([]float32(nil), b.Delta...)
	}
	_, hybrid := grade(-1, 0)
	l, simple := grade(1, 0)
	checkGradient(t, "L_simple", l, b, simple, ofMean)
	l, bound := grade(0, 1)
	checkGradient(t, "L_vlb", l, b, bound, func(k int) bool { return !ofMean(k) })
	for k, got := range hybrid {
		want := float64(simple[k])
		if !ofMean(k) {
			want = float64(bound[k]) / 1000
		}
		if !(math.Abs(float64(got)-want) <= 1e-6*math.Abs(want)) || want == 0 {
			t.Errorf("number %d: slope is %g, want %g", k, got, want)
		}
	}
}

// unweighted draws like another objective and weights every draw like LSimple.
type unweighted struct{ Objective }

func (o unweighted) Lambda(sigma float32) float64 { return LSimple{}.Lambda(sigma) }

// A bound with importance sampling weights each step by 1/(T·p_t).
func TestBoundByImportanceIsUnbiased(t *testing.T) {
	const T = 6
	chain := newChain(t, diffusion.Cosine, T)
	levels := make([]float32, T)
	for i, s := range chain.Sigmas {
		levels[i] = float32(s)
	}
	often := NewImportance(LSimple{chain}, levels)
	for i, sigma := range levels {
		for range importanceHistory {
			often.Observe(sigma, float64(i+1))
		}
	}
	often.Update()
	b := batchOf(40, 4, 8, 0)
	grade := func(draws Objective) []float64 {
		l := &VLB{Chain: chain, Parametrization: diffusion.Predictor{Prediction: diffusion.PredictV, Input: chain}, Objective: draws, Lambda: 1, Channels: 2}
		if err := l.Prepare(b); err != nil {
			t.Fatal(err)
		}
		l.Evaluate(b)
		return append([]float64(nil), b.Loss...)
	}
	counted, plain := grade(often), grade(unweighted{often})
	for i, got := range counted {
		at, err := chain.Time(b.Sigma[i])
		if err != nil {
			t.Fatal(err)
		}
		p := (at + 1) / 21 // of 1 + … + 6
		if want := plain[i] / (T * p); !(math.Abs(got-want) <= 1e-5*want) {
			t.Errorf("step %g: the loss is %g, want %g", at, got, want)
		}
	}
}
