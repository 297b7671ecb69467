// Package trainrun runs a training run on disk: it steps a trainer, reports progress,
// saves its state, and writes samples.
//
//	RUN/config.json          the configuration
//	RUN/card.json            what the model card says besides the facts of the training
//	RUN/lock                 held by the process that trains
//	RUN/state.safetensors    the state to continue from; state.previous.… is the one before
//	RUN/samples/NNNNNN.png   samples of the model after so many steps
//	RUN/loss.png, loss.csv   the loss
//	RUN/heldout.csv          the loss on held-out and on training pictures, of the same noise
//	RUN/model.json, …        the model in float32, written with the samples
package trainrun

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
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
	Card   map[string]any // what the model card says besides the facts of the training: title, data; it is kept in Dir
	Resume bool           // continue from the last good state in Dir; without it Dir must not contain a run
	Finish bool           // with Resume: write the model and its samples as they are, and take no step

	Steps int           // with Resume: the new number of steps of the run; 0 leaves it
	Time  time.Duration // the run ends after so long, whatever its steps; 0 means after its steps
	Spent time.Duration // of Time before Run was called

	SaveEvery   time.Duration // between states; 0 means 2 minutes
	SampleEvery int           // steps between sheets of samples; 0 means a twentieth of the run, or less often if they would take a tenth of the time; a negative number none

	Sheet    func(path string, x *tensor.Tensor, columns []string) error // draws images [N,H,W,C] in [−1,1] in columns with these titles
	Progress func(Progress)                                              // after every step; may be nil
	Log      func(format string, args ...any)                            // a line for people; may be nil
}

// Progress of a run.
type Progress struct {
	Step, Steps int
	Loss        float64       // smoothed over about a hundred steps
	Rate        float64       // images a second, while it trains
	Left        time.Duration // at this rate, with the sheets to come
}

// run is a run in progress.
type run struct {
	Options
	trainer *train.Trainer
	lock    *flock.Flock
	smooth  float64
	lowest  float64 // of smooth
	clock   clock
	first   int     // step at which this process started
	every   int     // steps between sheets; negative for none
	rows    int     // of a sheet
	before  float64 // hours that processes before this one have trained
	judged  []judged
}

// Run trains until the configured steps are done or the time is up. If ctx ends, it
// saves the state and returns ctx's cause. If the disk is full, the last good
// state stays in place. A run that is complete writes its model and samples again.
//
// With a time and a configuration that is Extendable, the number of steps follows the
// speed of the machine, and is written to config.json. The same number gives the same
// weights on another machine.
func Run(ctx context.Context, o Options) error {
	r := &run{Options: o, rows: sheetRows}
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
	if r.Finish {
		if r.trainer.Done() == 0 {
			return fmt.Errorf("trainrun: %s has no state of any step yet: continue it with --resume", r.Dir)
		}
		return r.show(ctx)
	}
	r.every = r.SampleEvery
	if r.every == 0 {
		r.every = max(1, r.Config.Steps/sheets)
	}
	return r.loop(ctx)
}

// configFile is the configuration in the folder of a run.
const configFile = "config.json"

// Check returns an error if a run in dir cannot be started, or with resume be continued: because
// there is one, or none.
func Check(dir string, resume bool) error {
	_, err := existing(dir, resume)
	return err
}

// existing returns the configuration of the run in dir, nil if there is none. The error is that of
// Check.
func existing(dir string, resume bool) ([]byte, error) {
	kept, err := os.ReadFile(filepath.Join(dir, configFile))
	exists := err == nil
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("trainrun: %w", err)
	case exists && !resume:
		return nil, fmt.Errorf("trainrun: %s contains a run: continue it with --resume, or name another folder", dir)
	case !exists && resume:
		return nil, fmt.Errorf("trainrun: %s contains no run to resume: there is no %s", dir, configFile)
	}
	return kept, nil
}

// open makes the folder and the trainer, or continues an existing run.
func (r *run) open() error {
	config := filepath.Join(r.Dir, configFile)
	kept, err := existing(r.Dir, r.Resume)
	if err != nil {
		return err
	}
	exists := kept != nil
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
		return r.reopen()
	}
	if err := os.MkdirAll(filepath.Join(r.Dir, "samples"), 0o777); err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	if err := r.start(); err != nil {
		return err
	}
	return errors.Join(r.writeConfig(), r.writeCard())
}

// reopen restores the state of the run, and extends it or cuts it short.
func (r *run) reopen() error {
	if err := errors.Join(r.restore(), r.readJudged(), r.readCard()); err != nil || r.Steps == 0 {
		return err
	}
	return r.setSteps(r.Steps)
}

// setSteps changes the number of steps, also in the configuration on disk.
func (r *run) setSteps(n int) error {
	if n == r.Config.Steps {
		return nil
	}
	if err := r.trainer.SetSteps(n); err != nil {
		return err
	}
	return r.writeConfig()
}

// writeConfig writes the configuration.
func (r *run) writeConfig() error {
	data, err := r.Config.JSON()
	if err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	return weights.WriteAtomic(filepath.Join(r.Dir, configFile), data)
}

// teacher opens the model that is distilled, nil if none is.
func (r *run) teacher() (*model.Model, error) {
	if r.Config.Teacher == "" {
		return nil, nil
	}
	return openModel("teacher", r.Config.Teacher)
}

// openModel opens the model at path, which errors call what.
func openModel(what, path string) (*model.Model, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("trainrun: %s: %w", what, err)
	}
	m, err := model.Open(f)
	if err != nil {
		return nil, fmt.Errorf("trainrun: %s %s: %w", what, path, err)
	}
	return m, nil
}

// start starts from the weights of the model that the configuration names, if any.
func (r *run) start() error {
	if r.Config.Init == "" {
		return nil
	}
	m, err := openModel("init", r.Config.Init)
	if err != nil {
		return err
	}
	s, err := r.trainer.StartFrom(m)
	if err != nil {
		return err
	}
	r.Log("starting from %s: %.4g%% of the weights are taken over", r.Config.Init, 100*float64(s.Taken)/float64(s.Total))
	if len(s.Fresh) > 0 {
		r.Log("these start at random, since their shapes differ: %s", strings.Join(s.Fresh[:min(8, len(s.Fresh))], ", "))
	}
	if len(s.NewClasses) > 0 {
		r.Log("new classes: %s", strings.Join(s.NewClasses, ", "))
	}
	return nil
}

// same reports whether two configurations are of one run, whose number of steps may have been
// changed if it is extendable.
func same(a, b *train.Config) bool {
	if b.Extendable() {
		of := *a
		of.Steps, a = b.Steps, &of
	}
	x, errX := a.JSON()
	y, errY := b.JSON()
	return errX == nil && errY == nil && string(x) == string(y)
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

// show chooses the average with the lowest held-out loss, writes the model, the losses and,
// unless there are to be none, a sheet of samples.
func (r *run) show(ctx context.Context) error {
	began := time.Now()
	if err := r.judge(ctx); err != nil {
		return err
	}
	if err := errors.Join(r.writeModel(), r.writeLosses(), r.plot()); err != nil {
		return err
	}
	if r.SampleEvery < 0 {
		return nil
	}
	if err := r.draw(ctx); err != nil {
		return err
	}
	r.clock.shown(time.Since(began))
	return nil
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
	p := Progress{
		Step: done, Steps: r.Config.Steps, Loss: r.smooth, Rate: float64(r.clock.steps*r.Config.Batch) / r.clock.inSteps.Seconds(),
		Left: r.clock.left(r.Config.Steps-done, r.showing(), r.every),
	}
	if r.Time > 0 && (r.Config.Extendable() || p.Left > r.Time-time.Since(r.clock.began)) {
		p.Left = max(0, r.Time-time.Since(r.clock.began))
	}
	r.Progress(p)
}
