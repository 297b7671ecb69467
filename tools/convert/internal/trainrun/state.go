package trainrun

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"tweedie/core/train"
	"tweedie/weights"
)

// The names of the two latest states. The old state is renamed before the new one is
// written, so that there is always one complete state.
const (
	stateFile    = "state.safetensors"
	previousFile = "state.previous.safetensors"
)

// lockFile is locked by the process that trains; the lock ends with the process.
const lockFile = "lock"

// hold locks the folder of the run. The error says that another process trains in it.
func (r *run) hold() error {
	if err := os.MkdirAll(r.Dir, 0o777); err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	r.lock = flock.New(filepath.Join(r.Dir, lockFile))
	held, err := r.lock.TryLock()
	if err != nil {
		return fmt.Errorf("trainrun: lock %s: %w", r.Dir, err)
	}
	if !held {
		return fmt.Errorf("trainrun: %s is in use: another process trains in it; wait for it, or stop it with Ctrl-C", r.Dir)
	}
	return nil
}

// kept says which states are in the folder.
func (r *run) kept() string {
	for _, name := range []string{stateFile, previousFile} {
		if _, err := os.Stat(filepath.Join(r.Dir, name)); err == nil {
			return "the last good state is " + filepath.Join(r.Dir, name)
		}
	}
	return "no state has been saved yet"
}

// save writes the state, unless the loss has risen so far that the run seems to diverge.
func (r *run) save() error {
	if r.above() > diverged/10 {
		r.Log("the loss is %.4g, %.0f times above its lowest: the state is not saved; %s", r.smooth, r.above(), r.kept())
		return nil
	}
	state, err := r.trainer.State()
	if err != nil {
		return err
	}
	last, previous := filepath.Join(r.Dir, stateFile), filepath.Join(r.Dir, previousFile)
	if err := os.Rename(last, previous); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("trainrun: %w", err)
	}
	if err := weights.WriteAtomic(last, state); err != nil {
		return fmt.Errorf("trainrun: the state of step %d could not be written; %s: %w", r.trainer.Done(), r.kept(), err)
	}
	return r.writeCard()
}

// restore restores the last complete state.
func (r *run) restore() error {
	found := false
	for _, name := range []string{stateFile, previousFile} {
		path := filepath.Join(r.Dir, name)
		state, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("trainrun: %w", err)
		}
		found = true
		if err = r.trainer.Restore(state); err == nil {
			r.Log("resumed %s at step %d of %d", path, r.trainer.Done(), r.Config.Steps)
			return nil
		}
		if !errors.Is(err, train.ErrState) {
			return err
		}
		r.Log("%s: %v", path, err)
	}
	if found {
		return fmt.Errorf("trainrun: %s contains no usable state", r.Dir)
	}
	r.Log("%s has no state yet: starting at step 0", r.Dir)
	return r.start()
}

// writable returns an error if the model could not be written under its name, which is
// otherwise found out after the training.
func (r *run) writable() error {
	m, err := r.trainer.Model(r.Name)
	if err != nil {
		return err
	}
	manifest, err := m.Manifest(nil)
	if err != nil {
		return err
	}
	_, err = weights.NewEncoder("model", manifest, func(weights.Shard, []byte) error { return nil })
	return err
}

// writeModel writes the current model, in float32.
func (r *run) writeModel() error {
	m, err := r.trainer.Model(r.Name)
	if err != nil {
		return err
	}
	card, err := r.fullCard()
	if err != nil {
		return err
	}
	return m.Save(filepath.Join(r.Dir, "model.json"), weights.Storage{DType: weights.F32}, card)
}
