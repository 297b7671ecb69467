// Package trainrun runs a training run on disk: it steps a trainer, reports progress,
// saves its state, and writes samples.
//
//	RUN/config.json          the configuration
//	RUN/lock                 held by the process that trains
//	RUN/state.safetensors    the state to continue from; state.previous.… is the one before
//	RUN/samples/NNNNNN.png   samples of the model after so many steps
//	RUN/loss.png             the loss
//	RUN/model.json, …        the model in float32, written with the samples
package trainrun

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/core/train"
	"tweedie/weights"
)

// Options describes a run.
type Options struct {
	Dir    string        // folder of the run; made if necessary
	Name   string        // name of the model
	Config *train.Config // configuration; nil with Resume means that of Dir
	Data   *train.Data
	Resume bool // continue from the last good state in Dir; without it Dir must not contain a run

	SaveEvery   time.Duration // between states; 0 means 2 minutes
	SampleEvery int           // steps between sheets of samples; 0 means a twentieth of the run, a negative number none

	Sheet    func(path string, x *tensor.Tensor, columns int) error // draws images [N,H,W,C] in [−1,1]
	Progress func(Progress)                                         // after every step; may be nil
	Log      func(format string, args ...any)                       // a line for people; may be nil
}

// Progress of a run.
type Progress struct {
	Step, Steps int
	Loss        float64       // smoothed over about a hundred steps
	Rate        float64       // images a second
	Left        time.Duration // at this rate
}

// run is a run in progress.
type run struct {
	Options
	trainer *train.Trainer
	lock    *flock.Flock
	smooth  float64
	lowest  float64 // of smooth
	began   time.Time
	first   int // step at which this process started
}

// Run trains until the configured steps are done. If ctx ends, it saves the state and
// returns ctx's cause. If the disk is full, the last good state stays in place. A run
// that is complete writes its model and samples again.
func Run(ctx context.Context, o Options) error {
	r := &run{Options: o}
	if r.SaveEvery == 0 {
		r.SaveEvery = 2 * time.Minute
	}
	if r.Log == nil {
		r.Log = func(string, ...any) {}
	}
	if err := r.open(); err != nil {
		return err
	}
	defer r.lock.Unlock()
	if r.SampleEvery == 0 {
		r.SampleEvery = max(1, r.Config.Steps/20)
	}
	return r.loop(ctx)
}

// open makes the folder and the trainer, or continues an existing run.
func (r *run) open() error {
	config := filepath.Join(r.Dir, "config.json")
	kept, err := os.ReadFile(config)
	exists := err == nil
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("trainrun: %w", err)
	case exists && !r.Resume:
		return fmt.Errorf("trainrun: %s contains a run: continue it with --resume, or name another folder", r.Dir)
	case !exists && r.Resume:
		return fmt.Errorf("trainrun: %s contains no run to resume: there is no config.json", r.Dir)
	}
	if err := r.hold(); err != nil {
		return err
	}
	if exists {
		own, err := train.ParseConfig(kept)
		if err != nil {
			return fmt.Errorf("trainrun: %s: %w", config, err)
		}
		if r.Config != nil && !same(r.Config, own) {
			return fmt.Errorf("trainrun: the configuration differs from %s: remove --config to resume, or name another folder", config)
		}
		r.Config = own
	}
	teacher, err := r.teacher()
	if err != nil {
		return err
	}
	if r.trainer, err = train.New(r.Config, r.Data, teacher); err != nil {
		return err
	}
	if err := r.writable(); err != nil {
		return err
	}
	if exists {
		return r.restore()
	}
	data, err := r.Config.JSON()
	if err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(r.Dir, "samples"), 0o777); err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	return weights.WriteAtomic(config, data)
}

// teacher opens the model that is distilled, nil if none is.
func (r *run) teacher() (*model.Model, error) {
	if r.Config.Teacher == "" {
		return nil, nil
	}
	f, err := weights.Open(r.Config.Teacher)
	if err != nil {
		return nil, fmt.Errorf("trainrun: teacher: %w", err)
	}
	m, err := model.Open(f)
	if err != nil {
		return nil, fmt.Errorf("trainrun: teacher %s: %w", r.Config.Teacher, err)
	}
	return m, nil
}

func same(a, b *train.Config) bool {
	x, errX := a.JSON()
	y, errY := b.JSON()
	return errX == nil && errY == nil && string(x) == string(y)
}

// loop steps to the end.
func (r *run) loop(ctx context.Context) error {
	t := r.trainer
	r.began, r.first = time.Now(), t.Done()
	saved := time.Now()
	for t.Done() < r.Config.Steps {
		if ctx.Err() != nil {
			return r.stop(ctx)
		}
		loss, err := t.Step()
		if err != nil {
			return err
		}
		r.report(loss)
		if err := r.converges(loss); err != nil {
			return err
		}
		if time.Since(saved) >= r.SaveEvery && t.Done() < r.Config.Steps {
			if err := r.save(); err != nil {
				return err
			}
			saved = time.Now()
		}
		if r.SampleEvery > 0 && t.Done()%r.SampleEvery == 0 && t.Done() < r.Config.Steps {
			if err := r.show(ctx); ctx.Err() != nil {
				return r.stop(ctx)
			} else if err != nil {
				return err
			}
		}
	}
	if err := r.save(); err != nil {
		return err
	}
	return r.show(ctx)
}

// stop saves the state when ctx has ended, and returns its cause.
func (r *run) stop(ctx context.Context) error {
	if err := r.save(); err != nil {
		return err
	}
	r.Log("stopped after step %d of %d; continue with --resume", r.trainer.Done(), r.Config.Steps)
	return context.Cause(ctx)
}

// The loss of a run that diverges is so many times its lowest, after so many steps. States are
// not saved from a tenth of that on, so that those on disk are from before.
const (
	diverged   = 100
	firstSteps = 50
)

// above returns how far the smoothed loss is above its lowest, as a multiple of that; 0 in the
// first steps.
func (r *run) above() float64 {
	if r.lowest == 0 || r.trainer.Done()-r.first <= firstSteps {
		return 0
	}
	return (r.smooth - r.lowest) / math.Abs(r.lowest)
}

// converges returns an error if the run diverges.
func (r *run) converges(loss float64) error {
	if math.IsNaN(loss) || math.IsInf(loss, 0) || r.above() > diverged {
		return fmt.Errorf("trainrun: the run diverges: the loss of step %d is %.4g, and its lowest average was %.4g; %s; a lower --rate helps, in another folder", r.trainer.Done(), loss, r.lowest, r.kept())
	}
	if r.lowest == 0 || r.trainer.Done()-r.first <= firstSteps || r.smooth < r.lowest {
		r.lowest = r.smooth
	}
	return nil
}

// show writes the model, the plot of its loss and, unless there are to be none, a sheet
// of samples.
func (r *run) show(ctx context.Context) error {
	if err := r.writeModel(); err != nil {
		return err
	}
	if err := r.plot(); err != nil {
		return err
	}
	if r.SampleEvery < 0 {
		return nil
	}
	return r.draw(ctx)
}

// report reports the progress after a step.
func (r *run) report(loss float64) {
	done := r.trainer.Done()
	if r.smooth == 0 {
		r.smooth = loss
	}
	r.smooth += (loss - r.smooth) / min(100, float64(done-r.first))
	if r.Progress == nil {
		return
	}
	a := float64(done-r.first) / time.Since(r.began).Seconds()
	r.Progress(Progress{
		Step: done, Steps: r.Config.Steps, Loss: r.smooth, Rate: a * float64(r.Config.Batch),
		Left: time.Duration(float64(r.Config.Steps-done) / a * float64(time.Second)),
	})
}
