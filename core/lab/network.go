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

// batch is the points of a step.
const batch = 256

// network is four layers that are told the noise level once, if at all.
func network(g graph.Graph, x graph.Value, timed bool, width int) graph.Value {
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

// Learned is a network that has learned a law by an objective.
type Learned struct {
	of     Objective
	tape   *autodiff.Tape
	params *graph.Params
	batch  *train.Batch
	width  int // numbers that the network answers
}

// Learn trains a network on draws of m for so many steps; progress is called after each,
// and may be nil. The error is that of ctx.
func Learn(ctx context.Context, m Mixture, o Objective, steps int, seed uint64, progress func(done, total int)) (*Learned, error) {
	p := &graph.Program{}
	var out graph.Value
	if o.directions > 0 {
		out = train.WithTangents(p, o.directions, 1, 1, 2, func(g graph.Graph, x graph.Value) graph.Value { return network(g, x, false, 32) })
	} else {
		out = network(p, p.Input("x", 1, 1, 2), true, 64)
	}
	l := &Learned{of: o, params: graph.NewParams(p), width: p.Size(out)}
	nn.Start(l.params, seed)
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

// step fills grad with the gradient of a batch.
func (l *Learned) step(m Mixture, step int, grad []float32) error {
	b := l.batch
	b.Draw = b.Draw[:0]
	for i := range b.N {
		b.Draw = append(b.Draw, uint64(step*b.N+i))
		m.point(b.Clean[2*i:2*i+2], b.Seed, b.Draw[i])
	}
	if err := l.of.loss.Prepare(b); err != nil {
		return err
	}
	b.Out = l.forward(b.X, b.CNoise)
	l.of.loss.Evaluate(b)
	l.tape.Backward(b.N, b.Delta)
	clear(grad)
	l.tape.TakeGradients(grad)
	return nil
}

// forward evaluates the bare network on up to a batch of points.
func (l *Learned) forward(x, cNoise []float32) []float32 {
	inputs := append([][]float32{x}, l.batch.Directions...)
	if l.of.directions == 0 {
		times := make([]float32, len(cNoise))
		for i, c := range cNoise {
			times[i] = l.of.scale * c
		}
		inputs = append(inputs, times)
	}
	return l.tape.Forward(len(x)/2, inputs...)
}

// eval evaluates the bare network on any number of points, and takes its first two channels.
func (l *Learned) eval(x *tensor.Tensor, cNoise float32) (*tensor.Tensor, error) {
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

// Denoise is the D(x;σ) that was learned, a diffusion.Denoiser. The error names a noise
// level that the objective does not teach.
func (l *Learned) Denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	return diffusion.Denoise(l.eval, l.of.predicts)(x, sigma)
}

// Density is a sampler.Density of which only the gradient is known, at the lowest level
// that was taught.
func (l *Learned) Density(x *tensor.Tensor) (log []float64, gradient *tensor.Tensor, err error) {
	gradient, err = l.Score(x, l.of.Low)
	return nil, gradient, err
}

// Score returns what was learned of ∇ log p(x;σ); σ is 0 for implicit objectives.
func (l *Learned) Score(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	if l.of.directions > 0 {
		return l.eval(x, 0)
	}
	d, err := l.Denoise(x, sigma)
	if err != nil {
		return nil, err
	}
	return d.AddScaled(-1, x).Scaled(1 / (sigma * sigma)), nil
}

// Off returns √(E‖s − ∇ log p‖²/E‖∇ log p‖²) of the score at a noise level, over points
// of the law with that noise.
func (l *Learned) Off(m Mixture, sigma float32) (float64, error) {
	x := m.Draw(1000, 99)
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
	var off, all float64
	for i := range x.Shape[0] {
		_, score, _ := m.at(x.Row(i), float64(sigma))
		for c, want := range score {
			v := float64(got.Row(i)[c]) - want
			off += v * v
			all += want * want
		}
	}
	return math.Sqrt(off / all), nil
}
