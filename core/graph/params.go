package graph

import (
	"fmt"

	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// Params holds a network's weights in one run of numbers, in the order in which
// the network declares them.
type Params struct {
	Flat  []float32
	Specs []Declared
	at    []int
	index map[string]int
}

// NewParams returns zeros for every parameter of p.
func NewParams(p *Program) *Params {
	out := &Params{Specs: p.Params, index: map[string]int{}}
	n := 0
	for i, d := range p.Params {
		out.at = append(out.at, n)
		out.index[d.Name] = i
		n += tensor.Size(d.Shape)
	}
	out.at = append(out.at, n)
	out.Flat = make([]float32, n)
	return out
}

// Slice returns the numbers of parameter i, shared with Flat.
func (p *Params) Slice(i int) []float32 { return p.Flat[p.at[i]:p.at[i+1]:p.at[i+1]] }

// Like returns p's parameters over other numbers, as many as p.Flat holds.
func (p *Params) Like(flat []float32) *Params {
	if len(flat) != len(p.Flat) {
		panic("graph: Like: wrong number of numbers")
	}
	q := *p
	q.Flat = flat
	return &q
}

// Named returns the numbers of the parameter of that name, nil if there is none.
func (p *Params) Named(name string) []float32 {
	i, ok := p.index[name]
	if !ok {
		return nil
	}
	return p.Slice(i)
}

// ByValue returns a function from a program's parameter to its numbers. The error
// is Check's.
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

// Source has a network's numbers by name. *Params is one.
type Source interface {
	// Len returns how many numbers the parameter of that name has, −1 if there is
	// none.
	Len(name string) int
	// Numbers returns the numbers of a parameter that there is.
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

// Check reports a parameter of p that src lacks, or has in another size.
func (p *Program) Check(src Source) error {
	for _, d := range p.Params {
		n := src.Len(d.Name)
		if n < 0 {
			return fmt.Errorf("graph: parameter %q is missing", d.Name)
		}
		if n != tensor.Size(d.Shape) {
			return fmt.Errorf("graph: parameter %q holds %d numbers, need %v", d.Name, n, d.Shape)
		}
	}
	return nil
}
