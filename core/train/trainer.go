package train

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/nn"
	"tweedie/core/unet"
)

// Trainer is a training run: configuration, data, weights and optimiser state.
type Trainer struct {
	config    *Config
	data      *Data
	network   *unet.Network
	params    *graph.Params
	optimiser *AdamW
	done      int       // steps taken
	losses    []float32 // of every step

	order   order // of the images, or of trained
	trained []int // images to train on; nil means all
	held    []int // images that are held out
	seen    []int // as many images that are trained on
	images  []int // of the draws of the current step
	workers []ShardWorker
	shards  Shards

	drawSigmas []float32     // noise level of each draw of the current step
	drawLosses []float64     // loss of each draw of the current step
	importance *Importance   // importance sampling of noise levels; nil if it is off
	target     *graph.Params // weights of f⁻ of a consistency model; nil for others
	gamma      *gamma        // of a model that learns its γ; nil for others

	averages []powerAverage
	chosen   int    // of averages, for the model
	judge    *judge // nil before the first judgement

	fingerprint string // of the data; "" before the first state

	busy     sync.WaitGroup // workers of a step that was abandoned
	stopping atomic.Bool    // whether they should end
}

// New returns a run at its start. It keeps c, in which it fills in what is left out
// (see Config.Complete, and the shape is that of the data), and d. teacher is the model that is
// distilled, nil for an objective without one. The error wraps ErrConfig, or says why
// the data or the teacher do not fit.
func New(c *Config, d *Data, teacher *model.Model) (*Trainer, error) {
	if c == nil || d == nil {
		return nil, fmt.Errorf("train: %w: the configuration and the data must not be nil", ErrConfig)
	}
	if c.Model.Shape == [3]int{} && (c.Model.UNet == nil || c.Model.UNet.SampleSize == unet.Size{}) {
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
	t.setApart()
	nn.Initialize(t.params, c.Seed)
	n := len(t.params.Flat)
	t.optimiser = NewAdamW(t.params)
	t.optimiser.Beta1, t.optimiser.Beta2 = c.Beta1, c.Beta2
	t.optimiser.WeightDecay, t.optimiser.Average = c.WeightDecay, c.Average
	t.averages, t.chosen = newPowerAverages(c.Averages, t.params.Flat), len(c.Averages)/2
	t.shards, t.images = NewShards(c.shards(), n), make([]int, c.Batch)
	t.drawSigmas, t.drawLosses = make([]float32, c.Batch), make([]float64, c.Batch)
	if c.isConsistency() {
		t.target = t.params.WithNumbers(slices.Clone(t.params.Flat))
	}
	if c.objectiveName() == vdm && c.isVariational() && !c.FixedGamma {
		t.gamma = newGamma(c)
	}
	if t.importance, err = c.importance(); err != nil {
		return nil, err
	}
	for range min(c.shards(), runtime.GOMAXPROCS(0)) {
		w, err := t.newWorker(t.params, teacher)
		if err != nil {
			return nil, err
		}
		t.workers = append(t.workers, w)
	}
	return t, nil
}

// Step takes one optimiser step and returns its loss.
func (t *Trainer) Step() (float64, error) { return t.StepContext(context.Background()) }

// StepContext is Step until ctx ends: then it returns the cause of ctx at once, and the
// trainer is as it was before the step.
func (t *Trainer) StepContext(ctx context.Context) (float64, error) {
	grad, err := t.gradient(ctx)
	if err != nil {
		return 0, err
	}
	loss := 0.0
	for _, l := range t.drawLosses {
		loss += l / float64(len(t.drawLosses))
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
	t.advance()
	return loss, nil
}

// gradient returns the gradient of the next step. If ctx ends, the workers end after the
// images that they are at, and gradient does not wait for them.
func (t *Trainer) gradient(ctx context.Context) (grad []float32, err error) {
	t.wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	for i := range t.images {
		t.images[i] = t.image(t.done*t.config.Batch + i)
	}
	if ctx.Done() == nil {
		return t.shards.Gradient(t.config.Batch, t.workers)
	}
	type result struct {
		grad []float32
		err  error
	}
	ready := make(chan result, 1)
	t.busy.Go(func() {
		grad, err := t.shards.Gradient(t.config.Batch, t.workers)
		ready <- result{grad, err}
	})
	select {
	case r := <-ready:
		return r.grad, r.err
	case <-ctx.Done():
		t.stopping.Store(true)
		return nil, context.Cause(ctx)
	}
}

// wait waits for the workers of a step that was abandoned.
func (t *Trainer) wait() {
	t.busy.Wait()
	t.stopping.Store(false)
}

// advance updates what changes with every step besides the weights: the probabilities of
// the noise levels, the weight average f⁻ of a consistency model, and a learned γ.
func (t *Trainer) advance() {
	for i := range t.averages {
		t.averages[i].update(t.params.Flat, t.done)
	}
	if t.importance != nil {
		for i, sigma := range t.drawSigmas {
			t.importance.Observe(sigma, t.drawLosses[i])
		}
		t.importance.Update()
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

// Done returns the number of steps taken.
func (t *Trainer) Done() int { return t.done }

// Losses returns the loss of every step taken. It must not be modified.
func (t *Trainer) Losses() []float32 { return t.losses }

// Config returns the configuration of the run, which must not be modified.
func (t *Trainer) Config() *Config { return t.config }

// SetSteps changes the number of steps of a run. It is an error unless the configuration is
// Extendable, or if more steps have been taken.
func (t *Trainer) SetSteps(n int) error {
	if n == t.config.Steps {
		return nil
	}
	if !t.config.Extendable() {
		return fmt.Errorf("train: the number of steps of this run is fixed, since its learning rate or noise levels depend on it (decay %q): it must be %d (got %d)", t.config.Decay, t.config.Steps, n)
	}
	if n < max(1, t.done) || n > maxSteps {
		return fmt.Errorf("train: steps must be between the %d that have been taken and %d (got %d)", max(1, t.done), maxSteps, n)
	}
	t.config.Steps = n
	return nil
}

// Model returns the current model, with averaged weights if the run averages them. It
// is a copy: later steps do not change it.
func (t *Trainer) Model(name string) (*model.Model, error) {
	config := t.config.Model
	if t.gamma != nil {
		config = t.gamma.modelConfig(config, t.config.Average > 0)
	}
	copied := slices.Clone(t.averaged(t.chosen))
	return model.New(name, &config, t.params.WithNumbers(copied))
}
