package trainrun

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tweedie/core/train"
	"tweedie/weights"
)

// The names of the two latest states. The old state is renamed before the new one is
// written, so that there is always one complete state.
const (
	stateFile    = "state.safetensors"
	previousFile = "state.previous.safetensors"
)

// save writes the state.
func (r *run) save() error {
	state, err := r.trainer.State()
	if err != nil {
		return err
	}
	last, previous := filepath.Join(r.Dir, stateFile), filepath.Join(r.Dir, previousFile)
	if err := os.Rename(last, previous); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("trainrun: %w", err)
	}
	if err := weights.WriteAtomic(last, state); err != nil {
		return fmt.Errorf("trainrun: the state of step %d could not be written; the last good one is %s: %w", r.trainer.Done(), previous, err)
	}
	return nil
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
	return nil
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
	return m.Save(filepath.Join(r.Dir, "model.json"), weights.Storage{DType: weights.F32}, nil)
}
