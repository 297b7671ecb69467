// Package infer samples: it makes a plan of a graph.Program once, with packed
// weights and one arena, and then evaluates it without allocating.
package infer

import (
	"tweedie/core/graph"
	"tweedie/core/quant"
)

// Weights are a program's operations, bound and loaded. They are read-only and
// serve any number of plans, one a goroutine.
type Weights struct {
	program *graph.Program
	out     graph.Value
	batch   int
	runners []graph.Runner
	offsets []int // where a value lies in a plan's arena; −1 for inputs and parameters
	arena   int
	scratch int
}

// Load binds p, whose output is out, to the numbers of src, for up to batch samples
// at a time. The error says what p or src lacks. Numbers that are not packed stay
// shared with src.
func Load(p *graph.Program, out graph.Value, src graph.Source, batch int, o Options) (*Weights, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := p.Check(src); err != nil {
		return nil, err
	}
	names := map[graph.Value]string{}
	for _, d := range p.Params {
		names[d.Value] = d.Name
	}
	w := &Weights{program: p, out: out, batch: batch}
	for _, n := range p.Nodes {
		r := p.Bind(n, batch, o.Arithmetic())
		var loaded []quant.Numbers
		for _, v := range n.Params {
			numbers, _ := src.Numbers(names[v])
			if !o.Compact {
				numbers = quant.Numbers{Float: numbers.Float32()}
			}
			loaded = append(loaded, numbers)
		}
		r.Load(loaded)
		w.runners = append(w.runners, r)
		w.scratch = max(w.scratch, r.Scratch())
	}
	w.offsets, w.arena = layout(p, out, batch)
	return w, nil
}

// Plan evaluates a network. It belongs to one goroutine.
type Plan struct {
	w       *Weights
	arena   []float32
	scratch []float32
	values  [][]float32
	in      [][]float32
	ran     func(graph.Node) // nil means that nobody asks
}

// NewPlan returns a plan with an arena of its own.
func (w *Weights) NewPlan() *Plan {
	p := &Plan{w: w, arena: make([]float32, w.arena), scratch: make([]float32, w.scratch)}
	p.values = make([][]float32, w.program.Values())
	most := 0
	for _, n := range w.program.Nodes {
		at := w.offsets[n.Out]
		p.values[n.Out] = p.arena[at : at+w.batch*w.program.Size(n.Out)]
		most = max(most, len(n.In))
	}
	p.in = make([][]float32, most)
	return p
}

// Batch returns the most samples that Run takes.
func (p *Plan) Batch() int { return p.w.batch }

// Bytes returns the memory of the plan's arena and scratch.
func (p *Plan) Bytes() int { return 4 * (len(p.arena) + len(p.scratch)) }

// Observe makes every later Run call ran after each operation, to be timed say.
// nil ends it.
func (p *Plan) Observe(ran func(graph.Node)) { p.ran = ran }

// Run evaluates n samples and writes the output to y. inputs are in the
// program's order of declaration. It allocates nothing. It panics if n exceeds
// the batch or a length does not fit.
func (p *Plan) Run(y []float32, n int, inputs ...[]float32) {
	if n > p.w.batch || len(inputs) != len(p.w.program.Inputs) {
		panic("infer: Run: wrong number of samples or inputs")
	}
	for i, d := range p.w.program.Inputs {
		p.values[d.Value] = inputs[i][:n*p.w.program.Size(d.Value)]
	}
	for i, node := range p.w.program.Nodes {
		for j, v := range node.In {
			p.in[j] = p.values[v]
		}
		p.w.runners[i].Run(p.values[node.Out], p.in[:len(node.In)], n, p.scratch)
		if p.ran != nil {
			p.ran(node)
		}
	}
	copy(y, p.values[p.w.out][:n*p.w.program.Size(p.w.out)])
}
