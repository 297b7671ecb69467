package infer

import "tweedie/core/graph"

// TensorParallel is one member's view of those that evaluate one network together, each
// its own channels of what is large. They run the same plan in step: every
// member calls AllGather as often, with the same rows and starts.
type TensorParallel interface {
	// Rank returns the member's number; 0 leads.
	Rank() int
	// Size returns how many members there are.
	Size() int
	// AllGather gives this member's numbers, own, to the others and takes theirs:
	// member i's are rows·starts[i] to rows·starts[i+1] of all. The member's own
	// place in all is left as it is. It panics if the team has broken up, which
	// leaves the plan ready for another run.
	AllGather(all, own []float32, rows int, starts []int)
}

// Traffic returns the most numbers that a team exchanges at once in evaluating p
// on up to batch samples; 0 if two members would have nothing to share.
func Traffic(p *graph.Program, batch int) int {
	most, shared := told(p, batch), false
	for i := range p.Nodes {
		n := &p.Nodes[i]
		most = max(most, batch*p.Size(n.Out))
		s := starts(p, n.Out, 2)
		if s == nil {
			continue
		}
		_, need := graph.Partition(n.Op, p.Shapes(n.In), p.Shape(n.Out), s, 0)
		if need == graph.Positions {
			s = positions(p.Shape(n.Out), 2)
		}
		shared = shared || (need == graph.Rows || need == graph.Positions) && worth(p, n, s, priceOf(nil))
	}
	if !shared {
		return 0
	}
	return most
}

// told returns the numbers by which a leader tells the others what to evaluate:
// how many samples, then every input for a whole batch.
func told(p *graph.Program, batch int) int {
	n := 1
	for _, d := range p.Inputs {
		n += batch * p.Size(d.Value)
	}
	return n
}
