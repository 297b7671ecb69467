package infer

import "tweedie/core/graph"

// TensorParallel is a member of a group that evaluates one network together. Each member
// computes its own channels of large operations. All members run the same plan in step:
// they make the same calls of AllGather, with the same rows and starts.
type TensorParallel interface {
	// Rank returns the number of this member; 0 is the leader.
	Rank() int
	// Size returns the number of members.
	Size() int
	// AllGather sends this member's numbers, own, to the others and receives theirs:
	// those of member i go to all[rows·starts[i]:rows·starts[i+1]]. The member's own
	// range of all is left unchanged. It panics if the group has broken up, which
	// leaves the plan ready for another run.
	AllGather(all, own []float32, rows int, starts []int)
}

// ExchangeSize returns the largest number of float32 values that a group exchanges at
// once when it evaluates p for up to batch samples. It is 0 if there is no operation that
// two members would divide.
func ExchangeSize(p *graph.Program, batch int) int {
	largest, sharded := messageSize(p, batch), false
	for i := range p.Nodes {
		n := &p.Nodes[i]
		largest = max(largest, batch*p.Size(n.Out))
		s := starts(p, n.Out, 2)
		if s == nil {
			continue
		}
		_, need := graph.Partition(n.Op, p.Shapes(n.In), p.Shape(n.Out), s, 0)
		if need == graph.NeedPositions {
			s = positions(p.Shape(n.Out), 2)
		}
		sharded = sharded || (need == graph.NeedRows || need == graph.NeedPositions) && worthSharding(p, n, s, costOf(nil))
	}
	if !sharded {
		return 0
	}
	return largest
}

// messageSize returns the length of the leader's message to the other members: the number
// of samples, then every input for a whole batch.
func messageSize(p *graph.Program, batch int) int {
	n := 1
	for _, d := range p.Inputs {
		n += batch * p.Size(d.Value)
	}
	return n
}
