package autodiff

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
)

// Gradient adds to p the operations that compute ∂⟨seed,out⟩/∂x for an input x, and
// returns that value, which has the shape of x. This is symbolic reverse-mode
// differentiation: the gradient is part of the program, and a plan evaluates it like any
// network. It uses mostly the same operations as networks, so it adds little code to a
// page. seed has the shape of out; it may depend on x, but is treated as a constant.
//
// It supports the operations of a classifier (unet.BuildClassifier). The error names an
// unsupported operation between x and out, or says that out does not depend on x.
func Gradient(p *graph.Program, out, seed, x graph.Value) (graph.Value, error) {
	if err := p.Err(); err != nil {
		return 0, err
	}
	nodes := p.Nodes[:len(p.Nodes):len(p.Nodes)]
	active := map[graph.Value]bool{x: true} // values that depend on x
	for _, n := range nodes {
		active[n.Out] = slices.ContainsFunc(n.In, func(v graph.Value) bool { return active[v] })
	}
	deltas := map[graph.Value]graph.Value{out: seed} // ∂⟨seed,out⟩/∂value, accumulated so far
	for i := len(nodes) - 1; i >= 0; i-- {
		dy, ok := deltas[nodes[i].Out]
		for j, v := range nodes[i].In {
			if !ok || !active[v] {
				continue
			}
			d, err := addAdjoint(p, nodes[i], j, dy)
			if err != nil {
				return 0, err
			}
			if before, ok := deltas[v]; ok {
				d = p.Apply(graph.Add{}, before, d)
			}
			deltas[v] = d
		}
	}
	if dx, ok := deltas[x]; ok {
		return dx, p.Err()
	}
	return 0, fmt.Errorf("autodiff: value %d does not depend on value %d: there is no gradient", out, x)
}

// addAdjoint adds the operations of the derivative with respect to input i of n, given
// the derivative dy with respect to its output.
func addAdjoint(p *graph.Program, n graph.Node, i int, dy graph.Value) (graph.Value, error) {
	x := p.Shape(n.In[i])
	switch op := n.Op.(type) {
	case graph.Conv:
		return convAdjoint(p, op, dy, n.Params[0], x), nil
	case graph.GroupNorm:
		return p.Apply(graph.NormAdjoint{Norm: op}, dy, n.In[0], n.Params[0], n.Params[1]), nil
	case graph.Affine:
		return p.Apply(graph.Affine{Scale: op.Scale}, dy), nil
	case graph.AveragePool:
		return poolAdjoint(p, op, dy, x), nil
	case graph.SpaceToDepth:
		return p.Apply(graph.DepthToSpace{}, dy), nil
	case graph.Add:
		return dy, nil
	case graph.AddChannels:
		if i == 0 {
			return dy, nil
		}
	}
	return 0, fmt.Errorf("autodiff: the gradient of operation %T is not supported", n.Op)
}

// convAdjoint adds the adjoint of a convolution of an image of shape x: a convolution of
// the gradients, spaced Stride apart, with the flipped weights.
func convAdjoint(p *graph.Program, op graph.Conv, dy, w graph.Value, x []int) graph.Value {
	margin := op.Window(x).Span() - 1
	for axis := range 2 {
		n := p.Shape(dy)[axis]
		index := make([]int, x[axis]+op.Before+op.After-margin)
		if len(index) == n {
			continue
		}
		for i := range index {
			if index[i] = i / op.Stride; i%op.Stride != 0 || index[i] >= n {
				index[i] = -1
			}
		}
		dy = p.Apply(graph.Taps{Axis: axis, Count: 1, Index: index}, dy)
	}
	op.Before, op.After, op.Stride, op.Transposed = margin-op.Before, margin-op.After, 1, true
	return p.Apply(op, dy, w)
}

// poolAdjoint adds the adjoint of an average pool of an image of shape x: along each axis
// a pixel receives its share of the gradient of every window that contains it.
func poolAdjoint(p *graph.Program, op graph.AveragePool, dy graph.Value, x []int) graph.Value {
	count := (op.Size + op.Stride - 1) / op.Stride
	for axis := range 2 {
		t := graph.Taps{Axis: axis, Count: count}
		for i := range x[axis] {
			last := (i + op.Before) / op.Stride // last window that starts at or before i
			for k := range count {
				o := last - k
				if o < 0 || o >= p.Shape(dy)[axis] || i+op.Before >= o*op.Stride+op.Size {
					o = -1 // no such window, or it ends before i
				}
				t.Index, t.Weight = append(t.Index, o), append(t.Weight, 1/float32(op.Size))
			}
		}
		dy = p.Apply(t, dy)
	}
	return dy
}
