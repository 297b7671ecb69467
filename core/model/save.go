//go:build !js

package model

import (
	"tweedie/core/minijson"
	"tweedie/weights"
)

// Save writes the model to path, a name that ends in .json, with its weights in
// files beside it: see weights.Create. The weights are stored as said: weights.F32
// keeps every bit, weights.F16 takes half the room, and package quantize takes less.
// card is a JSON value for the model card, nil for none.
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
