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

// Tensors are a model's quantized tensors. They are kept in an unnamed temporary file, so that
// only one need be in memory at a time. Close removes the file.
type Tensors struct {
	file    *os.File
	end     int64
	tensors map[string]spooledTensor
}

// spooledTensor is a tensor whose data is in the file.
type spooledTensor struct {
	weights.Tensor
	at   int64
	size int
}

// newTensors returns an empty set of tensors, with its file in folder, "" for the system's.
func newTensors(folder string) (*Tensors, error) {
	f, err := os.CreateTemp(folder, ".tweedie-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("quantize: %w", err)
	}
	os.Remove(f.Name()) // fails where open files cannot be removed: Close then does it
	return &Tensors{file: f, tensors: map[string]spooledTensor{}}, nil
}

// Close removes the file.
func (s *Tensors) Close() error {
	err := s.file.Close()
	if removed := os.Remove(s.file.Name()); removed != nil && !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// clear removes all tensors.
func (s *Tensors) clear() { s.end, s.tensors = 0, map[string]spooledTensor{} }

func (s *Tensors) put(t weights.Tensor) error {
	if _, err := s.file.WriteAt(t.Data, s.end); err != nil {
		return fmt.Errorf("quantize: tensor %q: %w", t.Name, err)
	}
	kept := spooledTensor{t, s.end, len(t.Data)}
	s.end += int64(kept.size)
	kept.Data = nil
	s.tensors[t.Name] = kept
	return nil
}

// tensor returns the tensor of that name.
func (s *Tensors) tensor(name string) (weights.Tensor, error) {
	kept := s.tensors[name]
	t := kept.Tensor
	t.Data = make([]byte, kept.size)
	if _, err := s.file.ReadAt(t.Data, kept.at); err != nil {
		return t, fmt.Errorf("quantize: tensor %q: %w", name, err)
	}
	return t, nil
}

// Each calls do with every tensor, in the order of names. The error is do's, or a read error.
func (s *Tensors) Each(do func(t weights.Tensor) error) error {
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

// sizeOf returns the size of the shards of a model in bytes.
func sizeOf(tensors *Tensors) (int, error) {
	size := 0
	e, err := weights.NewEncoder("size", &weights.Manifest{Name: "size", Config: []byte("{}")}, func(s weights.Shard, _ []byte) error {
		size += s.Bytes
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := tensors.Each(e.Add); err != nil {
		return 0, err
	}
	_, err = e.Close()
	return size, err
}

// numbersOf returns a tensor's numbers, as codes if it is int8.
func numbersOf(t *weights.Tensor) (quant.Numbers, error) {
	if t.DType == weights.I8 {
		return quant.Numbers{Codes: t.Codes(), Scales: t.Scale}, nil
	}
	w, err := t.Float32()
	return quant.Numbers{Float: w}, err
}
