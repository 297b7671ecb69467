//go:build !js

package tweedie

import (
	"tweedie/weights"
)

// Open opens the model whose manifest is the file at path, MODEL.json, and whose
// weights are next to it. Sizes, hashes and numbers are verified. The error says what
// is missing or corrupt.
func Open(path string) (*Model, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	return open(f, path)
}

// Save writes the model to path, a name that ends in .json, with its weights in files
// next to it. They keep the precision that they have. core/model's Save stores them in
// half the room, and package quantize in less.
func (m *Model) Save(path string) error {
	if m.file == nil {
		return m.Network().Save(path, weights.Storage{DType: weights.F32}, nil)
	}
	manifest, err := m.Network().Manifest(m.card())
	if err != nil {
		return err
	}
	return weights.Write(path, manifest, m.file.Tensors())
}
