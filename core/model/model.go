package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tweedie/core/graph"
	"tweedie/core/minijson"
	"tweedie/core/quant"
	"tweedie/core/unet"
	"tweedie/weights"
)

// Model is a network with its parameters and its process. It is read-only.
type Model struct {
	name    string
	config  *Config
	network *unet.Network
	source  graph.Source
}

// New returns a model with the parameters of src, which it keeps: a *graph.Params, or a source
// that reads a file on demand and reports failures by a method Err() error. The error wraps
// ErrConfig, or names what src lacks.
func New(name string, c *Config, src graph.Source) (*Model, error) {
	if c == nil || src == nil {
		return nil, fmt.Errorf("model: %w: the configuration and the parameters must not be nil", ErrConfig)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	net, err := c.Build()
	if err != nil {
		return nil, err
	}
	if err := net.Program.Check(src); err != nil {
		return nil, err
	}
	return &Model{name: name, config: c, network: net, source: src}, nil
}

// Open returns the model of a file. The error names a tensor that is missing, unexpected or of
// another shape than the configuration needs; no memory of the network's size is allocated
// before that check.
func Open(f *weights.File) (*Model, error) {
	if f == nil {
		return nil, errors.New("model: the file must not be nil")
	}
	m, err := Outline(f.Manifest)
	if err != nil {
		return nil, err
	}
	if err := check(m.network.Program, f); err != nil {
		return nil, err
	}
	m.source = source{f}
	return m, nil
}

// Outline returns the model of a manifest alone: its configuration and its network, without
// weights. Params, Tensors and NewRunner must not be called on it.
func Outline(m *weights.Manifest) (*Model, error) {
	if m == nil {
		return nil, errors.New("model: the manifest must not be nil")
	}
	c, err := ParseConfig(m.Config)
	if err != nil {
		return nil, err
	}
	net, err := c.Build()
	if err != nil {
		return nil, err
	}
	return &Model{name: m.Name, config: c, network: net}, nil
}

// source provides a network's parameters from a model file.
type source struct{ file *weights.File }

// Len implements graph.Source.
func (s source) Len(name string) int {
	if t := s.file.Tensor(name); t != nil {
		return t.Len()
	}
	return -1
}

// Numbers implements graph.Source.
func (s source) Numbers(name string) quant.Numbers { return numbersOf(s.file.Tensor(name)) }

// numbersOf returns the numbers of a verified tensor: int8 codes as they are, everything else
// as float32.
func numbersOf(t *weights.Tensor) quant.Numbers {
	if t.DType == weights.I8 {
		return quant.Numbers{Codes: t.Codes(), Scales: t.Scale}
	}
	w, err := t.Float32()
	if err != nil {
		panic(err) // a File's tensors are verified
	}
	return quant.Numbers{Float: w}
}

// check compares a file's tensors with the parameters of a network.
func check(p *graph.Program, f *weights.File) error {
	known := map[string]bool{}
	for _, d := range p.Params {
		known[d.Name] = true
		t := f.Tensor(d.Name)
		if t == nil {
			return fmt.Errorf("model: tensor %q of shape %v is missing", d.Name, d.Shape)
		}
		if !slices.Equal(t.Shape, d.Shape) {
			return fmt.Errorf("model: tensor %q must have shape %v (got %v)", d.Name, d.Shape, t.Shape)
		}
	}
	for _, t := range f.Tensors() {
		if !known[t.Name] {
			return fmt.Errorf("model: tensor %q is not part of the network", t.Name)
		}
	}
	return nil
}

// Each calls do with every parameter and its numbers as float32, in the order of names, so that
// only one need be in memory at a time. The error is do's, or a read error.
func (m *Model) Each(do func(d graph.Declared, w []float32) error) error {
	for _, d := range m.Declared() {
		w := m.source.Numbers(d.Name).Float32()
		if err := m.Err(); err != nil {
			return err
		}
		if err := do(d, w); err != nil {
			return err
		}
	}
	return nil
}

// Numbers returns the numbers of a parameter as they are stored. Read errors are reported by
// Err.
func (m *Model) Numbers(name string) quant.Numbers { return m.source.Numbers(name) }

// Declared returns the parameters in the order of names.
func (m *Model) Declared() []graph.Declared {
	params := slices.Clone(m.network.Program.Params)
	slices.SortFunc(params, func(a, b graph.Declared) int { return strings.Compare(a.Name, b.Name) })
	return params
}

// Err returns the first read error. The numbers that were read are invalid after an error.
func (m *Model) Err() error {
	if f, ok := m.source.(interface{ Err() error }); ok {
		return f.Err()
	}
	return nil
}

// Tensors returns the model's weights in the given storage, for weights.Write.
func (m *Model) Tensors(as weights.Storage) ([]weights.Tensor, error) {
	var out []weights.Tensor
	err := m.Each(func(d graph.Declared, w []float32) error {
		t, err := weights.Quantize(d.Name, d.Shape, w, as)
		out = append(out, t)
		return err
	})
	return out, err
}

// Manifest returns a manifest of the model for weights.Create: name, configuration and card.
func (m *Model) Manifest(card minijson.RawMessage) (*weights.Manifest, error) {
	config, err := minijson.Marshal(m.config)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return &weights.Manifest{Name: m.name, Config: config, Card: card}, nil
}

// With returns the model with another name and another configuration of the same network.
func (m *Model) With(name string, c *Config) (*Model, error) { return New(name, c, m.source) }

// Sized returns the model for images of another size, with the same weights. The error wraps
// ErrConfig where the network does not allow it: the sides must be multiples of what its
// levels halve, and a stored program or a classifier has one size.
func (m *Model) Sized(size unet.Size) (*Model, error) {
	if m.config.Shape[1] == size.H && m.config.Shape[2] == size.W {
		return m, nil
	}
	c, err := m.config.Sized(size)
	if err != nil {
		return nil, err
	}
	return m.With(m.name, c)
}

// Sized returns the configuration for images of another size; see Model.Sized.
func (from *Config) Sized(size unet.Size) (*Config, error) {
	c := *from
	switch {
	case c.Arch == UNet2D:
		u := *c.UNet
		u.SampleSize, c.UNet = size, &u
	case c.Arch == NCSN:
		n := *c.NCSN
		n.ImageSize, c.NCSN = size, &n
	default:
		return nil, fmt.Errorf("model: %w: the size of images must be %v: a network of arch %q has one size (got %v)", ErrConfig, unet.Size{H: c.Shape[1], W: c.Shape[2]}, c.Arch, size)
	}
	c.Shape[1], c.Shape[2] = size.H, size.W
	return &c, c.Validate()
}

// Name returns the model's name.
func (m *Model) Name() string { return m.name }

// Config returns the model's configuration. Do not modify what it refers to.
func (m *Model) Config() Config { return *m.config }

// Params returns the model's weights as float32. Do not modify them. For a model of a file they
// are converted anew at every call; read errors are reported by Err.
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

// Parameters returns the number of weights in the model.
func (m *Model) Parameters() int { return int(m.Cost().Params) }

// Cost returns the cost of one evaluation of the network on one image.
func (m *Model) Cost() graph.Cost { return graph.CostOf(m.network.Program) }

// Network returns the model's program.
func (m *Model) Network() *unet.Network { return m.network }
