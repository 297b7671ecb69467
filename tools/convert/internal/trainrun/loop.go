package trainrun

import (
	"context"
	"errors"
	"time"

	"tweedie/core/model"
)

// sheets is the number of sheets in a run.
const sheets = 20

// firstSave is the time to the first save; each later one comes after twice the time, up to
// SaveEvery.
const firstSave = 5 * time.Second

// loop steps to the end.
func (r *run) loop(ctx context.Context) error {
	t := r.trainer
	r.first = t.Done()
	r.clock = clock{began: time.Now().Add(-r.Spent), limit: r.Time}
	saved, wait := time.Now(), min(firstSave, r.SaveEvery)
	for !r.ended() {
		began := time.Now()
		loss, err := t.StepContext(ctx)
		if ctx.Err() != nil {
			return r.stop(ctx)
		}
		if err != nil {
			return err
		}
		r.clock.step(time.Since(began))
		if r.clock.steps == fewSteps {
			if err := r.plan(); err != nil {
				return err
			}
		}
		r.report(loss)
		if err := r.converges(loss); err != nil {
			return err
		}
		if time.Since(saved) >= wait && !r.ended() {
			if err := errors.Join(r.plan(), r.save()); err != nil {
				return err
			}
			saved, wait = time.Now(), min(2*wait, r.SaveEvery)
		}
		if r.every > 0 && t.Done()%r.every == 0 && (r.Time == 0 || r.clock.steps >= fewSteps) && !r.ended() {
			if err := r.show(ctx); ctx.Err() != nil {
				return r.stop(ctx)
			} else if err != nil {
				return err
			}
		}
	}
	return r.end(ctx)
}

// end saves the state of a run that has ended, and writes its model.
func (r *run) end(ctx context.Context) error {
	done := r.trainer.Done()
	if r.Config.Extendable() {
		if err := r.setSteps(done); err != nil {
			return err
		}
	} else if done < r.Config.Steps {
		r.Log("the time is up after step %d of %d, before the learning rate has fallen to its end: --resume continues", done, r.Config.Steps)
	}
	if err := r.save(); err != nil {
		return err
	}
	return r.show(ctx)
}

// ended reports whether the steps are done or the time is up.
func (r *run) ended() bool {
	if r.Time > 0 && r.clock.steps >= fewSteps && r.clock.remaining(r.showing()) < r.clock.recent {
		return true
	}
	return r.trainer.Done() >= r.Config.Steps && !(r.Time > 0 && r.Config.Extendable())
}

// fewSteps is the number of steps from which their duration is taken for typical.
const fewSteps = 3

// plan adapts the number of steps to the time that is left, and sheets to the number of steps.
func (r *run) plan() error {
	if r.Time == 0 || r.clock.steps < fewSteps {
		return nil
	}
	for r.rows > 1 && r.clock.showing == 0 && r.showing() > r.Time/10 {
		r.rows--
	}
	show := r.showing()
	if r.Config.Extendable() {
		steps := r.trainer.Done() + r.clock.stepsIn(r.clock.remaining(show), show, r.every)
		if err := r.setSteps(max(1, steps)); err != nil {
			return err
		}
	}
	if r.SampleEvery == 0 {
		n := int(min(sheets, max(1, r.Time/10/max(1, show)))) // in a tenth of the time
		r.every = max(1, r.Config.Steps/n)
	}
	return nil
}

// showing returns the duration of the next sheet: that of the last, or before the first an
// estimate by the speed of training, in which a pass forward is a third.
func (r *run) showing() time.Duration {
	if r.clock.showing > 0 || r.clock.steps == 0 {
		return r.clock.showing
	}
	passes := 2 * r.trainer.HeldOut() * (len(r.Config.Averages) + 1)
	if c := &r.Config.Model; r.every >= 0 && r.Sheet != nil && c.Arch != model.Classifier {
		each := c.Defaults.Steps * (1 + c.Defaults.CorrectorSteps)
		if c.NullClass != nil && c.Defaults.Guidance != 1 {
			each *= 2
		}
		passes += r.rows * len(r.columns()) * each
	}
	return r.clock.recent / time.Duration(r.Config.Batch) * time.Duration(passes) / 3
}

// stop saves the state when ctx has ended, and returns its cause. The model of a large network
// takes seconds to write, and is left to Finish.
func (r *run) stop(ctx context.Context) error {
	if err := r.save(); err != nil {
		return err
	}
	r.Log("stopped after step %d of %d; continue with --resume, or make a model of what is there with --resume --finish", r.trainer.Done(), r.Config.Steps)
	return context.Cause(ctx)
}
