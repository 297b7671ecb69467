package eval

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tweedie/core/graph"
	"tweedie/weights"
)

// Write writes c in the format of model files, in float32: the manifest to path,
// a name that ends in .json. It makes the folder.
func (c *Classifier) Write(path string) error {
	config, err := json.Marshal(c.spec)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	card, err := json.Marshal(c.record)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	var tensors []weights.Tensor
	for i, d := range c.params.Specs {
		t, err := weights.Quantize(d.Name, d.Shape, c.params.Slice(i), weights.Storage{DType: weights.F32})
		if err != nil {
			return err
		}
		tensors = append(tensors, t)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	return weights.Write(path, &weights.Manifest{Name: "classifier", Config: config, Card: card}, tensors)
}

// Open reads a classifier that Write wrote. The error is one of package weights,
// or names a tensor that is missing or has the wrong shape.
func Open(path string) (*Classifier, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Classifier{}
	if err := json.Unmarshal(f.Manifest.Config, &c.spec); err != nil {
		return nil, fmt.Errorf("eval: %q: config: %w", path, err)
	}
	if len(f.Manifest.Card) > 0 {
		if err := json.Unmarshal(f.Manifest.Card, &c.record); err != nil {
			return nil, fmt.Errorf("eval: %q: card: %w", path, err)
		}
	}
	program, _, err := c.spec.whole()
	if err != nil {
		return nil, fmt.Errorf("%w (classifier %q)", err, path)
	}
	for _, d := range program.Params {
		if t := f.Tensor(d.Name); t == nil || !slices.Equal(t.Shape, d.Shape) {
			return nil, fmt.Errorf("eval: %q: tensor %q is missing or has the wrong shape: it must be %v", path, d.Name, d.Shape)
		}
	}
	c.params = graph.NewParams(program)
	for i, d := range c.params.Specs {
		data, _, err := f.Float32(d.Name)
		if err != nil {
			return nil, err
		}
		copy(c.params.Slice(i), data)
	}
	return c, nil
}

// Check returns an error if c was not trained on set.
func (c *Classifier) Check(set *Set) error {
	if c.spec.Shape != set.shape() || !slices.Equal(c.spec.Classes, set.Classes) || c.record.Data != fingerprint(set) {
		return fmt.Errorf("eval: the classifier was trained on other data (%v, %d classes, fingerprint %s) than these (%v, %d, %s): name another file with --classifier, which will be written",
			c.spec.Shape, len(c.spec.Classes), c.record.Data, set.shape(), len(set.Classes), fingerprint(set))
	}
	return nil
}

// fingerprint identifies the pictures of a set.
func fingerprint(s *Set) string { return fmt.Sprintf("%016x", s.Fingerprint()) }
