package train

import (
	"math"
	"testing"

	"tweedie/core/autodiff"
	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/rng"
)

// mixture2D is a two-dimensional mixture of isotropic normal distributions, with score and
// posterior in closed form at every noise level.
type mixture2D []struct{ x, y, sd, weight float64 }

// three is not symmetric, so that nothing cancels by chance.
var three = mixture2D{{-0.6, 0.3, 0.2, 0.5}, {0.5, 0.5, 0.25, 0.35}, {0.2, -0.7, 0.15, 0.15}}

// draw writes x₀ of draw k.
func (p mixture2D) draw(dst []float32, seed, k uint64) {
	u := uniform(seed, k, 100)
	i := 0
	for ; i < len(p)-1 && u > p[i].weight; i++ {
		u -= p[i].weight
	}
	rng.Normal(dst, seed, k, 101)
	dst[0] = float32(p[i].x + p[i].sd*float64(dst[0]))
	dst[1] = float32(p[i].y + p[i].sd*float64(dst[1]))
}

// posterior returns E[x₀|x] and Var[x₀|x] of each coordinate at a noise level, and the
// score ∇ log p(x;σ), which also exists at σ = 0.
func (p mixture2D) posterior(x []float32, sigma float64) (mean, variance, score [2]float64) {
	at := [2]float64{float64(x[0]), float64(x[1])}
	log, largest := make([]float64, len(p)), math.Inf(-1)
	for k, q := range p {
		v := q.sd*q.sd + sigma*sigma
		log[k] = math.Log(q.weight/v) - ((at[0]-q.x)*(at[0]-q.x)+(at[1]-q.y)*(at[1]-q.y))/(2*v)
		largest = max(largest, log[k])
	}
	total, squares := 0.0, [2]float64{}
	for k, q := range p {
		w, v := math.Exp(log[k]-largest), q.sd*q.sd+sigma*sigma
		total += w
		for c, center := range [2]float64{q.x, q.y} {
			m := (q.sd*q.sd*at[c] + sigma*sigma*center) / v
			mean[c] += w * m
			squares[c] += w * (m*m + q.sd*q.sd*sigma*sigma/v)
			score[c] += w * (center - at[c]) / v
		}
	}
	for c := range mean {
		mean[c], score[c] = mean[c]/total, score[c]/total
		variance[c] = squares[c]/total - mean[c]*mean[c]
	}
	return mean, variance, score
}

// denoise is the exact D as a BatchDenoiser.
func (p mixture2D) denoise(out, x, sigma, _ []float32) error {
	for i, s := range sigma {
		mean, _, _ := p.posterior(x[2*i:], float64(s))
		out[2*i], out[2*i+1] = float32(mean[0]), float32(mean[1])
	}
	return nil
}

// toyTraining trains a small network on samples of three.
type toyTraining struct {
	t         *testing.T
	tape      *autodiff.Tape
	params    *graph.Params
	optimiser *AdamW
	batch     *Batch
	scale     float32 // of c_noise
	times     []float32
}

const flatBatch = 256

// toyNetwork has three layers, and with timed a time input to the first one.
func toyNetwork(g graph.Graph, x graph.Value, timed bool, width, out int) graph.Value {
	h := nn.Linear(g, "in", x, width)
	if timed {
		t := g.Input("t", 1)
		e := g.Apply(graph.Sinusoid{Width: width, FlipSinToCos: true}, t)
		e = g.Apply(graph.SiLU{}, nn.Linear(g, "time", e, width))
		h = g.Apply(graph.AddChannels{}, h, nn.Linear(g, "time2", e, width))
	}
	for _, name := range []string{"a", "b"} {
		h = nn.Linear(g, name, g.Apply(graph.SiLU{}, h), width)
	}
	return nn.Linear(g, "out", g.Apply(graph.SiLU{}, h), out)
}

func newToy(t *testing.T, scale float32, out int) *toyTraining {
	p := &graph.Program{}
	return toyOf(t, p, toyNetwork(p, p.Input("x", 1, 1, 2), true, 64, out), scale, 0)
}

// newToyWithTangents returns a network without time that learns the score of the data.
func newToyWithTangents(t *testing.T, directions int) *toyTraining {
	p := &graph.Program{}
	out := WithTangents(p, directions, 1, 1, 2, func(g graph.Graph, x graph.Value) graph.Value {
		return toyNetwork(g, x, false, 32, 2)
	})
	return toyOf(t, p, out, 0, directions)
}

func toyOf(t *testing.T, p *graph.Program, out graph.Value, scale float32, directions int) *toyTraining {
	t.Helper()
	f := &toyTraining{t: t, params: graph.NewParams(p), scale: scale, times: make([]float32, flatBatch)}
	nn.Initialize(f.params, 1)
	var err error
	if f.tape, err = autodiff.New(p, out, f.params, flatBatch, kernel.Fast); err != nil {
		t.Fatal(err)
	}
	f.batch = NewBatch(flatBatch, 2, p.Size(out), directions)
	f.batch.N, f.batch.Seed = flatBatch, 1
	f.optimiser = NewAdamW(f.params)
	f.optimiser.Average = 0.995
	return f
}

// forward evaluates the raw network.
func (f *toyTraining) forward(x, cNoise, _ []float32) ([]float32, error) {
	for i, c := range cNoise {
		f.times[i] = f.scale * c
	}
	inputs := append([][]float32{x}, f.batch.Directions...)
	if f.scale != 0 {
		inputs = append(inputs, f.times)
	}
	return f.tape.Forward(len(x)/2, inputs...), nil
}

// train takes steps with a loss; round, unless nil, is called before each step.
func (f *toyTraining) train(loss Loss, steps int, round func(step int)) {
	f.t.Helper()
	grad := make([]float32, len(f.params.Flat))
	b := f.batch
	for step := range steps {
		if round != nil {
			round(step)
		}
		b.Draw = b.Draw[:0]
		for i := range b.N {
			b.Draw = append(b.Draw, uint64(step*b.N+i))
			three.draw(row(b.Clean, i, 2), b.Seed, b.Draw[i])
		}
		if err := loss.Prepare(b); err != nil {
			f.t.Fatal(err)
		}
		b.Out, _ = f.forward(b.X, b.CNoise, nil)
		loss.Evaluate(b)
		f.tape.Backward(b.N, b.Delta)
		clear(grad)
		f.tape.TakeGradients(grad)
		rate := 4e-3 * (0.01 + 0.99*(1+math.Cos(math.Pi*float64(step)/float64(steps)))/2)
		f.optimiser.Step(f.params.Flat, grad, step+1, rate, min(1, 5/norm(grad)))
		f.tape.Load()
	}
	copy(f.params.Flat, f.optimiser.average)
	f.tape.Load()
}

// noisy returns n samples of the data with noise of a level.
func noisy(n int, sigma float32) []float32 {
	x, z := make([]float32, 2*n), make([]float32, 2)
	for i := range n {
		three.draw(row(x, i, 2), 99, uint64(i))
		rng.Normal(z, 99, uint64(i), 102)
		x[2*i] += sigma * z[0]
		x[2*i+1] += sigma * z[1]
	}
	return x
}

func constant(n int, v float32) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// scoreError returns √(E‖s − ∇log p‖²/E‖∇log p‖²) of the network's score at one level.
func (f *toyTraining) scoreError(p diffusion.Parametrization, sigma float32) float64 {
	f.t.Helper()
	x := noisy(flatBatch, sigma)
	denoised := make([]float32, len(x))
	if err := newBatchDenoiser(f.forward, p, 2)(denoised, x, constant(flatBatch, sigma), nil); err != nil {
		f.t.Fatal(err)
	}
	var off, all float64
	for i := range flatBatch {
		_, _, score := three.posterior(x[2*i:], float64(sigma))
		for c, want := range score {
			got := (float64(denoised[2*i+c]) - float64(x[2*i+c])) / (float64(sigma) * float64(sigma))
			off += (got - want) * (got - want)
			all += want * want
		}
	}
	return math.Sqrt(off / all)
}
