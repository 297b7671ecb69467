package eval

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"tweedie/core/autodiff"
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/num"
	"tweedie/core/rng"
	"tweedie/core/train"
)

// FitOptions say how a classifier is trained. The zero value trains as the figures
// of this program are made.
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
	lanes       = 4  // parts of a batch whose gradients are added in order
	micro       = 16 // pictures on a tape at once
	peakRate    = 2e-3
	weightDecay = 0.01
	warmUp      = 0.05 // part of the steps
	shift       = 2    // pixels that a picture is moved by at most, each way
)

// Fit trains a classifier on set: cross-entropy, AdamW with a cosine decay, each
// picture moved at random by up to two pixels. It then counts how many of held it
// tells right. The same set, seed and steps give the same classifier to the bit
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
		loss := f.advance()
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("eval: step %d: the loss is %g: training diverged", f.step, loss)
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
	order       []int // of the present pass
	pass        int
	workers     []*fitWorker
	grads       [lanes][]float32
	lost        [lanes]float64
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
	for i := range f.grads {
		f.grads[i] = make([]float32, len(f.params.Flat))
	}
	for range min(lanes, max(1, o.Workers)) {
		tape, err := autodiff.New(program, out, f.params, micro, kernel.Fast)
		if err != nil {
			return nil, err
		}
		f.workers = append(f.workers, &fitWorker{
			f: f, tape: tape, x: make([]float32, micro*set.size()),
			labels: make([]int, micro), delta: make([]float32, micro*len(set.Classes)),
		})
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
		return fmt.Errorf("eval: %d labels for %d pictures, need one each", len(s.Labels), s.N)
	}
	if k := len(s.Classes); k > len(classes) || !slices.Equal(s.Classes, classes[:k]) {
		return fmt.Errorf("eval: classes are %q, need %q", s.Classes, classes)
	}
	for i, k := range s.Labels {
		if k < 0 || k >= len(classes) {
			return fmt.Errorf("eval: label of picture %d is %d, need 0 to %d", i, k, len(classes)-1)
		}
	}
	return nil
}

// advance takes one step and returns its loss.
func (f *fitter) advance() float64 {
	numbers := make([]int, batch)
	for i := range numbers {
		numbers[i] = f.picture(f.step*batch + i)
	}
	next := make(chan int, lanes)
	for i := range lanes {
		next <- i
	}
	close(next)
	var wait sync.WaitGroup
	for _, w := range f.workers {
		wait.Go(func() {
			w.tape.Load()
			for lane := range next {
				clear(f.grads[lane])
				f.lost[lane] = w.lane(numbers, batch*lane/lanes, batch*(lane+1)/lanes, f.grads[lane])
			}
		})
	}
	wait.Wait()
	loss := f.lost[0]
	for i, g := range f.grads[1:] {
		kernel.AddTo(f.grads[0], g)
		loss += f.lost[i+1]
	}
	f.step++
	f.optimiser.Step(f.params.Flat, f.grads[0], f.step, f.rate(), 1)
	return loss
}

// picture returns the picture that draw k of the run uses: each once a pass.
func (f *fitter) picture(k int) int {
	if pass := k / f.set.N; pass != f.pass {
		f.pass, f.order = pass, permutation(f.set.N, f.seed, uint64(pass), orderStream)
	}
	return f.order[k%f.set.N]
}

// rate returns the learning rate of the present step, counted from 1.
func (f *fitter) rate() float64 {
	part := float64(f.step) / float64(f.steps)
	return peakRate * min(1, part/warmUp) * (1 + math.Cos(math.Pi*part)) / 2
}

// fitWorker computes lanes on one core.
type fitWorker struct {
	f      *fitter
	tape   *autodiff.Tape
	x      []float32
	labels []int
	delta  []float32
}

// lane adds the gradient of entries from to to of a batch to grad and returns
// their part of its mean loss.
func (w *fitWorker) lane(numbers []int, from, to int, grad []float32) float64 {
	loss, set := 0.0, w.f.set
	for at := from; at < to; at += micro {
		n := min(micro, to-at)
		for i := range n {
			number := numbers[at+i]
			draw := uint64(w.f.step*batch + at + i)
			w.load(w.x[i*set.size():(i+1)*set.size()], number, draw)
			w.labels[i] = set.Labels[number]
		}
		loss += crossEntropy(w.delta, w.tape.Forward(n, w.x), w.labels[:n], 1.0/batch)
		w.tape.Backward(n, w.delta)
	}
	w.tape.TakeGradients(grad)
	return loss
}

// load writes a picture, moved by a random whole number of pixels up to shift each
// way, its border repeated where nothing is left.
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

// crossEntropy returns Σ −ln softmax(logits)[label] over the rows of logits, times
// scale, and writes its derivative by the logits to delta.
func crossEntropy(delta, logits []float32, labels []int, scale float64) float64 {
	k := len(logits) / len(labels)
	loss := 0.0
	for i, label := range labels {
		row, d := logits[i*k:(i+1)*k], delta[i*k:(i+1)*k]
		top := float64(row[0])
		for _, z := range row {
			top = max(top, float64(z))
		}
		sum := 0.0
		for _, z := range row {
			sum += num.Exp(float64(z) - top)
		}
		for j, z := range row {
			d[j] = float32(scale * num.Exp(float64(z)-top) / sum)
		}
		d[label] -= float32(scale)
		loss += num.Log(sum) + top - float64(row[label])
	}
	return loss * scale
}
