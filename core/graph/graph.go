// Package graph has the operations that networks consist of, and programs that record
// them.
//
// A network is a function that applies operations to a Graph. A Program records them:
// core/autodiff makes a tape from it for training, core/infer a plan for sampling, and
// CostOf counts its operations. Shapes are those of one sample, [H,W,C] or [C]; the
// batch size is an argument of evaluation.
package graph

import (
	"fmt"
	"slices"

	"tweedie/core/kernel"
	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// Graph receives the operations of a network, in the order of evaluation.
type Graph interface {
	// Input declares an input by name.
	Input(name string, shape ...int) Value
	// Param declares a parameter by its name in model files, in PyTorch's layout:
	// convolutions [out,in,h,w], linear maps [out,in].
	Param(name string, init Init, shape ...int) Value
	// Apply adds an operation. Its parameters follow its other inputs.
	Apply(op Op, in ...Value) Value
	// Shape returns the shape of one sample of v.
	Shape(v Value) []int
}

// Value identifies an input, a parameter or the output of an operation in a Graph.
type Value int

// Op is an operation with its settings, as plain data.
type Op interface {
	// Infer returns the shape of the output, or an error if the inputs do not fit.
	Infer(in [][]int) ([]int, error)
	// Cost returns the cost for one sample.
	Cost(in [][]int, out []int) Cost
	// Bind returns a Runner for up to batch samples. in and params are the shapes of
	// the inputs and parameters.
	Bind(in, params [][]int, out []int, batch int, mode kernel.Arithmetic) Runner
}

// Runner computes an operation. Run does not modify it, so plans can share it.
type Runner interface {
	// Load sets the parameters. It may pack them; otherwise it keeps the slices.
	Load(params []quant.Numbers)
	// Scratch returns the size of the working memory that Run needs after Load.
	Scratch() int
	// Run writes n samples of the output to y. It does not allocate.
	Run(y []float32, x [][]float32, n int, scratch []float32)
}

// Init is the initialization of a parameter.
type Init struct {
	Kind InitKind
	Fan  int // number of inputs of one output, for Uniform
}

// InitKind is a distribution of initial values.
type InitKind int

// The distributions of Init.
const (
	Zeros      InitKind = iota
	Ones                // scales of norms
	Uniform             // U(−1/√fan, 1/√fan), PyTorch's default for convolutions and linear maps
	Normal              // N(0,1), PyTorch's default for embeddings
	Modulation          // rows [γ,α,β] of InstanceNormPlus: γ and α N(1, 0.02²), β 0
)

// Node is one operation of a Program.
type Node struct {
	Op     Op
	In     []Value // without parameters
	Params []Value
	Out    Value
}

// Declared is a named input or parameter.
type Declared struct {
	Name  string
	Value Value
	Shape []int
	Init  Init
}

// Program records a network as a list of operations. It implements Graph. The zero
// value is an empty program, ready to use.
type Program struct {
	Inputs []Declared
	Params []Declared
	Nodes  []Node
	shapes [][]int
	params map[Value]bool
	names  map[string]bool
	err    error
}

// Err returns the first error of Input, Param and Apply, or nil. A Program with an error
// must not be used.
func (p *Program) Err() error { return p.err }

// Values returns the number of values; they are numbered from 0.
func (p *Program) Values() int { return len(p.shapes) }

// Input declares an input.
func (p *Program) Input(name string, shape ...int) Value {
	v := p.declare(name, shape)
	p.Inputs = append(p.Inputs, Declared{Name: name, Value: v, Shape: p.shapes[v]})
	return v
}

// Param declares a parameter.
func (p *Program) Param(name string, init Init, shape ...int) Value {
	v := p.declare(name, shape)
	p.Params = append(p.Params, Declared{Name: name, Value: v, Shape: p.shapes[v], Init: init})
	if p.params == nil {
		p.params = map[Value]bool{}
	}
	p.params[v] = true
	return v
}

func (p *Program) declare(name string, shape []int) Value {
	if p.names == nil {
		p.names = map[string]bool{}
	}
	if p.names[name] {
		p.fail(fmt.Errorf("graph: %q is declared twice", name))
	}
	p.names[name] = true
	for _, d := range shape {
		if d <= 0 {
			p.fail(fmt.Errorf("graph: the axes of %q must be positive (got %v)", name, shape))
		}
	}
	p.shapes = append(p.shapes, slices.Clone(shape))
	return Value(len(p.shapes) - 1)
}

// Apply adds an operation. After an error it does nothing; see Err.
func (p *Program) Apply(op Op, in ...Value) Value {
	if p.err != nil {
		return 0
	}
	node := Node{Op: op}
	shapes := make([][]int, len(in))
	for i, v := range in {
		shapes[i] = p.shapes[v]
		if p.params[v] {
			node.Params = append(node.Params, v)
		} else {
			node.In = append(node.In, v)
		}
	}
	shape, err := op.Infer(shapes)
	if err != nil {
		p.fail(fmt.Errorf("graph: operation %d, %T: %w", len(p.Nodes), op, err))
		return 0
	}
	p.shapes = append(p.shapes, shape)
	node.Out = Value(len(p.shapes) - 1)
	p.Nodes = append(p.Nodes, node)
	return node.Out
}

func (p *Program) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// Shape returns the shape of one sample of v.
func (p *Program) Shape(v Value) []int { return p.shapes[v] }

// Size returns the number of elements in one sample of v.
func (p *Program) Size(v Value) int { return tensor.Size(p.shapes[v]) }

// Bind returns a Runner of node's operation for up to batch samples.
func (p *Program) Bind(node Node, batch int, mode kernel.Arithmetic) Runner {
	return node.Op.Bind(p.Shapes(node.In), p.Shapes(node.Params), p.shapes[node.Out], batch, mode)
}

// Shapes returns the shapes of values.
func (p *Program) Shapes(values []Value) [][]int {
	out := make([][]int, len(values))
	for i, v := range values {
		out[i] = p.shapes[v]
	}
	return out
}

// Cost is a number of multiplications and additions, and a number of parameters.
type Cost struct {
	FLOPs  int64 `json:"flops"`
	Params int64 `json:"parameters"`
}

// CostOf returns the cost of evaluating p for one sample.
func CostOf(p *Program) Cost {
	var sum Cost
	for _, d := range p.Params {
		sum.Params += int64(tensor.Size(d.Shape))
	}
	for _, n := range p.Nodes {
		sum.FLOPs += n.Op.Cost(p.Shapes(n.In), p.shapes[n.Out]).FLOPs
	}
	return sum
}
