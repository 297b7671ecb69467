package quantize

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"tweedie/core/quant"
	"tweedie/weights"
)

// Stored is a model's tensors as they are to be stored. They wait in a file without a
// name, so that one at a time has to be in memory. Close gives the room back.
type Stored struct {
	file    *os.File
	end     int64
	tensors map[string]spooled
}

// spooled is a tensor whose bytes are in the file.
type spooled struct {
	weights.Tensor
	at   int64
	size int
}

// newStored returns no tensors, to be kept in a folder, "" for the system's.
func newStored(folder string) (*Stored, error) {
	f, err := os.CreateTemp(folder, ".tweedie-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("quantize: %w", err)
	}
	os.Remove(f.Name()) // which a system that does not remove open files leaves to Close
	return &Stored{file: f, tensors: map[string]spooled{}}, nil
}

// Close removes the file.
func (s *Stored) Close() error {
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// clear removes all tensors.
func (s *Stored) clear() { s.end, s.tensors = 0, map[string]spooled{} }

func (s *Stored) put(t weights.Tensor) error {
	if _, err := s.file.WriteAt(t.Data, s.end); err != nil {
		return fmt.Errorf("quantize: tensor %q: %w", t.Name, err)
	}
	kept := spooled{t, s.end, len(t.Data)}
	s.end += int64(kept.size)
	kept.Data = nil
	s.tensors[t.Name] = kept
	return nil
}

// tensor returns one by its name.
func (s *Stored) tensor(name string) (weights.Tensor, error) {
	kept := s.tensors[name]
	t := kept.Tensor
	t.Data = make([]byte, kept.size)
	if _, err := s.file.ReadAt(t.Data, kept.at); err != nil {
		return t, fmt.Errorf("quantize: tensor %q: %w", name, err)
	}
	return t, nil
}

// Each calls do with every tensor, in the order of names. The error is do's, or that of
// reading the file.
func (s *Stored) Each(do func(t weights.Tensor) error) error {
	for _, name := range slices.Sorted(maps.Keys(s.tensors)) {
		t, err := s.tensor(name)
		if err == nil {
			err = do(t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// numbersOf returns a tensor's numbers, its codes where an operation can do with them.
func numbersOf(t *weights.Tensor) (quant.Numbers, error) {
	if t.DType == weights.I8 {
		return quant.Numbers{Codes: t.Codes(), Scales: t.Scale}, nil
	}
	w, err := t.Float32()
	return quant.Numbers{Float: w}, err
}
