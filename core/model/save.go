//go:build !js

package model

import (
	"tweedie/core/minijson"
	"tweedie/weights"
)

// Save writes the model to path, a name that ends in .json, and its weights to files in the
// same folder, as weights.Create does. The weights are stored in the given storage: weights.F32
// is exact, weights.F16 takes half the size, and package quantize takes less. card is a JSON
// value for the model card, nil for none.
func (m *Model) Save(path string, as weights.Storage, card minijson.RawMessage) error {
	tensors, err := m.Tensors(as)
	if err != nil {
		return err
	}
	manifest, err := m.Manifest(card)
	if err != nil {
		return err
	}
	return weights.Write(path, manifest, tensors)
}
