package autodiff

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
)

// Gradient adds to p the operations of ∂⟨seed,out⟩/∂x for an input x, and returns that
// value, of x's shape: reverse-mode differentiation written down once as a part of the
// program, in place of a tape that works it out at every run. A plan then evaluates it
// as it does a network, by much the same operations: a page that has them for its networks
// hardly grows. seed has out's shape and may depend on x: it is taken as it
// is.
//
// It knows the operations of a classifier (unet.BuildClassifier). The error names another
// one on the way from x to out, or says that there is no way.
func Gradient(p *graph.Program, out, seed, x graph.Value) (graph.Value, error) {
	if err := p.Err(); err != nil {
		return 0, err
	}
	nodes := p.Nodes[:len(p.Nodes):len(p.Nodes)]
	active := map[graph.Value]bool{x: true} // what depends on x
	for _, n := range nodes {
		active[n.Out] = slices.ContainsFunc(n.In, func(v graph.Value) bool { return active[v] })
	}
	deltas := map[graph.Value]graph.Value{out: seed} // ∂⟨seed,out⟩/∂value, as far as it is known
	for i := len(nodes) - 1; i >= 0; i-- {
		dy, ok := deltas[nodes[i].Out]
		for j, v := range nodes[i].In {
			if !ok || !active[v] {
				continue
			}
			d, err := back(p, nodes[i], j, dy)
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
	return 0, fmt.Errorf("autodiff: gradient of value %d by value %d, on which it does not depend", out, x)
}

// back adds the operations of the derivative by input i of n, given that by its
// output.
func back(p *graph.Program, n graph.Node, i int, dy graph.Value) (graph.Value, error) {
	x := p.Shape(n.In[i])
	switch op := n.Op.(type) {
	case graph.Conv:
		return convAdjoint(p, op, dy, n.Params[0], x), nil
	case graph.GroupNorm:
		return p.Apply(graph.NormAdjoint{Of: op}, dy, n.In[0], n.Params[0], n.Params[1]), nil
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
	return 0, fmt.Errorf("autodiff: operation %T has no gradient here", n.Op)
}

// convAdjoint is that of a convolution of an image of shape x: the convolution of the
// gradients, Stride apart, with the weights turned round.
func convAdjoint(p *graph.Program, op graph.Conv, dy, w graph.Value, x []int) graph.Value {
	around := op.Window(x).Span() - 1
	for axis := range 2 {
		n := p.Shape(dy)[axis]
		index := make([]int, x[axis]+op.Before+op.After-around)
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
	op.Before, op.After, op.Stride, op.Turned = around-op.Before, around-op.After, 1, true
	return p.Apply(op, dy, w)
}

// poolAdjoint is that of a pool of an image of shape x: along each axis a pixel is given
// its share of every window that it is in.
func poolAdjoint(p *graph.Program, op graph.AveragePool, dy graph.Value, x []int) graph.Value {
	count := (op.Size + op.Stride - 1) / op.Stride
	for axis := range 2 {
		t := graph.Taps{Axis: axis, Count: count}
		for i := range x[axis] {
			last := (i + op.Before) / op.Stride // window that begins before i
			for k := range count {
				o := last - k
				if o < 0 || o >= p.Shape(dy)[axis] || i+op.Before >= o*op.Stride+op.Size {
					o = -1 // no window, or one that ends before i
				}
				t.Index, t.Weight = append(t.Index, o), append(t.Weight, 1/float32(op.Size))
			}
		}
		dy = p.Apply(t, dy)
	}
	return dy
}
