package train

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/rng"
)

// gaussianVDM is VDMLoss on images with levels drawn from N(0, variance), with the exact
// noise prediction for such values instead of a network.
type gaussianVDM struct {
	*gamma
	loss     *VDMLoss
	batch    *Batch
	variance float64
}

func newGaussianVDM(t *testing.T, start, end float64, units, n, size int) *gaussianVDM {
	t.Helper()
	g := newGamma(&Config{Batch: n, Model: model.Config{
		Prediction: model.Epsilon,
		Process:    &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: diffusion.NewMonotone(start, end, units)},
	}})
	out := &gaussianVDM{g, g.loss(false), NewBatch(n, size, size, 0), 0.09}
	out.batch.N, out.batch.Out, out.batch.GammaGradients = n, make([]float32, n*size), g.gradients
	return out
}

// evaluate computes loss and gradients of a batch of draws.
func (g *gaussianVDM) evaluate(t *testing.T, seed uint64) {
	t.Helper()
	b := g.batch
	b.Seed = seed
	rng.Normal(b.Clean, seed, 0, 200)
	for i, v := range b.Clean {
		x := float32(math.Round(math.Sqrt(g.variance)*float64(v)*127.5+0.5)-0.5) / 127.5
		b.Clean[i] = max(-1, min(x, 1))
	}
	for i := range b.N {
		b.Draw[i] = uint64(i)
	}
	if err := g.loss.Prepare(b); err != nil {
		t.Fatal(err)
	}
	for i := range b.N {
		s := float64(b.Sigma[i])
		for j, z := range row(b.X, i, b.Size) { // ε̂ = σ·x/(variance + σ²), x = z·√(1+σ²)
			b.Out[i*b.Size+j] = float32(s * math.Sqrt(1+s*s) * float64(z) / (g.variance + s*s))
		}
	}
	g.loss.Evaluate(b)
}

// noiseLoss returns E(ε − ε̂)² at γ.
func (g *gaussianVDM) noiseLoss(gamma float64) float64 {
	return g.variance / (g.variance + math.Exp(gamma))
}

// The gradient for the ends of γ is the derivative of the bound, computed here from its
// three terms; the mean of the losses is the third one.
func TestVDMGradientOfTheEnds(t *testing.T) {
	const start, end, size, rounds = -12.6, -1, 8, 400
	g := newGaussianVDM(t, start, end, 4, 128, size)
	var sum, squares [3]float64
	for k := range rounds {
		g.evaluate(t, uint64(k))
		for i, d := range g.gradients {
			for j, v := range []float64{d[0], d[1], g.batch.Loss[i]} {
				sum[j] += v
				squares[j] += v * v
			}
		}
	}
	level := func(gamma float64) float64 { // E[−ln p(x₀|z₀)] per value, far from the ends of the range
		const n = 4000
		apart, mean := 2./255/math.Exp(gamma/2), 0.0
		for i := range n {
			eps := (2*(float64(i)+0.5)/n - 1) * 8
			total := 0.0
			for k := -120.0; k <= 120; k++ {
				total += math.Exp(-(eps-k*apart)*(eps-k*apart)/2 + eps*eps/2)
			}
			mean += math.Log(total) * math.Exp(-eps*eps/2) / math.Sqrt(2*math.Pi) * 16 / n
		}
		return mean
	}
	prior := func(gamma float64) float64 {
		noise := 1 / (1 + math.Exp(-gamma))
		return (noise + (1-noise)*(g.variance+1./3/255/255) - 1 - math.Log(noise)) / 2
	}
	const h = 1e-3
	integral := 0.0
	for i := range 1000 {
		integral += g.noiseLoss(start+(end-start)*(float64(i)+0.5)/1000) / 2 * (end - start) / 1000
	}
	for j, want := range []float64{
		(level(start+h)-level(start-h))/(2*h) - g.noiseLoss(start)/2,
		(prior(end+h)-prior(end-h))/(2*h) + g.noiseLoss(end)/2,
		integral,
	} {
		n := float64(rounds * g.batch.N)
		got := sum[j] / n
		if bound := 5 * math.Sqrt(squares[j]/n/n); !(math.Abs(got-want) <= bound) {
			t.Errorf("%s: mean is %g, want %g ± %.2g", []string{"γ₀", "γ₁", "loss"}[j], got, want, bound)
		}
	}
}

// Between its ends γ converges to the schedule of least variance: for a Gaussian the losses
// of all t are equal if dt/dγ ∝ E(ε−ε̂)², which has a closed form.
func TestVDMLearnsGammaOfLeastVariance(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const start, end, steps = -6, 3, 1500
	g := newGaussianVDM(t, start, end, 8, 64, 16)
	exact := func(gamma float64) float64 { // t
		at := func(gamma float64) float64 { return gamma - math.Log(g.variance+math.Exp(gamma)) }
		return (at(gamma) - at(start)) / (at(end) - at(start))
	}
	worst := func() (off float64) {
		for i := range 101 {
			gamma, _ := g.current.At(float64(i) / 100)
			off = max(off, math.Abs(exact(gamma)-float64(i)/100))
		}
		return off
	}
	before := worst()
	var losses []float32
	for k := range steps {
		g.loss.TypicalLoss = recentMean(losses)
		g.evaluate(t, uint64(k))
		mean := 0.0
		for i, v := range g.batch.Loss {
			mean += v / float64(g.batch.N)
			g.gradients[i][0], g.gradients[i][1] = 0, 0 // the ends stay
		}
		losses = append(losses, float32(mean))
		g.step(k+1, 0.03*(1-float64(k)/steps))
	}
	after := worst()
	t.Logf("t is off by %.3f at first and %.3f at last", before, after)
	if !(before >= 0.2 && after <= 0.05) {
		t.Errorf("the largest error of t is %g at the start, %g at the end: want at least 0.2, and at most 0.05", before, after)
	}
	if g.current.Start != start || g.current.End != end {
		t.Errorf("the ends moved to %g and %g", g.current.Start, g.current.End)
	}
}

// A run learns γ, and its model contains the learned γ; a fixed one does not change.
func TestTrainerLearnsGamma(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		c := smallConfig()
		for _, p := range objectiveConfigs {
			if p.name == "vdm" {
				p.change(c)
			}
		}
		c.FixedGamma = fixed
		before := *c.Model.Process.Gamma
		tr := start(t, c)
		steps(t, tr, 4)
		m, err := tr.Model("m")
		if err != nil {
			t.Fatal(err)
		}
		got := m.Config()
		learned := got.Process.Gamma
		if moved := learned.Start != before.Start && learned.End != before.End && learned.Units[1] != before.Units[1]; moved == fixed {
			t.Errorf("fixed %v: γ is %+v, was %+v", fixed, learned, before)
		}
		if c.Model.Process.Gamma.Start != before.Start {
			t.Error("the configuration of the run changed")
		}
		if want := math.Exp(learned.Start / 2); !(math.Abs(got.SigmaMin-want) <= 1e-3*want) {
			t.Errorf("fixed %v: sigma_min is %g, want e^(γ₀/2) = %g", fixed, got.SigmaMin, want)
		}
	}
}
