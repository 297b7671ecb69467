// Package infer samples: it makes a plan of a graph.Program once, with packed
// weights and one arena, and then evaluates it without allocating. Members of a
// TensorParallel evaluate one program together.
package infer

import "tweedie/core/graph"

// Weights are a program's operations, bound and loaded. They are read-only and
// serve any number of plans, one a goroutine; those of a team's member serve one.
type Weights struct {
	program *graph.Program
	team    TensorParallel // nil: none
	batch   int
	steps   []step
	sizes   []int // of one sample of a slot; a program's inputs come first
	offsets []int // where a slot lies in a plan's arena; −1 for inputs
	out     int
	arena   int
	scratch int
}

// Load binds p, whose output is out, to the numbers of src, for up to batch samples
// at a time. The error says what p or src lacks. Numbers that are not packed stay
// shared with src.
//
// For a member of o.TensorParallel it binds that member's channels of the operations that are
// worth sharing, and all of the others; no bit of the output depends on it.
func Load(p *graph.Program, out graph.Value, src graph.Source, batch int, o Options) (*Weights, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := p.Check(src); err != nil {
		return nil, err
	}
	c := newCompiler(p, src, batch, o)
	for i := range p.Nodes {
		c.node(&p.Nodes[i])
	}
	w := &Weights{program: p, team: o.TensorParallel, batch: batch, out: c.wholeOf(out), steps: c.steps, sizes: c.sizes}
	for _, s := range w.steps {
		w.scratch = max(w.scratch, s.run.Scratch())
	}
	w.offsets, w.arena = layout(w.steps, w.sizes, w.out, batch)
	return w, nil
}

// Plan evaluates a network. It belongs to one goroutine.
type Plan struct {
	w       *Weights
	arena   []float32
	scratch []float32
	slots   [][]float32
	in      [][]float32
	ran     func(graph.Node) // nil means that nobody asks
	told    []float32        // of a team: see told
	leads   []int            // starts of told, all of which is the leader's
}

// NewPlan returns a plan with an arena of its own.
func (w *Weights) NewPlan() *Plan {
	p := &Plan{w: w, arena: make([]float32, w.arena), scratch: make([]float32, w.scratch), slots: make([][]float32, len(w.sizes))}
	most := 0
	for _, s := range w.steps {
		at := w.offsets[s.out]
		p.slots[s.out] = p.arena[at : at+w.batch*w.sizes[s.out]]
		most = max(most, len(s.in))
	}
	p.in = make([][]float32, most)
	if w.team != nil {
		p.told = make([]float32, told(w.program, w.batch))
		p.leads = make([]int, w.team.Size()+1)
		for i := range w.team.Size() {
			p.leads[i+1] = len(p.told)
		}
	}
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
// the batch or a length does not fit. In a team only the leader calls it, while
// the others Follow.
func (p *Plan) Run(y []float32, n int, inputs ...[]float32) {
	if n > p.w.batch || len(inputs) != len(p.w.program.Inputs) {
		panic("infer: Run: wrong number of samples or inputs")
	}
	for i := range inputs {
		p.slots[i] = inputs[i][:n*p.w.sizes[i]]
	}
	if p.w.team != nil {
		p.tell(n)
	}
	p.run(n)
	copy(y, p.slots[p.w.out][:n*p.w.sizes[p.w.out]])
}

// tell gives the others the n samples in the inputs' slots.
func (p *Plan) tell(n int) {
	p.told[0] = float32(n)
	at := 1
	for i := range p.w.program.Inputs {
		copy(p.told[at:], p.slots[i][:n*p.w.sizes[i]])
		at += p.w.batch * p.w.sizes[i]
	}
	p.w.team.AllGather(p.told, p.told, 1, p.leads)
}

// Follow evaluates what the leader runs, until it dismisses its team.
func (p *Plan) Follow() {
	at := 1
	for i := range p.w.program.Inputs {
		size := p.w.batch * p.w.sizes[i]
		p.slots[i] = p.told[at : at+size]
		at += size
	}
	for {
		p.w.team.AllGather(p.told, nil, 1, p.leads)
		n := int(p.told[0])
		if n == 0 {
			return
		}
		p.run(n)
	}
}

// Dismiss ends the others' Follow. Only a leader calls it.
func (p *Plan) Dismiss() { p.tell(0) }

func (p *Plan) run(n int) {
	for _, s := range p.w.steps {
		for j, v := range s.in {
			p.in[j] = p.slots[v]
		}
		s.run.Run(p.slots[s.out], p.in[:len(s.in)], n, p.scratch)
		if p.ran != nil && s.node != nil {
			p.ran(*s.node)
		}
	}
}
