package importer

import (
	"fmt"

	gotensor "gorgonia.org/tensor"

	"tweedie/core/gorgonia"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/quant"
	"tweedie/core/tensor"
	"tweedie/weights/lazytensor"
)

// plan is how to convert a checkpoint to a model.
type plan struct {
	config  model.Config
	find    func(d graph.Declared) binding // the tensors of a parameter
	ignored func(name string) bool         // reports tensors that are not parameters; nil for none
	found   []string
	assumed []string
	idle    []string // flags of hints that the family takes, but this network does not
}

// binding lists the tensors that a parameter is computed from, and their shapes. If make is nil
// there is one tensor, whose numbers are the parameter's, in the same order.
type binding struct {
	from   []string
	shapes [][]int
	make   func(in []*gotensor.Dense) (*gotensor.Dense, error)
}

// renamed binds a parameter to the tensor of that name, whose shape may have additional axes of
// length 1.
func renamed(name string, shape ...int) binding {
	return binding{from: []string{name}, shapes: [][]int{shape}}
}

// source returns the numbers of params in v. The error lists all differences.
func (p *plan) source(params []graph.Declared, v *view) (*source, error) {
	s := &source{view: v, params: map[string]graph.Declared{}, bindings: map[string]binding{}}
	expected := map[string][]int{}
	for _, d := range params {
		b := p.find(d)
		s.params[d.Name], s.bindings[d.Name] = d, b
		for i, name := range b.from {
			expected[name] = b.shapes[i]
		}
	}
	found := map[string]*lazytensor.Tensor{}
	for name, t := range v.tensors {
		if p.ignored == nil || !p.ignored(name) {
			found[name] = t
		}
	}
	return s, compare(v.root, expected, found)
}

// source provides a network's parameters from a checkpoint, read on demand.
type source struct {
	view     *view
	params   map[string]graph.Declared
	bindings map[string]binding
	err      error
}

// Len implements graph.Source.
func (s *source) Len(name string) int {
	if d, ok := s.params[name]; ok {
		return tensor.Size(d.Shape)
	}
	return -1
}

// Numbers implements graph.Source. Errors are reported by Err.
func (s *source) Numbers(name string) quant.Numbers {
	numbers, err := s.read(name)
	if err != nil {
		if s.err == nil {
			s.err = err
		}
		numbers = make([]float32, s.Len(name))
	}
	return quant.Numbers{Float: numbers}
}

// Err returns the first read error. The results of Numbers are invalid after an error.
func (s *source) Err() error { return s.err }

// read returns a parameter's numbers, which are all finite.
func (s *source) read(name string) ([]float32, error) {
	p, size := s.bindings[name], s.Len(name)
	var in []*gotensor.Dense
	for i, from := range p.from {
		numbers, err := s.finite(from)
		if err != nil {
			return nil, err
		}
		if p.make == nil {
			return numbers, nil
		}
		in = append(in, gotensor.New(gotensor.WithShape(p.shapes[i]...), gotensor.WithBacking(numbers)))
	}
	made, err := p.make(in)
	if err != nil {
		return nil, fmt.Errorf("importer: parameter %q of %q: %w", name, p.from, err)
	}
	t, err := gorgonia.ToTensor(made)
	if err != nil {
		return nil, fmt.Errorf("importer: parameter %q of %q: %w", name, p.from, err)
	}
	if len(t.Data) != size {
		return nil, fmt.Errorf("importer: parameter %q of %q has %d numbers instead of %d", name, p.from, len(t.Data), size)
	}
	return t.Data, nil
}

// finite reads a tensor of the checkpoint as float32 and refuses NaN and infinities.
func (s *source) finite(name string) ([]float32, error) {
	t := s.view.tensors[name]
	switch t.DType {
	case "F32", "F16", "BF16", "F64", "F8_E4M3", "F8_E5M2":
	default:
		return nil, fmt.Errorf("importer: tensor %q must contain floating-point numbers (got %s)", t.Name, t.DType)
	}
	numbers, err := t.Float32()
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	for i, v := range numbers {
		if v-v != 0 {
			return nil, fmt.Errorf("importer: tensor %q: number %d must be a finite number (got %g)", t.Name, i, v)
		}
	}
	return numbers, nil
}

// transposed returns the transpose of a matrix.
func transposed(in []*gotensor.Dense) (*gotensor.Dense, error) { return in[0], in[0].T() }

// qkvRows returns a function that selects one of three groups of rows: those with index which
// on the middle axis, if rows are counted as [outer, 3, inner].
func qkvRows(outer, which int) func(in []*gotensor.Dense) (*gotensor.Dense, error) {
	return func(in []*gotensor.Dense) (*gotensor.Dense, error) {
		d := in[0]
		rest := d.DataSize() / (3 * outer)
		if err := d.Reshape(outer, 3, rest); err != nil {
			return nil, err
		}
		taken, err := d.Slice(nil, gotensor.S(which), nil)
		if err != nil {
			return nil, err
		}
		return taken.(*gotensor.Dense), nil
	}
}
