package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"tweedie/weights"
)

// ErrState is wrapped by errors about a saved state that is truncated, modified, or of
// another run.
var ErrState = errors.New("unusable training state")

// State returns everything that Restore needs to continue bit for bit: safetensors of
// the weights, both moments, the average and the losses, followed by the SHA-256
// of these bytes.
func (t *Trainer) State() ([]byte, error) {
	identity, _, err := t.runID()
	if err != nil {
		return nil, err
	}
	var tensors []weights.Tensor
	for _, s := range t.slots() {
		tensors = append(tensors, floats(s.name, *s.data))
	}
	data, err := weights.EncodeSafetensors(tensors, map[string]string{
		"format": "tweedie-training", "step": strconv.Itoa(t.done), "run": identity,
	})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	sum := sha256.Sum256(data)
	return append(data, sum[:]...), nil
}

// Restore continues a run from the bytes of State. On an error, which wraps ErrState,
// the trainer is unchanged.
func (t *Trainer) Restore(state []byte) error {
	if len(state) < sha256.Size {
		return fmt.Errorf("train: %w: it must have at least %d bytes (got %d)", ErrState, sha256.Size, len(state))
	}
	data, sum := state[:len(state)-sha256.Size], state[len(state)-sha256.Size:]
	if found := sha256.Sum256(data); !bytes.Equal(found[:], sum) {
		return fmt.Errorf("train: %w: the file is truncated or modified: its SHA-256 starts with %x instead of %x", ErrState, found[:4], sum[:4])
	}
	tensors, meta, err := weights.ParseSafetensors(data)
	if err != nil {
		return fmt.Errorf("train: %w: %w", ErrState, err)
	}
	identity, former, err := t.runID()
	if err != nil {
		return err
	}
	if meta["run"] != identity && meta["run"] != former {
		return fmt.Errorf("train: %w: it belongs to a run with another configuration or other data", ErrState)
	}
	step, err := strconv.Atoi(meta["step"])
	if err != nil || step < 0 || step > t.config.Steps {
		return fmt.Errorf("train: %w: step must be between 0 and %d (got %q)", ErrState, t.config.Steps, meta["step"])
	}
	return t.restore(tensors, step)
}

func (t *Trainer) restore(tensors []weights.Tensor, step int) error {
	found := map[string][]float32{}
	for _, tensor := range tensors {
		data, err := tensor.Float32()
		if err != nil {
			return fmt.Errorf("train: %w: %w", ErrState, err)
		}
		found[tensor.Name] = data
	}
	for _, s := range t.slots() {
		want := len(*s.data)
		if s.name == "losses" {
			want = step
		}
		if len(found[s.name]) != want {
			return fmt.Errorf("train: %w: %q must have %d numbers (got %d)", ErrState, s.name, want, len(found[s.name]))
		}
	}
	for _, s := range t.slots() {
		if s.name == "losses" {
			t.losses = found[s.name]
			continue
		}
		copy(*s.data, found[s.name])
	}
	t.done = step
	if t.importance != nil {
		t.importance.Update()
	}
	if t.gamma != nil {
		t.gamma.current.SetWeights(t.gamma.weights)
	}
	return nil
}

// slot is one named array of the state.
type slot struct {
	name string
	data *[]float32
}

func (t *Trainer) slots() []slot {
	slots := []slot{
		{"weights", &t.params.Flat}, {"m", &t.optimiser.m}, {"v", &t.optimiser.v},
		{"average", &t.optimiser.average}, {"losses", &t.losses},
	}
	for i := range t.averages {
		slots = append(slots, slot{"average_" + strconv.Itoa(i), &t.averages[i].weights})
	}
	if t.importance != nil {
		slots = append(slots, slot{"level_losses", &t.importance.losses})
	}
	if t.target != nil {
		slots = append(slots, slot{"target", &t.target.Flat})
	}
	if g := t.gamma; g != nil {
		slots = append(slots, slot{"gamma", &g.weights}, slot{"gamma_m", &g.optimiser.m}, slot{"gamma_v", &g.optimiser.v}, slot{"gamma_average", &g.optimiser.average})
	}
	return slots
}

// runID identifies the run by its configuration and data. The number of steps is no part of it if
// the run is extendable; former is the identity in states of releases in which it was.
func (t *Trainer) runID() (identity, former string, err error) {
	fingerprint := t.DataFingerprint()
	id := func(c Config) (string, error) {
		config, err := c.JSON()
		if err != nil {
			return "", fmt.Errorf("train: %w", err)
		}
		return fmt.Sprintf("%x-%s", sha256.Sum256(config), fingerprint), nil
	}
	if former, err = id(*t.config); err != nil || !t.config.Extendable() {
		return former, former, err
	}
	c := *t.config
	c.Steps = 0
	identity, err = id(c)
	return identity, former, err
}

// DataFingerprint returns the fingerprint of the data in hexadecimal digits.
func (t *Trainer) DataFingerprint() string {
	if t.fingerprint == "" {
		t.fingerprint = fmt.Sprintf("%016x", t.data.Fingerprint())
	}
	return t.fingerprint
}

func floats(name string, data []float32) weights.Tensor {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return weights.Tensor{Name: name, DType: weights.F32, Shape: []int{len(data)}, Data: raw}
}
