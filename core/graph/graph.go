// Package graph is the language that networks are written in: operations on
// values of known shape.
//
// A network is a function that applies operations to a Graph. What it then is,
// the Graph decides: core/autodiff records a tape that trains, core/infer makes
// a plan that samples, and CostOf counts. Shapes are those of one sample,
// [H,W,C] or [C]; the batch is a matter of running.
package graph

import (
	"fmt"
	"slices"

	"tweedie/core/kernel"
	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// Graph takes the operations of a network, in the order in which they run.
type Graph interface {
	// Input declares what the network is given, by name.
	Input(name string, shape ...int) Value
	// Param declares a weight, by the name that model files use, in PyTorch's
	// layout: convolutions [out,in,h,w], linear maps [out,in].
	Param(name string, init Init, shape ...int) Value
	// Apply adds an operation. Its parameters follow its other inputs.
	Apply(op Op, in ...Value) Value
	// Shape returns the shape of one sample of v.
	Shape(v Value) []int
}

// Value names something computed, given or learned in one Graph.
type Value int

// Op is one kind of operation with its settings: plain data.
type Op interface {
	// Infer returns the output's shape, or says why these inputs do not fit.
	Infer(in [][]int) ([]int, error)
	// Cost counts one sample's work.
	Cost(in [][]int, out []int) Cost
	// Bind makes the operation ready for up to batch samples. in and params are
	// the shapes of its inputs and parameters.
	Bind(in, params [][]int, out []int, batch int, mode kernel.Arithmetic) Runner
}

// Runner computes an operation. It may be shared: Run changes nothing in it.
type Runner interface {
	// Load takes the parameters' numbers, packing them as it likes. It keeps
	// the slices of those it does not pack.
	Load(params []quant.Numbers)
	// Scratch returns the numbers of working memory that Run needs after Load.
	Scratch() int
	// Run writes n samples of the output to y. It does not allocate.
	Run(y []float32, x [][]float32, n int, scratch []float32)
}

// Init says how a parameter starts: one of the constructors' values.
type Init struct {
	Kind InitKind
	Fan  int // inputs that one output sums over, for Uniform
}

// InitKind is a distribution of starting values.
type InitKind int

// The distributions of Init.
const (
	Zeros      InitKind = iota
	Ones                // norms' scales
	Uniform             // U(−1/√fan, 1/√fan), PyTorch's default for convolutions and linear maps
	Normal              // N(0,1), PyTorch's default for embeddings
	Modulation          // rows [γ,α,β] of InstanceNormPlus: γ and α N(1, 0.02²), β 0
)

// Node is one step of a Program.
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

// Program records a network as a list of operations. It is a Graph, and what
// tapes and plans are made from. The zero value is empty and ready.
type Program struct {
	Inputs []Declared
	Params []Declared
	Nodes  []Node
	shapes [][]int
	params map[Value]bool
	names  map[string]bool
	err    error
}

// Err returns the first mistake in what was applied, nil if there was none. A
// Program with a mistake is of no use.
func (p *Program) Err() error { return p.err }

// Values returns how many values there are; they are numbered from 0.
func (p *Program) Values() int { return len(p.shapes) }

// Input declares what the network is given.
func (p *Program) Input(name string, shape ...int) Value {
	v := p.declare(name, shape)
	p.Inputs = append(p.Inputs, Declared{Name: name, Value: v, Shape: p.shapes[v]})
	return v
}

// Param declares a weight.
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
			p.fail(fmt.Errorf("graph: %q has shape %v, need positive axes", name, shape))
		}
	}
	p.shapes = append(p.shapes, slices.Clone(shape))
	return Value(len(p.shapes) - 1)
}

// Apply adds an operation. After a mistake it adds nothing; see Err.
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

// Size returns the numbers of one sample of v.
func (p *Program) Size(v Value) int { return tensor.Size(p.shapes[v]) }

// Bind makes node's operation ready for up to batch samples.
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

// Cost is work: multiplications and additions, and parameters.
type Cost struct {
	FLOPs  int64 `json:"flops"`
	Params int64 `json:"parameters"`
}

// CostOf counts one sample's evaluation of p.
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
