package autodiff

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/num"
	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// JVP is a Graph that writes down, beside every value, its derivatives along some
// directions: forward-mode differentiation (Griewank and Walther 2008, section 3.1).
// A tangent is a value like others, so that a tape differentiates it once more: that
// is how an objective that holds the network's own Jacobian is trained.
//
// It knows the operations of a Tape. A Program under a JVP that was given another
// operation on a value with tangents has that for its mistake, see Program.Err. A tape
// differentiates the tangents of Linear, SiLU, Add, AddChannels, Concat and of what else
// is linear; the others' are to be evaluated.
type JVP struct {
	graph.Graph
	tangents map[graph.Value][]graph.Value
}

// NewJVP returns g with tangents. No value has one yet.
func NewJVP(g graph.Graph) *JVP {
	return &JVP{g, map[graph.Value][]graph.Value{}}
}

// SetTangents declares the tangents of x: values of its shape.
func (d *JVP) SetTangents(x graph.Value, directions ...graph.Value) { d.tangents[x] = directions }

// Tangents returns the derivatives of v, one a direction; none for a value that does
// not depend on one that has tangents.
func (d *JVP) Tangents(v graph.Value) []graph.Value { return d.tangents[v] }

// Apply adds an operation and its tangents.
func (d *JVP) Apply(op graph.Op, in ...graph.Value) graph.Value {
	out := d.Graph.Apply(op, in...)
	directions := 0
	for _, v := range in {
		directions = max(directions, len(d.tangents[v]))
	}
	for i := range directions {
		d.tangents[out] = append(d.tangents[out], d.tangent(op, in, out, i))
	}
	return out
}

// tangent adds the derivative of op, which made out, along direction i.
func (d *JVP) tangent(op graph.Op, in []graph.Value, out graph.Value, i int) graph.Value {
	var moved []graph.Value // the tangents that there are
	for _, v := range in {
		if t := d.tangents[v]; len(t) > 0 {
			moved = append(moved, t[i])
		}
	}
	first := len(moved) == 1 && len(d.tangents[in[0]]) > 0 // and no other
	switch op := op.(type) {
	case graph.Linear, graph.Conv:
		if first {
			return d.Graph.Apply(op, moved[0], in[1]) // without biases
		}
	case graph.Affine:
		return d.Graph.Apply(graph.Affine{Scale: op.Scale}, moved[0])
	case graph.Upsample, graph.SpaceToDepth, graph.DepthToSpace, graph.AveragePool, graph.Bilinear:
		return d.Graph.Apply(op, moved[0])
	case graph.SiLU:
		return d.Graph.Apply(siluTangent{}, in[0], moved[0])
	case graph.ELU:
		return d.Graph.Apply(tangent{op, 1}, out, moved[0])
	case graph.GroupNorm, graph.InstanceNormPlus:
		if first {
			return d.Graph.Apply(tangent{op, len(in)}, append(slices.Clone(in), moved...)...)
		}
	case graph.Attention:
		if len(moved) == 3 {
			return d.Graph.Apply(tangent{op, 3}, append(slices.Clone(in), moved...)...)
		}
	case graph.Add:
		if len(moved) == 1 {
			return moved[0]
		}
		return d.Graph.Apply(op, moved...)
	case graph.AddChannels, graph.Concat:
		if len(moved) == 2 {
			return d.Graph.Apply(op, moved...)
		}
		if _, ok := op.(graph.AddChannels); ok && first {
			return moved[0]
		}
	}
	return d.Graph.Apply(noTangent{op})
}

// noTangent stands for the tangent of an operation that has none here.
type noTangent struct{ graph.Op }

// Infer says so.
func (o noTangent) Infer([][]int) ([]int, error) {
	return nil, fmt.Errorf("%T of these values has no tangent here, need an operation that a tape differentiates", o.Op)
}

// siluTangent is SiLU′(x)·ẋ.
type siluTangent struct{}

// Infer returns the common shape.
func (siluTangent) Infer(in [][]int) ([]int, error) { return in[0], nil }

// Cost counts an exponential as eight.
func (siluTangent) Cost(_ [][]int, out []int) graph.Cost {
	return graph.Cost{FLOPs: 16 * int64(tensor.Size(out))}
}

// Bind returns SiLU's derivative, with ẋ in the place of ∂loss/∂y.
func (siluTangent) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) graph.Runner {
	return siluRunner(tensor.Size(out))
}

type siluRunner int

func (siluRunner) Load([]quant.Numbers) {}
func (siluRunner) Scratch() int         { return 0 }
func (r siluRunner) Run(y []float32, x [][]float32, n int, _ []float32) {
	k := n * int(r)
	clear(y[:k])
	kernel.SiLUBackward(y[:k], x[0][:k], x[1][:k])
}

// Backward implements Differentiable. With s = sigmoid(x), SiLU″(x) is
// s·(1−s)·(2 + x·(1−2s)).
func (siluTangent) Backward(dx, _, x, _ [][]float32, dy []float32, _ int) {
	if dx[1] != nil {
		kernel.SiLUBackward(dx[1], x[0], dy)
	}
	if dx[0] == nil {
		return
	}
	for i, v := range x[0] {
		s := 1 / (1 + num.Exp32(-v))
		dx[0][i] += dy[i] * x[1][i] * s * (1 - s) * (2 + v*(1-2*s))
	}
}
