package model

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/json"
	"tweedie/core/quant"
	"tweedie/core/unet"
	"tweedie/weights"
)

// Model is a network with its numbers and its process. It is read-only.
type Model struct {
	name    string
	config  *Config
	network *unet.Network
	source  graph.Source
}

// New returns a model over params, which it keeps. The error wraps ErrConfig, or
// says what params lacks.
func New(name string, c *Config, params *graph.Params) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	net, err := c.Build()
	if err != nil {
		return nil, err
	}
	if err := net.Program.Check(params); err != nil {
		return nil, err
	}
	return &Model{name: name, config: c, network: net, source: params}, nil
}

// Open makes a model of a file's tensors. The error names every tensor that is
// missing or has another shape than the configuration asks for; nothing of the
// network's size is allocated before all are there.
func Open(f *weights.File) (*Model, error) {
	c, err := ParseConfig(f.Manifest.Config)
	if err != nil {
		return nil, err
	}
	net, err := c.Build()
	if err != nil {
		return nil, err
	}
	if err := check(net.Program, f); err != nil {
		return nil, err
	}
	return &Model{name: f.Manifest.Name, config: c, network: net, source: source{f}}, nil
}

// source is a model file as a network sees it.
type source struct{ file *weights.File }

// Len implements graph.Source.
func (s source) Len(name string) int {
	if t := s.file.Tensor(name); t != nil {
		return t.Len()
	}
	return -1
}

// Numbers implements graph.Source. Codes stay as they are; what else there is becomes
// float32.
func (s source) Numbers(name string) quant.Numbers {
	t := s.file.Tensor(name)
	if t.DType == weights.I8 {
		return quant.Numbers{Codes: t.Codes(), Scales: t.Scale}
	}
	w, err := t.Float32()
	if err != nil {
		panic(err) // a File's tensors are verified
	}
	return quant.Numbers{Float: w}
}

// check compares a file's tensors with what a network declares.
func check(p *graph.Program, f *weights.File) error {
	known := map[string]bool{}
	for _, d := range p.Params {
		known[d.Name] = true
		t := f.Tensor(d.Name)
		if t == nil {
			return fmt.Errorf("model: tensor %q is missing, need shape %v", d.Name, d.Shape)
		}
		if !slices.Equal(t.Shape, d.Shape) {
			return fmt.Errorf("model: tensor %q has shape %v, need %v", d.Name, t.Shape, d.Shape)
		}
	}
	for _, t := range f.Tensors() {
		if !known[t.Name] {
			return fmt.Errorf("model: tensor %q is not part of the network", t.Name)
		}
	}
	return nil
}

// Tensors returns the model's weights as they are to be stored, for weights.Write.
func (m *Model) Tensors(as weights.Storage) ([]weights.Tensor, error) {
	params := m.Params()
	var out []weights.Tensor
	for i, d := range m.network.Program.Params {
		t, err := weights.Quantise(d.Name, d.Shape, params.Slice(i), as)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// Manifest returns the start of the model's manifest: name, configuration and card.
func (m *Model) Manifest(card json.RawMessage) (*weights.Manifest, error) {
	config, err := json.Marshal(m.config)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return &weights.Manifest{Name: m.name, Config: config, Card: card}, nil
}

// Name returns the model's name.
func (m *Model) Name() string { return m.name }

// Config returns the model's configuration, which is not to be changed.
func (m *Model) Config() Config { return *m.config }

// Params returns the model's weights as float32, which are not to be changed. Those
// of a file are made anew at every call.
func (m *Model) Params() *graph.Params {
	if p, ok := m.source.(*graph.Params); ok {
		return p
	}
	params := graph.NewParams(m.network.Program)
	for i, d := range params.Specs {
		copy(params.Slice(i), m.source.Numbers(d.Name).Float32())
	}
	return params
}

// Parameters returns how many weights the model has.
func (m *Model) Parameters() int { return int(graph.CostOf(m.network.Program).Params) }

// Network returns the model's program.
func (m *Model) Network() *unet.Network { return m.network }
