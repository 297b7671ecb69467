//go:build !js

package model

import (
	"tweedie/core/quant"
	"tweedie/weights"
)

// OpenReader is Open for a model that stays on disk: numbers are read on demand, until r is
// closed. Read errors are reported by Err.
func OpenReader(r *weights.Reader) (*Model, error) {
	m, err := Open(r.Outline())
	if err != nil {
		return nil, err
	}
	m.source = &readSource{source: source{r.Outline()}, reader: r}
	return m, nil
}

// readSource provides a network's parameters from a model on disk.
type readSource struct {
	source
	reader *weights.Reader
	err    error
}

// Numbers implements graph.Source.
func (s *readSource) Numbers(name string) quant.Numbers {
	t, err := s.reader.Tensor(name)
	if err != nil {
		if s.err == nil {
			s.err = err
		}
		return quant.Numbers{Float: make([]float32, s.Len(name))}
	}
	return numbersOf(&t)
}

// Err returns the first read error.
func (s *readSource) Err() error { return s.err }
