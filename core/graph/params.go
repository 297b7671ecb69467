package graph

import (
	"fmt"

	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// Params holds the parameters of a network in one slice, in the order of their
// declaration.
type Params struct {
	Flat    []float32
	Specs   []Declared
	offsets []int
	index   map[string]int
}

// NewParams returns zeros for every parameter of p.
func NewParams(p *Program) *Params {
	out := &Params{Specs: p.Params, index: map[string]int{}}
	n := 0
	for i, d := range p.Params {
		out.offsets = append(out.offsets, n)
		out.index[d.Name] = i
		n += tensor.Size(d.Shape)
	}
	out.offsets = append(out.offsets, n)
	out.Flat = make([]float32, n)
	return out
}

// Slice returns parameter i, a part of Flat.
func (p *Params) Slice(i int) []float32 { return p.Flat[p.offsets[i]:p.offsets[i+1]:p.offsets[i+1]] }

// WithNumbers returns a copy of p that uses flat, which must have the length of p.Flat.
func (p *Params) WithNumbers(flat []float32) *Params {
	if len(flat) != len(p.Flat) {
		panic("graph: Params.WithNumbers: wrong length")
	}
	q := *p
	q.Flat = flat
	return &q
}

// Named returns the parameter with a name, or nil if there is none.
func (p *Params) Named(name string) []float32 {
	i, ok := p.index[name]
	if !ok {
		return nil
	}
	return p.Slice(i)
}

// ByValue returns a function from a program's parameters to their numbers. The error
// is one of Check.
func (p *Params) ByValue(prog *Program) (func(Value) []float32, error) {
	if err := prog.Check(p); err != nil {
		return nil, err
	}
	table := map[Value][]float32{}
	for _, d := range prog.Params {
		table[d.Value] = p.Named(d.Name)
	}
	return func(v Value) []float32 { return table[v] }, nil
}

// Source provides the parameters of a network by name. *Params implements it.
type Source interface {
	// Len returns the size of the parameter with a name, or −1 if there is none.
	Len(name string) int
	// Numbers returns an existing parameter.
	Numbers(name string) quant.Numbers
}

// Len implements Source.
func (p *Params) Len(name string) int {
	if w := p.Named(name); w != nil {
		return len(w)
	}
	return -1
}

// Numbers implements Source.
func (p *Params) Numbers(name string) quant.Numbers { return quant.Numbers{Float: p.Named(name)} }

// Check returns an error if src lacks a parameter of p, or has it with another size.
func (p *Program) Check(src Source) error {
	for _, d := range p.Params {
		n := src.Len(d.Name)
		if n < 0 {
			return fmt.Errorf("graph: parameter %q is missing", d.Name)
		}
		if n != tensor.Size(d.Shape) {
			return fmt.Errorf("graph: parameter %q must have shape %v (got %d numbers)", d.Name, d.Shape, n)
		}
	}
	return nil
}
