package train

import (
	"context"
	"fmt"
	"sync"

	"tweedie/core/autodiff"
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/model"
)

// Judgement compares the loss of a model on pictures that it was not trained on with its loss
// on as many that it was trained on. Noise and noise levels are the same every time, so that
// two judgements differ by the weights alone.
type Judgement struct {
	HeldOut float64 // mean loss on held-out pictures
	Trained float64 // mean loss on training pictures
	Width   float64 // relative width of the average that was chosen; 0 if there is no choice
}

const (
	judgedDraws = 2       // noise levels for each picture
	firstJudged = 1 << 48 // first draw of a judgement, far from those of training
)

// judge evaluates the loss of given weights.
type judge struct {
	params  *graph.Params
	workers []*worker
}

// newJudge returns a judge with as many workers as the trainer.
func (t *Trainer) newJudge(teacher *model.Model) (*judge, error) {
	j := &judge{params: t.params.WithNumbers(make([]float32, len(t.params.Flat)))}
	for range t.workers {
		w, err := t.newWorker(j.params, teacher)
		if err != nil {
			return nil, err
		}
		j.workers = append(j.workers, w)
	}
	return j, nil
}

// Judge returns the losses of the model on held-out and on training pictures, and chooses
// the average of the weights whose held-out loss is lowest: Model returns it from then
// on. It is an error if the configuration holds no pictures out. When ctx ends the error is
// its cause, and nothing is chosen.
func (t *Trainer) Judge(ctx context.Context) (Judgement, error) {
	if len(t.held) == 0 {
		return Judgement{}, fmt.Errorf("train: there are no held-out pictures: held_out must be at least 1 (got %d)", t.config.HeldOut)
	}
	t.wait()
	if t.judge == nil {
		j, err := t.newJudge(nil)
		if err != nil {
			return Judgement{}, err
		}
		t.judge = j
	}
	type verdict struct {
		Judgement
		chosen int
		err    error
	}
	ready := make(chan verdict, 1)
	t.busy.Go(func() {
		result, chosen, err := t.best(ctx)
		ready <- verdict{result, chosen, err}
	})
	select {
	case v := <-ready:
		if v.err == nil {
			t.chosen = v.chosen
		}
		return v.Judgement, v.err
	case <-ctx.Done(): // the workers end soon, and wait waits for them
		return Judgement{}, context.Cause(ctx)
	}
}

// best judges every average, and returns the judgement of the one with the lowest held-out loss.
func (t *Trainer) best(ctx context.Context) (result Judgement, chosen int, err error) {
	for i := range max(1, len(t.averages)) {
		loss, err := t.judge.loss(ctx, t.averaged(i), t.held)
		if err != nil {
			return Judgement{}, 0, err
		}
		if i == 0 || loss < result.HeldOut {
			result.HeldOut, chosen = loss, i
		}
	}
	if len(t.averages) > 0 {
		result.Width = t.config.Averages[chosen]
	}
	result.Trained, err = t.judge.loss(ctx, t.averaged(chosen), t.seen)
	return result, chosen, err
}

// HeldOut returns the number of held-out pictures.
func (t *Trainer) HeldOut() int { return len(t.held) }

// loss returns the mean loss on images.
func (j *judge) loss(ctx context.Context, weights []float32, images []int) (float64, error) {
	copy(j.params.Flat, weights)
	losses := make([]float64, judgedDraws*len(images))
	errs := make([]error, len(j.workers))
	var wait sync.WaitGroup
	for k, w := range j.workers {
		wait.Go(func() {
			w.Load()
			for at := k * microBatch; at < len(losses); at += len(j.workers) * microBatch {
				if errs[k] = context.Cause(ctx); errs[k] != nil {
					return
				}
				part := losses[at:min(len(losses), at+microBatch)]
				if errs[k] = w.judge(part, at, images); errs[k] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	sum := 0.0
	for _, l := range losses {
		sum += l / float64(len(losses))
	}
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// judge writes the losses of the draws from first on.
func (w *worker) judge(losses []float64, first int, images []int) error {
	b := w.batch
	b.N, b.Draw = len(losses), b.Draw[:0]
	for i := range losses {
		b.Draw = append(b.Draw, uint64(firstJudged+first+i))
		w.image(i, images[(first+i)%len(images)], false)
	}
	if err := w.loss.Prepare(b); err != nil {
		return err
	}
	b.Out = w.tape.Forward(b.N, w.inputs(b.X, b.CNoise)...)
	w.loss.Evaluate(b)
	copy(losses, b.Loss[:b.N])
	return nil
}

// setApart divides the images into those to train on and those held out: HeldOut of
// them, in an order that depends on the seed, but at most a tenth of a class.
func (t *Trainer) setApart() {
	n := t.data.N
	if t.config.HeldOut == 0 {
		t.order = order{n: n, seed: t.config.Seed}
		return
	}
	classOf := func(i int) int {
		if len(t.data.Labels) == 0 {
			return 0
		}
		return t.data.Labels[i]
	}
	left := map[int]int{} // of each class, ten times what can be held out
	for i := range n {
		left[classOf(i)]++
	}
	all := order{n: n, seed: t.config.Seed, stream: heldStream}
	apart := make([]bool, n)
	for k := range n {
		i := all.image(k)
		if c := classOf(i); len(t.held) < t.config.HeldOut && left[c] >= 10 {
			left[c] -= 10
			apart[i] = true
			t.held = append(t.held, i)
		}
	}
	for i := range n {
		if !apart[i] {
			t.trained = append(t.trained, i)
		}
	}
	t.order = order{n: len(t.trained), seed: t.config.Seed}
	for k := range all.n {
		if i := all.image(k); !apart[i] && len(t.seen) < len(t.held) {
			t.seen = append(t.seen, i)
		}
	}
}

// image returns the image that draw k of the run uses.
func (t *Trainer) image(k int) int {
	i := t.order.image(k)
	if t.trained != nil {
		i = t.trained[i]
	}
	return i
}

// newTape returns a tape of the trainer's network with the given weights.
func (t *Trainer) newTape(params *graph.Params) (*autodiff.Tape, error) {
	return autodiff.New(t.network.Program, t.network.Out, params, microBatch, kernel.Fast)
}
