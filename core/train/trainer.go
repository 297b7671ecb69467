package train

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"tweedie/core/autodiff"
	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/model"
	"tweedie/core/nn"
	"tweedie/core/rng"
	"tweedie/core/unet"
)

// Trainer is a run: configuration, data, weights and optimiser after some steps.
type Trainer struct {
	config    *Config
	data      *Data
	network   *unet.Network
	objective diffusion.Objective
	predicts  diffusion.Parametrisation
	params    *graph.Params
	optimiser *AdamW
	done      int       // steps taken
	losses    []float32 // of every step

	order   order
	workers []*worker
	grads   [][]float32 // a lane's
	lost    []float64   // a lane's loss
}

// microBatch is how many images go through a tape at once: few enough that what
// the backward pass reads is still in the cache.
const microBatch = 16

// New returns a run at its start. It keeps c and d. The error wraps ErrConfig, or
// says why the data do not fit.
func New(c *Config, d *Data) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := d.check(c); err != nil {
		return nil, err
	}
	net, err := c.Model.Build()
	if err != nil {
		return nil, err
	}
	t := &Trainer{config: c, data: d, network: net, params: graph.NewParams(net.Program)}
	t.order = order{n: d.N, seed: c.Seed}
	if t.objective, err = c.objective(); err != nil {
		return nil, err
	}
	if t.predicts, err = c.Model.Parametrisation(); err != nil {
		return nil, err
	}
	nn.Start(t.params, c.Seed)
	n := len(t.params.Flat)
	t.optimiser = NewAdamW(t.params)
	t.optimiser.Beta1, t.optimiser.Beta2 = c.Beta1, c.Beta2
	t.optimiser.WeightDecay, t.optimiser.Average = c.WeightDecay, c.Average
	t.grads, t.lost = make([][]float32, c.lanes()), make([]float64, c.lanes())
	for i := range t.grads {
		t.grads[i] = make([]float32, n)
	}
	for range min(c.lanes(), runtime.GOMAXPROCS(0)) {
		w, err := t.newWorker()
		if err != nil {
			return nil, err
		}
		t.workers = append(t.workers, w)
	}
	return t, nil
}

// Step takes one optimiser step and returns its loss.
func (t *Trainer) Step() (float64, error) {
	if err := t.gradient(); err != nil {
		return 0, err
	}
	grad, loss := t.grads[0], 0.0
	for i, g := range t.grads {
		loss += t.lost[i]
		if i > 0 {
			split(len(grad), func(from, to int) { kernel.AddTo(grad[from:to], g[from:to]) })
		}
	}
	scale := 1.0
	length := norm(grad)
	if math.IsNaN(length) || math.IsInf(length, 0) {
		return 0, fmt.Errorf("train: step %d: the gradient's norm is %g: the learning rate %g is too high or the data are broken", t.done, length, t.config.rate(t.done))
	}
	if t.config.Clip > 0 && length > t.config.Clip {
		scale = t.config.Clip / length
	}
	t.done++
	t.optimiser.Step(t.params.Flat, grad, t.done, t.config.rate(t.done-1), scale)
	t.losses = append(t.losses, float32(loss))
	return loss, nil
}

// gradient fills the lanes' gradients for the present step, on all cores. A lane
// is a fixed part of the batch, whoever computes it.
func (t *Trainer) gradient() error {
	lanes := make(chan int, len(t.grads))
	for i := range t.grads {
		lanes <- i
	}
	close(lanes)
	var wait sync.WaitGroup
	errs := make([]error, len(t.workers))
	first := t.done * t.config.Batch
	images := make([]int, t.config.Batch)
	for i := range images {
		images[i] = t.order.image(first + i)
	}
	for i, w := range t.workers {
		wait.Go(func() {
			w.tape.Load()
			for lane := range lanes {
				clear(t.grads[lane])
				from, to := len(images)*lane/len(t.grads), len(images)*(lane+1)/len(t.grads)
				var err error
				if t.lost[lane], err = w.lane(images, first, from, to, t.grads[lane]); err != nil {
					errs[i] = err
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// worker computes lanes on one core.
type worker struct {
	t                    *Trainer
	tape                 *autodiff.Tape
	x, times, classes    []float32
	target, clean, noise []float32
	delta, weight        []float32
}

func (t *Trainer) newWorker() (*worker, error) {
	tape, err := autodiff.New(t.network.Program, t.network.Out, t.params, microBatch, kernel.Fast)
	if err != nil {
		return nil, err
	}
	size := t.data.H * t.data.W * t.data.C
	row := func() []float32 { return make([]float32, microBatch*size) }
	return &worker{
		t: t, tape: tape, x: row(), target: row(), delta: row(),
		times: make([]float32, microBatch), classes: make([]float32, microBatch), weight: make([]float32, microBatch),
		clean: make([]float32, size), noise: make([]float32, size),
	}, nil
}

// lane adds the gradient of draws first+from … first+to to grad and returns their
// part of the batch's mean loss.
func (w *worker) lane(images []int, first, from, to int, grad []float32) (float64, error) {
	loss := 0.0
	for at := from; at < to; at += microBatch {
		n := min(microBatch, to-at)
		for i := range n {
			if err := w.pair(i, images[at+i], uint64(first+at+i)); err != nil {
				return 0, err
			}
		}
		inputs := [][]float32{w.x, w.times, w.classes}[:len(w.tape.Program().Inputs)]
		y := w.tape.Forward(n, inputs...)
		loss += w.loss(y, n)
		w.tape.Backward(n, w.delta)
	}
	w.tape.TakeGradients(grad)
	return loss, nil
}

// pair prepares entry i of a batch: an image with noise added, and the target.
func (w *worker) pair(i, image int, draw uint64) error {
	t, size := w.t, len(w.clean)
	seed := t.config.Seed
	t.data.pixels(w.clean, image, t.config.Model.UnitPixels)
	rng.Normal(w.noise, seed, draw, noiseStream)
	sigma := t.objective.Sigma(seed, draw, sigmaStream)
	sigma = max(float32(t.config.Model.SigmaMin), min(sigma, float32(t.config.Model.SigmaMax)))
	pair, err := diffusion.Regress(w.x[i*size:(i+1)*size], w.target[i*size:(i+1)*size], w.clean, w.noise, sigma, t.predicts, t.objective)
	if err != nil {
		return err
	}
	w.times[i], w.weight[i] = t.config.Model.Time(pair.CNoise), pair.Weight
	if t.config.Model.Labels() > 0 {
		class := t.data.Labels[image]
		var u [1]float32
		if rng.Uniform(u[:], seed, draw, dropStream); float64(u[0]) < t.config.DropClass {
			class = *t.config.Model.NullClass
		}
		w.classes[i] = float32(class)
	}
	return nil
}

// loss returns the weighted mean square of y − target over the whole batch, n
// images' part of it, and leaves its derivative in delta.
func (w *worker) loss(y []float32, n int) float64 {
	size := len(w.clean)
	part := 1 / float64(w.t.config.Batch*size)
	sum := 0.0
	for i := range n {
		weight := float64(w.weight[i]) * part
		slope := float32(2 * weight)
		square := 0.0
		for j := i * size; j < (i+1)*size; j++ {
			d := y[j] - w.target[j]
			square += float64(d) * float64(d)
			w.delta[j] = slope * d
		}
		sum += weight * square
	}
	return sum
}

// Done returns the steps taken, Losses the loss of each.
func (t *Trainer) Done() int { return t.done }

// Losses returns the loss of every step taken. It is not to be changed.
func (t *Trainer) Losses() []float32 { return t.losses }

// Config returns the run's configuration, which is not to be changed.
func (t *Trainer) Config() *Config { return t.config }

// Model returns the model as it stands, with averaged weights if the run
// averages. It is a copy: later steps do not change it.
func (t *Trainer) Model(name string) (*model.Model, error) {
	flat := t.params.Flat
	if t.config.Average > 0 {
		flat = t.optimiser.average
	}
	copied := append([]float32(nil), flat...)
	return model.New(name, &t.config.Model, t.params.Like(copied))
}
