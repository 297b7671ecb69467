package train

import (
	"tweedie/core/autodiff"
	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// microBatch is the number of images that go through a tape at once: few enough for the
// values that the backward pass reads to stay in the cache.
const microBatch = 16

// worker computes the gradients of shards on one core.
type worker struct {
	t      *Trainer
	tape   *autodiff.Tape
	target *autodiff.Tape // of f⁻, which only runs forward; nil for other objectives
	loss   Loss
	batch  *Batch
	times  []float32
	before []float32 // of a picture that is augmented
}

// newWorker returns a worker for the weights params.
func (t *Trainer) newWorker(params *graph.Params, teacher *model.Model) (*worker, error) {
	p, out := t.network.Program, t.network.Out
	w := &worker{t: t, times: make([]float32, microBatch)}
	w.batch = NewBatch(microBatch, t.data.H*t.data.W*t.data.C, p.Size(out), 0)
	w.batch.Seed, w.batch.Weight = t.config.Seed, 1/float64(t.config.Batch)
	if t.config.Model.NeedsLabels() {
		w.batch.Class = make([]float32, microBatch)
	}
	var err error
	if w.tape, err = t.newTape(params); err != nil {
		return nil, err
	}
	if t.target != nil {
		if w.target, err = t.newTape(t.target); err != nil {
			return nil, err
		}
	}
	if t.gamma != nil {
		w.batch.GammaGradients = t.gamma.newGradients(microBatch)
	}
	w.loss, err = t.config.loss(w, teacher)
	return w, err
}

// Load loads the current weights, and settings of the loss that change with the step.
func (w *worker) Load() {
	w.tape.Load()
	switch l := w.loss.(type) {
	case *Consistency:
		w.target.Load()
		l.Levels = w.t.config.levels(w.t.done)
	case *VDMLoss:
		l.TypicalLoss = recentMean(w.t.losses)
	}
}

// AddShard adds the gradient of draws from … to−1 of the step to grad, and records their
// losses.
func (w *worker) AddShard(from, to int, grad []float32) error {
	b, first := w.batch, w.t.done*w.t.config.Batch
	for at := from; at < to && !w.t.stopping.Load(); at += microBatch {
		b.N = min(microBatch, to-at)
		b.Draw = b.Draw[:0]
		for i := range b.N {
			b.Draw = append(b.Draw, uint64(first+at+i))
			w.image(i, w.t.images[at+i], true)
		}
		if err := w.loss.Prepare(b); err != nil {
			return err
		}
		b.Out = w.tape.Forward(b.N, w.inputs(b.X, b.CNoise)...)
		w.loss.Evaluate(b)
		w.tape.Backward(b.N, b.Delta)
		copy(w.t.drawLosses[at:], b.Loss[:b.N])
		copy(w.t.drawSigmas[at:], b.Sigma[:b.N])
		for i := range min(b.N, len(b.GammaGradients)) {
			copy(w.t.gamma.gradients[at+i], b.GammaGradients[i])
		}
	}
	w.tape.TakeGradients(grad)
	return nil
}

// image copies an image, augmented or not, and its class to index i of the batch.
func (w *worker) image(i, image int, augment bool) {
	b, t := w.batch, w.t
	t.data.pixels(row(b.Clean, i, b.Size), image, t.config.Model.UnitPixels)
	if augment {
		w.augmented(row(b.Clean, i, b.Size), b.Draw[i])
	}
	if b.Class == nil {
		return
	}
	class := t.data.Labels[image]
	var u [1]float32
	if rng.Uniform(u[:], b.Seed, b.Draw[i], dropStream); float64(u[0]) < t.config.DropClass {
		class = *t.config.Model.NullClass
	}
	b.Class[i] = float32(class)
}

// inputs returns the network's inputs.
func (w *worker) inputs(x, cNoise []float32) [][]float32 {
	for i, c := range cNoise[:w.batch.N] {
		w.times[i] = w.t.config.Model.Time(c)
	}
	return [][]float32{x, w.times, w.batch.Class}[:len(w.tape.Program().Inputs)]
}

// forward evaluates a raw network; x [N,…] is scaled by c_in.
type forward func(x, cNoise, class []float32) ([]float32, error)

// newBatchDenoiser returns D of a raw network for images of size values.
func newBatchDenoiser(f forward, p diffusion.Parametrization, size int) BatchDenoiser {
	return func(out, x, sigma, class []float32) error {
		scaled, cNoise := make([]float32, len(x)), make([]float32, len(sigma))
		all := make([]diffusion.Coefficients, len(sigma))
		for i, s := range sigma {
			c, err := p.Coefficients(s)
			if err != nil {
				return err
			}
			all[i], cNoise[i] = c, float32(c.CNoise)
			for j := i * size; j < (i+1)*size; j++ {
				scaled[j] = float32(c.CIn) * x[j]
			}
		}
		y, err := f(scaled, cNoise, class)
		if err != nil {
			return err
		}
		for i, c := range all {
			for j := i * size; j < (i+1)*size; j++ {
				out[j] = float32(c.CSkip)*x[j] + float32(c.COut)*y[j]
			}
		}
		return nil
	}
}

// targetDenoiser returns f⁻.
func (w *worker) targetDenoiser(p diffusion.Parametrization) BatchDenoiser {
	return newBatchDenoiser(func(x, cNoise, _ []float32) ([]float32, error) {
		return w.target.Forward(w.batch.N, w.inputs(x, cNoise)...), nil
	}, p, w.batch.Size)
}

// teacherDenoiser returns D of a model.
func (w *worker) teacherDenoiser(m *model.Model) (BatchDenoiser, error) {
	runner, err := m.NewRunner(microBatch, infer.Options{Fast: true, Workers: 1})
	if err != nil {
		return nil, err
	}
	c := m.Config()
	p, err := c.Parametrization()
	if err != nil {
		return nil, err
	}
	return newBatchDenoiser(func(x, cNoise, class []float32) ([]float32, error) {
		times := make([]float32, len(cNoise))
		for i, v := range cNoise {
			times[i] = c.Time(v)
		}
		var y []int
		if class != nil {
			for _, v := range class[:len(cNoise)] {
				y = append(y, int(v))
			}
		}
		out, err := runner.Forward(tensor.Of(x, len(cNoise), c.Shape[1], c.Shape[2], c.Shape[0]), times, y)
		if err != nil {
			return nil, err
		}
		return out.Data, nil
	}, p, w.batch.Size), nil
}
