package train

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/model"
	"tweedie/core/nn"
	"tweedie/core/unet"
)

// Trainer is a run: configuration, data, weights and optimiser after some steps.
type Trainer struct {
	config    *Config
	data      *Data
	network   *unet.Network
	params    *graph.Params
	optimiser *AdamW
	done      int       // steps taken
	losses    []float32 // of every step

	order   order
	workers []*worker
	grads   [][]float32 // a lane's

	drawn  []float32     // noise level of each draw of the present step
	lost   []float64     // loss of each
	often  *Importance   // nil: levels are drawn alike
	target *graph.Params // weights of f⁻ of a consistency model; nil for others
	gamma  *gamma        // of a model that learns its γ; nil for others
}

// New returns a run at its start. It keeps c, in which it fills in what is left out
// (see Config.Complete, and the shape is that of the data), and d. teacher is the model that is
// distilled, nil for an objective without one. The error wraps ErrConfig, or says why
// the data or the teacher do not fit.
func New(c *Config, d *Data, teacher *model.Model) (*Trainer, error) {
	if c == nil || d == nil {
		return nil, fmt.Errorf("train: %w: the configuration and the data must not be nil", ErrConfig)
	}
	if c.Model.Shape == [3]int{} && (c.Model.UNet == nil || c.Model.UNet.SampleSize == 0) {
		c.Model.Shape = [3]int{d.C, d.H, d.W}
	}
	c.Complete()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := d.check(c); err != nil {
		return nil, err
	}
	if err := c.checkTeacher(teacher); err != nil {
		return nil, err
	}
	net, err := c.Model.Build()
	if err != nil {
		return nil, err
	}
	t := &Trainer{config: c, data: d, network: net, params: graph.NewParams(net.Program)}
	t.order = order{n: d.N, seed: c.Seed}
	nn.Start(t.params, c.Seed)
	n := len(t.params.Flat)
	t.optimiser = NewAdamW(t.params)
	t.optimiser.Beta1, t.optimiser.Beta2 = c.Beta1, c.Beta2
	t.optimiser.WeightDecay, t.optimiser.Average = c.WeightDecay, c.Average
	t.grads = make([][]float32, c.lanes())
	t.drawn, t.lost = make([]float32, c.Batch), make([]float64, c.Batch)
	for i := range t.grads {
		t.grads[i] = make([]float32, n)
	}
	if c.consistent() {
		t.target = t.params.Like(slices.Clone(t.params.Flat))
	}
	if c.goal() == vdm && c.variational() && !c.FixedGamma {
		t.gamma = newGamma(c)
	}
	if t.often, err = c.importance(); err != nil {
		return nil, err
	}
	for range min(c.lanes(), runtime.GOMAXPROCS(0)) {
		w, err := t.newWorker(teacher)
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
	for _, g := range t.grads[1:] {
		split(len(grad), func(from, to int) { kernel.AddTo(grad[from:to], g[from:to]) })
	}
	for _, l := range t.lost {
		loss += l / float64(len(t.lost))
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
	t.follow()
	return loss, nil
}

// follow lets what depends on the steps taken go on: the odds of the noise levels, and
// the average that a consistency model is trained towards.
func (t *Trainer) follow() {
	if t.often != nil {
		for i, sigma := range t.drawn {
			t.often.Observe(sigma, t.lost[i])
		}
		t.often.Update()
	}
	if t.target != nil {
		rest := float32(1 - t.config.targetDecay(t.done-1))
		for i, w := range t.params.Flat {
			t.target.Flat[i] += (w - t.target.Flat[i]) * rest
		}
	}
	if t.gamma != nil {
		t.gamma.step(t.done, t.config.rate(t.done-1))
	}
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
			w.load()
			for lane := range lanes {
				clear(t.grads[lane])
				from, to := len(images)*lane/len(t.grads), len(images)*(lane+1)/len(t.grads)
				if err := w.lane(images, first, from, to, t.grads[lane]); err != nil {
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

// Done returns the steps taken, Losses the loss of each.
func (t *Trainer) Done() int { return t.done }

// Losses returns the loss of every step taken. It is not to be changed.
func (t *Trainer) Losses() []float32 { return t.losses }

// Config returns the run's configuration, which is not to be changed.
func (t *Trainer) Config() *Config { return t.config }

// Model returns the model as it stands, with averaged weights if the run
// averages. It is a copy: later steps do not change it.
func (t *Trainer) Model(name string) (*model.Model, error) {
	config, flat := t.config.Model, t.params.Flat
	if t.gamma != nil {
		config = t.gamma.of(config, t.config.Average > 0)
	}
	if t.config.Average > 0 {
		flat = t.optimiser.average
	}
	copied := append([]float32(nil), flat...)
	return model.New(name, &config, t.params.Like(copied))
}
