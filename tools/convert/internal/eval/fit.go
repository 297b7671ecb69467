package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tweedie/core/autodiff"
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/rng"
	"tweedie/core/train"
)

// FitOptions say how a classifier is trained. The zero value is the default of tweedie eval.
type FitOptions struct {
	Seed     uint64
	Steps    int // optimiser steps; 0 means four passes over the data, at least 300
	Workers  int // cores; 0 means 1. The result does not depend on it
	Progress func(step, steps int, loss float64)
}

// Settings of the training.
const (
	passes      = 4
	leastSteps  = 300
	batch       = 128
	shards      = 4  // parts of a batch whose gradients are added in order
	micro       = 16 // pictures on a tape at once
	peakRate    = 2e-3
	weightDecay = 0.01
	warmUp      = 0.05 // part of the steps
	shift       = 2    // largest shift of a picture in pixels, each way
)

// Fit trains a classifier on set: cross-entropy, AdamW with a cosine decay, each
// picture shifted at random by up to two pixels. It then measures the accuracy on
// held. The same set, seed and steps give the same classifier to the bit
// on one kind of processor. The error wraps ErrSpec, names what is wrong with the
// labels, or is ctx's cause.
func Fit(ctx context.Context, set, held *Set, o FitOptions) (*Classifier, error) {
	f, err := newFitter(set, o)
	if err != nil {
		return nil, err
	}
	if err := checkLabels(held, set.Classes); err != nil {
		return nil, fmt.Errorf("%w (held out)", err)
	}
	for f.step < f.steps {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		loss, err := f.advance()
		if err != nil {
			return nil, err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("eval: step %d: training diverged: the loss is %g", f.step, loss)
		}
		if o.Progress != nil {
			o.Progress(f.step, f.steps, loss)
		}
	}
	c := &Classifier{spec: f.spec, params: f.params}
	c.record = Record{Data: fingerprint(set), Seed: o.Seed, Steps: f.steps, HeldOut: held.N}
	features, err := c.Features(ctx, held.Images, o.Workers, nil)
	if err != nil {
		return nil, err
	}
	c.record.Accuracy = agreement(c.Classify(features), held.Labels)
	return c, nil
}

// fitter is a training run.
type fitter struct {
	set         *Set
	spec        Spec
	seed        uint64
	step, steps int
	program     *graph.Program
	params      *graph.Params
	optimiser   *train.AdamW
	order       []int // of the current pass
	pass        int
	numbers     [batch]int     // pictures of the current step
	losses      [batch]float64 // of each
	workers     []train.ShardWorker
	shards      train.Shards
}

func newFitter(set *Set, o FitOptions) (*fitter, error) {
	f := &fitter{set: set, seed: o.Seed, steps: o.Steps, pass: -1}
	f.spec = Spec{Arch: Arch, Shape: set.shape(), Classes: set.Classes}
	program, out, err := f.spec.whole()
	if err != nil {
		return nil, err
	}
	if err := checkLabels(set, set.Classes); err != nil {
		return nil, err
	}
	if f.steps == 0 {
		f.steps = max(leastSteps, passes*set.N/batch)
	}
	f.program, f.params = program, graph.NewParams(program)
	nn.Initialize(f.params, o.Seed)
	f.optimiser = train.NewAdamW(f.params)
	f.optimiser.WeightDecay = weightDecay
	f.shards = train.NewShards(shards, len(f.params.Flat))
	for range min(shards, max(1, o.Workers)) {
		tape, err := autodiff.New(program, out, f.params, micro, kernel.Fast)
		if err != nil {
			return nil, err
		}
		b := train.NewBatch(micro, set.size(), len(set.Classes), 0)
		b.Class, b.Weight = make([]float32, micro), 1.0/batch
		f.workers = append(f.workers, &fitWorker{f: f, tape: tape, batch: b})
	}
	return f, nil
}

// Check returns an error unless a classifier can be trained on s.
func (s *Set) Check() error {
	spec := Spec{Arch: Arch, Shape: s.shape(), Classes: s.Classes}
	if err := spec.Validate(); err != nil {
		return err
	}
	return checkLabels(s, s.Classes)
}

// checkLabels reports a picture of s whose class is not one of classes.
func checkLabels(s *Set, classes []string) error {
	if s.N == 0 || len(s.Labels) != s.N {
		return fmt.Errorf("eval: every picture must have a label (got %d labels for %d pictures)", len(s.Labels), s.N)
	}
	if k := len(s.Classes); k > len(classes) || !slices.Equal(s.Classes, classes[:k]) {
		return fmt.Errorf("eval: the classes must be %q (got %q)", classes, s.Classes)
	}
	for i, k := range s.Labels {
		if k < 0 || k >= len(classes) {
			return fmt.Errorf("eval: the label of picture %d must be from 0 to %d (got %d)", i, len(classes)-1, k)
		}
	}
	return nil
}

// advance takes one step and returns its loss.
func (f *fitter) advance() (float64, error) {
	for i := range f.numbers {
		f.numbers[i] = f.picture(f.step*batch + i)
	}
	grad, err := f.shards.Gradient(batch, f.workers)
	if err != nil {
		return 0, err
	}
	loss := 0.0
	for _, l := range f.losses {
		loss += l / batch
	}
	f.step++
	f.optimiser.Step(f.params.Flat, grad, f.step, f.rate(), 1)
	return loss, nil
}

// picture returns the picture of draw k of the run: every picture occurs once per pass.
func (f *fitter) picture(k int) int {
	if pass := k / f.set.N; pass != f.pass {
		f.pass, f.order = pass, permutation(f.set.N, f.seed, uint64(pass), orderStream)
	}
	return f.order[k%f.set.N]
}

// rate returns the learning rate of the current step, counted from 1.
func (f *fitter) rate() float64 {
	part := float64(f.step) / float64(f.steps)
	return peakRate * min(1, part/warmUp) * (1 + math.Cos(math.Pi*part)) / 2
}

// fitWorker computes gradients on one core.
type fitWorker struct {
	f     *fitter
	tape  *autodiff.Tape
	batch *train.Batch
	loss  train.CrossEntropy
}

// Load implements train.ShardWorker.
func (w *fitWorker) Load() { w.tape.Load() }

// AddShard implements train.ShardWorker. It records the losses.
func (w *fitWorker) AddShard(from, to int, grad []float32) error {
	b, set := w.batch, w.f.set
	for at := from; at < to; at += micro {
		b.N = min(micro, to-at)
		for i := range b.N {
			number := w.f.numbers[at+i]
			w.load(b.X[i*b.Size:(i+1)*b.Size], number, uint64(w.f.step*batch+at+i))
			b.Class[i] = float32(set.Labels[number])
		}
		b.Out = w.tape.Forward(b.N, b.X)
		w.loss.Evaluate(b)
		w.tape.Backward(b.N, b.Delta)
		copy(w.f.losses[at:], b.Loss[:b.N])
	}
	w.tape.TakeGradients(grad)
	return nil
}

// load writes a picture, shifted by a random whole number of pixels up to shift each
// way; pixels from outside are those of its border.
func (w *fitWorker) load(dst []float32, number int, draw uint64) {
	set := w.f.set
	var r [2]uint32
	rng.Uint32s(r[:], w.f.seed, draw, shiftStream)
	dy, dx := offset(r[0]), offset(r[1])
	src := set.Images[number*set.size() : (number+1)*set.size()]
	for y := range set.H {
		row := src[clamp(y+dy, set.H)*set.W*set.C:]
		for x := range set.W {
			from := clamp(x+dx, set.W) * set.C
			units(dst[(y*set.W+x)*set.C:], row[from:from+set.C])
		}
	}
}

// offset returns a number in [−shift, shift], uniform to 2⁻³⁰.
func offset(r uint32) int { return int(uint64(r)*(2*shift+1)>>32) - shift }

func clamp(v, n int) int { return min(max(v, 0), n-1) }
