package lab

import (
	"context"
	"math"

	"tweedie/core/autodiff"
	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/rng"
	"tweedie/core/tensor"
	"tweedie/core/train"
)

// batch is the number of points in a training step.
const batch = 256

// buildNetwork builds a network of four layers; with timed it has a noise level input.
func buildNetwork(g graph.Graph, x graph.Value, timed bool, width int) graph.Value {
	h := nn.Linear(g, "in", x, width)
	if timed {
		e := g.Apply(graph.Sinusoid{Width: width, FlipSinToCos: true}, g.Input("t", 1))
		e = g.Apply(graph.SiLU{}, nn.Linear(g, "time", e, width))
		h = g.Apply(graph.AddChannels{}, h, nn.Linear(g, "time2", e, width))
	}
	for _, name := range []string{"a", "b"} {
		h = nn.Linear(g, name, g.Apply(graph.SiLU{}, h), width)
	}
	return nn.Linear(g, "out", g.Apply(graph.SiLU{}, h), 2)
}

// Model is a network trained on a distribution with an objective.
type Model struct {
	objective Objective
	tape      *autodiff.Tape
	params    *graph.Params
	batch     *train.Batch
	width     int // output values of the network for a point
}

// Learn trains a network on samples of m. progress, unless nil, is called after each step.
// The error is that of ctx.
func Learn(ctx context.Context, m Mixture, o Objective, steps int, seed uint64, progress func(done, total int)) (*Model, error) {
	p := &graph.Program{}
	var out graph.Value
	if o.directions > 0 {
		out = train.WithTangents(p, o.directions, 1, 1, 2, func(g graph.Graph, x graph.Value) graph.Value { return buildNetwork(g, x, false, 32) })
	} else {
		out = buildNetwork(p, p.Input("x", 1, 1, 2), true, 64)
	}
	l := &Model{objective: o, params: graph.NewParams(p), width: p.Size(out)}
	nn.Initialize(l.params, seed)
	var err error
	if l.tape, err = autodiff.New(p, out, l.params, batch, kernel.Fast); err != nil {
		return nil, err
	}
	l.batch = train.NewBatch(batch, 2, l.width, o.directions)
	l.batch.N, l.batch.Seed = batch, seed
	optimiser := train.NewAdamW(l.params)
	optimiser.Average = 0.995
	grad := make([]float32, len(l.params.Flat))
	for step := range steps {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err := l.step(m, step, grad); err != nil {
			return nil, err
		}
		length := 0.0
		for _, v := range grad {
			length += float64(v) * float64(v)
		}
		rate := 4e-3 * (0.01 + 0.99*(1+math.Cos(math.Pi*float64(step)/float64(steps)))/2)
		optimiser.Step(l.params.Flat, grad, step+1, rate, min(1, 5/math.Sqrt(length)))
		l.tape.Load()
		if progress != nil {
			progress(step+1, steps)
		}
	}
	copy(l.params.Flat, optimiser.Averaged())
	l.tape.Load()
	return l, nil
}

// step computes the gradient of a batch.
func (l *Model) step(m Mixture, step int, grad []float32) error {
	b := l.batch
	b.Draw = b.Draw[:0]
	for i := range b.N {
		b.Draw = append(b.Draw, uint64(step*b.N+i))
		m.point(b.Clean[2*i:2*i+2], b.Seed, b.Draw[i])
	}
	if err := l.objective.loss.Prepare(b); err != nil {
		return err
	}
	b.Out = l.forward(b.X, b.CNoise)
	l.objective.loss.Evaluate(b)
	l.tape.Backward(b.N, b.Delta)
	clear(grad)
	l.tape.TakeGradients(grad)
	return nil
}

// forward evaluates the raw network on up to a batch of points.
func (l *Model) forward(x, cNoise []float32) []float32 {
	inputs := append([][]float32{x}, l.batch.Directions...)
	if l.objective.directions == 0 {
		times := make([]float32, len(cNoise))
		for i, c := range cNoise {
			times[i] = l.objective.scale * c
		}
		inputs = append(inputs, times)
	}
	return l.tape.Forward(len(x)/2, inputs...)
}

// eval evaluates the raw network on any number of points and returns its first two channels.
func (l *Model) eval(x *tensor.Tensor, cNoise float32) (*tensor.Tensor, error) {
	out := tensor.New(x.Shape...)
	each, times := l.width, make([]float32, batch)
	for i := range times {
		times[i] = cNoise
	}
	for at := 0; at < x.Shape[0]; at += batch {
		n := min(batch, x.Shape[0]-at)
		y := l.forward(x.Data[2*at:2*(at+n)], times[:n])
		for i := range n {
			copy(out.Row(at+i), y[i*each:i*each+2])
		}
	}
	return out, nil
}

// Denoise is the learned denoiser D(x;σ), a diffusion.Denoiser. The error names a noise
// level that the objective does not cover.
func (l *Model) Denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	return diffusion.Denoise(l.eval, l.objective.parametrization)(x, sigma)
}

// Density is a sampler.Density with a gradient only, no log density: the score at the
// lowest noise level of the objective.
func (l *Model) Density(x *tensor.Tensor) (log []float64, gradient *tensor.Tensor, err error) {
	gradient, err = l.Score(x, l.objective.Low)
	return nil, gradient, err
}

// Score returns the learned ∇ log p(x;σ); sigma is 0 for implicit objectives.
func (l *Model) Score(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	if l.objective.directions > 0 {
		return l.eval(x, 0)
	}
	d, err := l.Denoise(x, sigma)
	if err != nil {
		return nil, err
	}
	return d.AddScaled(-1, x).Scaled(1 / (sigma * sigma)), nil
}

// ScoreError returns √(E‖s − ∇ log p‖²/E‖∇ log p‖²), the relative error of the learned
// score at a noise level, over samples of m with that noise.
func (l *Model) ScoreError(m Mixture, sigma float32) (float64, error) {
	x := m.Sample(1000, 99)
	for i := range x.Shape[0] {
		var z [2]float32
		rng.Normal(z[:], 99, uint64(i), 102)
		x.Row(i)[0] += sigma * z[0]
		x.Row(i)[1] += sigma * z[1]
	}
	got, err := l.Score(x, sigma)
	if err != nil {
		return 0, err
	}
	var squaredError, squaredScore float64
	for i := range x.Shape[0] {
		_, score, _ := m.evaluate(x.Row(i), float64(sigma))
		for c, want := range score {
			v := float64(got.Row(i)[c]) - want
			squaredError += v * v
			squaredScore += want * want
		}
	}
	return math.Sqrt(squaredError / squaredScore), nil
}
