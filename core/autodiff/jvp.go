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

// JVP is a Graph that adds to every value its derivatives along some directions:
// forward-mode differentiation, which computes Jacobian-vector products (Griewank and
// Walther 2008, section 3.1). A tangent is an ordinary value, so that a tape can
// differentiate it again; this trains objectives that contain the network's Jacobian.
//
// It supports the operations of a Tape. Any other operation on a value with tangents
// is an error of the underlying Program, see Program.Err. A tape differentiates the
// tangents of Linear, SiLU, Add, AddChannels, Concat and other linear operations; other
// tangents can only be evaluated.
type JVP struct {
	graph.Graph
	tangents map[graph.Value][]graph.Value
}

// NewJVP returns a JVP over g. At first no value has tangents.
func NewJVP(g graph.Graph) *JVP {
	return &JVP{g, map[graph.Value][]graph.Value{}}
}

// SetTangents sets the tangents of x: values with the shape of x.
func (d *JVP) SetTangents(x graph.Value, directions ...graph.Value) { d.tangents[x] = directions }

// Tangents returns the derivatives of v, one for each direction, or none if v does not
// depend on a value with tangents.
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

// tangent adds the derivative along direction i of op, whose output is out.
func (d *JVP) tangent(op graph.Op, in []graph.Value, out graph.Value, i int) graph.Value {
	var inputTangents []graph.Value // of the inputs that have tangents
	for _, v := range in {
		if t := d.tangents[v]; len(t) > 0 {
			inputTangents = append(inputTangents, t[i])
		}
	}
	first := len(inputTangents) == 1 && len(d.tangents[in[0]]) > 0 // only the first input has one
	switch op := op.(type) {
	case graph.Linear, graph.Conv:
		if first {
			return d.Graph.Apply(op, inputTangents[0], in[1]) // without biases
		}
	case graph.Affine:
		return d.Graph.Apply(graph.Affine{Scale: op.Scale}, inputTangents[0])
	case graph.Upsample, graph.SpaceToDepth, graph.DepthToSpace, graph.AveragePool, graph.Bilinear:
		return d.Graph.Apply(op, inputTangents[0])
	case graph.SiLU:
		return d.Graph.Apply(siluTangent{}, in[0], inputTangents[0])
	case graph.ELU:
		return d.Graph.Apply(tangent{op, 1}, out, inputTangents[0])
	case graph.GroupNorm, graph.InstanceNormPlus:
		if first {
			return d.Graph.Apply(tangent{op, len(in)}, append(slices.Clone(in), inputTangents...)...)
		}
	case graph.Attention:
		if len(inputTangents) == 3 {
			return d.Graph.Apply(tangent{op, 3}, append(slices.Clone(in), inputTangents...)...)
		}
	case graph.Add:
		if len(inputTangents) == 1 {
			return inputTangents[0]
		}
		return d.Graph.Apply(op, inputTangents...)
	case graph.AddChannels, graph.Concat:
		if len(inputTangents) == 2 {
			return d.Graph.Apply(op, inputTangents...)
		}
		if _, ok := op.(graph.AddChannels); ok && first {
			return inputTangents[0]
		}
	}
	return d.Graph.Apply(unsupported{op})
}

// unsupported is the tangent of an operation without one: its Infer is an error.
type unsupported struct{ graph.Op }

// Infer returns an error.
func (o unsupported) Infer([][]int) ([]int, error) {
	return nil, fmt.Errorf("%T has no forward derivative with respect to these inputs", o.Op)
}

// siluTangent is SiLU′(x)·ẋ.
type siluTangent struct{}

// Infer returns the common shape.
func (siluTangent) Infer(in [][]int) ([]int, error) { return in[0], nil }

// Cost counts an exponential as eight.
func (siluTangent) Cost(_ [][]int, out []int) graph.Cost {
	return graph.Cost{FLOPs: 16 * int64(tensor.Size(out))}
}

// Bind returns SiLU's derivative, with ẋ instead of ∂loss/∂y.
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
