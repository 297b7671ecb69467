package autodiff

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
)

// Gradient adds to p the operations of ∂⟨seed,out⟩/∂x for an input x, and returns that
// value, of x's shape: reverse-mode differentiation written down once as a part of the
// program, in place of a tape that works it out at every run. A plan then evaluates it
// as it does a network, and a page links the adjoints of what it differentiates, and no
// derivative by a parameter. seed has out's shape and may depend on x: it is taken as it
// is.
//
// It knows the operations of a classifier (unet.BuildClassifier). The error names another
// one on the way from x to out, or says that there is none.
func Gradient(p *graph.Program, out, seed, x graph.Value) (graph.Value, error) {
	if err := p.Err(); err != nil {
		return 0, err
	}
	nodes := slices.Clone(p.Nodes)
	active := map[graph.Value]bool{x: true} // what depends on x
	for _, n := range nodes {
		active[n.Out] = slices.ContainsFunc(n.In, func(v graph.Value) bool { return active[v] })
	}
	if !active[out] {
		return 0, fmt.Errorf("autodiff: gradient of value %d by value %d, on which it does not depend", out, x)
	}
	deltas := map[graph.Value]graph.Value{out: seed} // ∂⟨seed,out⟩/∂value, as far as it is known
	for _, n := range slices.Backward(nodes) {
		dy, ok := deltas[n.Out]
		if !ok || !active[n.Out] {
			continue
		}
		for i, v := range n.In {
			if !active[v] {
				continue
			}
			op, in := adjointOf(p, n, i, dy)
			if op == nil && in == nil {
				return 0, fmt.Errorf("autodiff: operation %T has no gradient here", n.Op)
			}
			d := dy
			if op != nil {
				d = p.Apply(op, in...)
			}
			if before, ok := deltas[v]; ok {
				d = p.Apply(graph.Add{}, before, d)
			}
			deltas[v] = d
		}
	}
	return deltas[x], p.Err()
}

// adjointOf returns the operation, with its inputs, that makes ∂/∂(input i) of n's
// ∂/∂output dy: none where that is dy itself, and no inputs where there is none here.
func adjointOf(p *graph.Program, n graph.Node, i int, dy graph.Value) (graph.Op, []graph.Value) {
	shape := p.Shape(n.In[i])
	only := []graph.Value{dy}
	switch op := n.Op.(type) {
	case graph.Conv:
		return graph.ConvAdjoint{Of: op, H: shape[0], W: shape[1]}, []graph.Value{dy, n.Params[0]}
	case graph.Linear:
		return graph.LinearAdjoint{}, []graph.Value{dy, n.Params[0]}
	case graph.GroupNorm:
		return graph.NormAdjoint{Of: op}, []graph.Value{dy, n.In[0], n.Params[0], n.Params[1]}
	case graph.SiLU:
		return graph.SiLUAdjoint{}, []graph.Value{dy, n.In[0]}
	case graph.Affine:
		return graph.Affine{Scale: op.Scale}, only
	case graph.AveragePool:
		return graph.PoolAdjoint{Of: op, H: shape[0], W: shape[1]}, only
	case graph.SpaceToDepth:
		return graph.DepthToSpace{}, only
	case graph.DepthToSpace:
		return graph.SpaceToDepth{}, only
	case graph.Add:
		return nil, only
	case graph.AddChannels:
		if i == 0 {
			return nil, only
		}
	}
	return nil, nil
}
