//go:build !js

package quantize

import (
	"errors"

	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/weights"
)

// Save writes the tensors as the weights of m, the model that was quantized, to path, a name
// that ends in .json, and closes s. card is a JSON value for the model card, nil for none.
func (s *Tensors) Save(path string, m *model.Model, card minijson.RawMessage) error {
	manifest, err := m.Manifest(card)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	w, err := weights.Create(path, manifest)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if err := s.Each(w.Add); err != nil {
		return errors.Join(err, w.Abandon(), s.Close())
	}
	return errors.Join(w.Close(), s.Close())
}
