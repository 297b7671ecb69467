// Package infer evaluates networks. It compiles a graph.Program to a plan once, with
// packed weights and a single arena, and then evaluates it without allocating. Members
// of a TensorParallel group evaluate a program together.
package infer

import "tweedie/core/graph"

// Weights are the operations of a program with their parameters loaded. They are read
// only, and any number of plans can use them, one in each goroutine; the weights of a
// group's member serve one plan.
type Weights struct {
	program *graph.Program
	group   TensorParallel // nil without tensor parallelism
	batch   int
	steps   []step
	sizes   []int // of one sample of each slot; the first slots are the program's inputs
	offsets []int // of each slot in a plan's arena; −1 for inputs
	out     int
	arena   int
	scratch int
}

// Load binds p, whose output is out, to the parameters in src, for up to batch samples
// at a time. The error names what is wrong with p or missing in src. Parameters that
// are not packed stay shared with src.
//
// For a member of a TensorParallel group it binds only that member's channels of the
// operations that are worth dividing, and all other operations. The bits of the output
// do not depend on the group.
func Load(p *graph.Program, out graph.Value, src graph.Source, batch int, o Options) (*Weights, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := p.Check(src); err != nil {
		return nil, err
	}
	c := newCompiler(p, src, batch, o)
	for i := range p.Nodes {
		c.addNode(&p.Nodes[i])
	}
	w := &Weights{program: p, group: o.TensorParallel, batch: batch, out: c.fullSlot(out), steps: c.steps, sizes: c.sizes}
	for _, s := range w.steps {
		w.scratch = max(w.scratch, s.run.Scratch())
	}
	w.offsets, w.arena = layout(w.steps, w.sizes, w.out, batch)
	return w, nil
}

// Plan evaluates a network. It must not be used by two goroutines at once.
type Plan struct {
	w             *Weights
	arena         []float32
	scratch       []float32
	slots         [][]float32
	in            [][]float32
	observer      func(graph.Node) // see Observe; may be nil
	message       []float32        // broadcast by the leader of a group: see messageSize
	messageStarts []int            // starts for AllGather: the leader has the whole message
}

// NewPlan returns a plan with a new arena.
func (w *Weights) NewPlan() *Plan {
	p := &Plan{w: w, arena: make([]float32, w.arena), scratch: make([]float32, w.scratch), slots: make([][]float32, len(w.sizes))}
	maxInputs := 0
	for _, s := range w.steps {
		at := w.offsets[s.out]
		p.slots[s.out] = p.arena[at : at+w.batch*w.sizes[s.out]]
		maxInputs = max(maxInputs, len(s.in))
	}
	p.in = make([][]float32, maxInputs)
	if w.group != nil {
		p.message = make([]float32, messageSize(w.program, w.batch))
		p.messageStarts = make([]int, w.group.Size()+1)
		for i := range w.group.Size() {
			p.messageStarts[i+1] = len(p.message)
		}
	}
	return p
}

// Batch returns the largest number of samples that Run accepts.
func (p *Plan) Batch() int { return p.w.batch }

// Bytes returns the memory of the plan's arena and scratch.
func (p *Plan) Bytes() int { return 4 * (len(p.arena) + len(p.scratch)) }

// Observe makes every later Run call ran after each operation, for example to time it.
// nil turns this off.
func (p *Plan) Observe(ran func(graph.Node)) { p.observer = ran }

// Run evaluates n samples and writes the output to y. inputs are in the order of their
// declaration in the program. It does not allocate. It panics if n exceeds the batch or
// a length is wrong. In a group only the leader calls it, while the others Follow.
func (p *Plan) Run(y []float32, n int, inputs ...[]float32) {
	if n > p.w.batch || len(inputs) != len(p.w.program.Inputs) {
		panic("infer: Run: wrong number of samples or inputs")
	}
	for i := range inputs {
		p.slots[i] = inputs[i][:n*p.w.sizes[i]]
	}
	if p.w.group != nil {
		p.broadcast(n)
	}
	p.run(n)
	copy(y, p.slots[p.w.out][:n*p.w.sizes[p.w.out]])
}

// broadcast sends the n samples in the input slots to the other members.
func (p *Plan) broadcast(n int) {
	p.message[0] = float32(n)
	at := 1
	for i := range p.w.program.Inputs {
		copy(p.message[at:], p.slots[i][:n*p.w.sizes[i]])
		at += p.w.batch * p.w.sizes[i]
	}
	p.w.group.AllGather(p.message, p.message, 1, p.messageStarts)
}

// Follow evaluates whatever the leader runs, until the leader calls Dismiss.
func (p *Plan) Follow() {
	at := 1
	for i := range p.w.program.Inputs {
		size := p.w.batch * p.w.sizes[i]
		p.slots[i] = p.message[at : at+size]
		at += size
	}
	for {
		p.w.group.AllGather(p.message, nil, 1, p.messageStarts)
		n := int(p.message[0])
		if n == 0 {
			return
		}
		p.run(n)
	}
}

// Dismiss ends Follow of the other members. Only the leader calls it.
func (p *Plan) Dismiss() { p.broadcast(0) }

func (p *Plan) run(n int) {
	for _, s := range p.w.steps {
		for j, v := range s.in {
			p.in[j] = p.slots[v]
		}
		s.run.Run(p.slots[s.out], p.in[:len(s.in)], n, p.scratch)
		if p.observer != nil && s.node != nil {
			p.observer(*s.node)
		}
	}
}
