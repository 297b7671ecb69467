package train

import (
	"math"
	"slices"
	"sync"

	"tweedie/core/graph"
)

// AdamW is the optimiser of Loshchilov and Hutter 2019 (arXiv:1711.05101,
// Algorithm 2, with the decay scaled by the learning rate as in PyTorch), together
// with an exponential moving average of the weights. NewAdamW returns one; its
// fields may be set until the first Step.
type AdamW struct {
	Beta1, Beta2 float64 // 0 means 0.9 and 0.999
	WeightDecay  float64 // λ, for matrices and convolutions only
	Average      float64 // decay of the weight average, which starts lower

	m, v    []float32 // first and second moments
	average []float32
	decayed []bool // whether weight decay applies to a number
}

// NewAdamW returns an optimiser of p in its initial state. The weight average starts
// from the weights of p.
func NewAdamW(p *graph.Params) *AdamW {
	return newAdamW(p.Flat, decayed(p))
}

// newAdamW returns an optimiser of the weights w.
func newAdamW(w []float32, decayed []bool) *AdamW {
	n := len(w)
	return &AdamW{m: make([]float32, n), v: make([]float32, n), average: slices.Clone(w), decayed: decayed}
}

// decayed marks the numbers that weight decay applies to: those of matrices and
// convolutions, not norms, biases or embeddings.
func decayed(p *graph.Params) []bool {
	out := make([]bool, 0, len(p.Flat))
	for i, d := range p.Specs {
		for range p.Slice(i) {
			out = append(out, d.Init.Kind != graph.Normal && len(d.Shape) > 1)
		}
	}
	return out
}

// eps keeps Adam's division finite: Kingma and Ba 2015, Algorithm 1.
const eps = 1e-8

// Step updates the weights w by the gradient scale·g with the given learning rate. t
// is the step, counted from 1. g is left unchanged. It panics unless w and g have the
// length of the optimiser's weights.
func (a *AdamW) Step(w, g []float32, t int, rate, scale float64) {
	if len(w) != len(a.m) || len(g) != len(a.m) {
		panic("train: AdamW.Step: wrong length of weights or gradient")
	}
	beta1, beta2 := orDefault(a.Beta1, 0.9), orDefault(a.Beta2, 0.999)
	correct1 := 1 - math.Pow(beta1, float64(t))
	correct2 := 1 - math.Pow(beta2, float64(t))
	keep := averageAt(a.Average, t)
	b1, b2, s := float32(beta1), float32(beta2), float32(scale)
	size := float32(rate / correct1)
	root := float32(1 / math.Sqrt(correct2))
	shrink := float32(1 - rate*a.WeightDecay)
	e := float32(1 - keep)
	split(len(w), func(from, to int) {
		for i := from; i < to; i++ {
			d := g[i] * s
			m := a.m[i] + (d-a.m[i])*(1-b1)
			v := a.v[i] + (d*d-a.v[i])*(1-b2)
			a.m[i], a.v[i] = m, v
			x := w[i]
			if a.decayed[i] {
				x *= shrink
			}
			x -= size * m / (float32(math.Sqrt(float64(v)))*root + eps)
			w[i] = x
			a.average[i] += (x - a.average[i]) * e
		}
	})
}

// averageAt returns the decay of the weight average at step t: it starts low, so
// that the initial weights lose their influence quickly.
func averageAt(decay float64, t int) float64 {
	return min(decay, float64(t)/float64(t+10))
}

func orDefault(v, zero float64) float64 {
	if v == 0 {
		return zero
	}
	return v
}

// optimiserParts is the number of goroutines that share the optimiser's work. Every
// number is updated independently, so the result does not depend on it.
const optimiserParts = 4

// split calls f on optimiserParts ranges of 0 to n in parallel.
func split(n int, f func(from, to int)) {
	var wait sync.WaitGroup
	for i := range optimiserParts {
		wait.Go(func() { f(n*i/optimiserParts, n*(i+1)/optimiserParts) })
	}
	wait.Wait()
}

// norm returns the Euclidean norm of g, summed in order.
func norm(g []float32) float64 {
	sum := 0.0
	for _, v := range g {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// Averaged returns the weight average, which must not be modified.
func (a *AdamW) Averaged() []float32 { return a.average }
