// Package autodiff differentiates networks. A Tape runs a graph.Program forward, keeps
// the values, and runs it backward (reverse-mode differentiation, Griewank and Walther
// 2008). JVP is forward mode, and Gradient adds a gradient to a program.
//
// A Tape must not be used by two goroutines at once. For data-parallel training each
// worker has a tape over the same parameters, and their gradients are added in a fixed
// order.
package autodiff

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// Tape evaluates a program for batches of samples and differentiates it with respect to
// its parameters and its watched inputs.
type Tape struct {
	program *graph.Program
	out     graph.Value
	params  *graph.Params
	value   func(graph.Value) []float32 // a parameter's numbers
	grad    func(graph.Value) []float32 // a parameter's gradient
	grads   *graph.Params
	batch   int

	steps   []step
	values  [][]float32 // what Forward computed
	deltas  [][]float32 // ∂loss/∂value; nil for parameters, and inputs that are not watched
	scratch []float32
	watched []graph.Value
	inputs  []graph.Value // inputs that have deltas
}

// step is one operation, forward and backward.
type step struct {
	node     graph.Node
	runner   graph.Runner
	in       [][]float32
	scratch  []float32 // separate scratch if the derivative reads it, else nil
	backward backward
}

// backward is the derivative of an operation. load is called after the parameters
// change; run adds to the deltas of the inputs and the gradients of the parameters;
// flush moves gradients that are accumulated in another layout.
type backward interface {
	load()
	run(n int, dy []float32)
	flush()
}

// New returns a tape of p, whose output is out, over params, for up to batch
// samples at a time. It keeps params and reads it at every Load. watched are image
// inputs, for InputGradient. The error names what is wrong with p, missing in params,
// or a watched value that is not an image input.
func New(p *graph.Program, out graph.Value, params *graph.Params, batch int, mode kernel.Arithmetic, watched ...graph.Value) (*Tape, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	t := &Tape{program: p, out: out, params: params, batch: batch, watched: watched}
	t.grads = params.WithNumbers(make([]float32, len(params.Flat)))
	var err error
	if t.value, err = params.ByValue(p); err != nil {
		return nil, err
	}
	if t.grad, err = t.grads.ByValue(p); err != nil {
		return nil, err
	}
	t.values = make([][]float32, p.Values())
	t.deltas = make([][]float32, p.Values())
	for _, n := range p.Nodes {
		t.values[n.Out] = make([]float32, batch*p.Size(n.Out))
		t.deltas[n.Out] = make([]float32, batch*p.Size(n.Out))
	}
	for _, v := range watched {
		if !slices.ContainsFunc(p.Inputs, func(d graph.Declared) bool { return d.Value == v && len(d.Shape) == 3 }) {
			return nil, fmt.Errorf("autodiff: watched values must be image inputs (got value %d)", v)
		}
		t.watch(v)
	}
	t.watchDirect()
	need := 0
	for _, n := range p.Nodes {
		s := step{node: n, runner: p.Bind(n, batch, mode), in: make([][]float32, len(n.In))}
		switch n.Op.(type) {
		case graph.GroupNorm, graph.InstanceNormPlus:
			s.scratch = make([]float32, s.runner.Scratch())
		}
		var more int
		if s.backward, more, err = t.derive(n, s.scratch, mode); err != nil {
			return nil, err
		}
		need = max(need, s.runner.Scratch(), more)
		t.steps = append(t.steps, s)
	}
	t.scratch = make([]float32, need)
	t.Load()
	return t, nil
}

// watch makes room for the gradient of an input.
func (t *Tape) watch(v graph.Value) {
	if t.deltas[v] == nil {
		t.deltas[v] = make([]float32, t.batch*t.program.Size(v))
		t.inputs = append(t.inputs, v)
	}
}

// watchDirect watches the inputs of those operations whose derivative always computes the
// gradients of all inputs.
func (t *Tape) watchDirect() {
	for _, n := range t.program.Nodes {
		switch n.Op.(type) {
		case graph.GroupNorm, graph.InstanceNormPlus, graph.LayerNorm, graph.Attention, graph.AddChannels, graph.Concat:
			for _, v := range n.In {
				t.watch(v)
			}
		}
	}
}

// Load loads the current parameters. Call it after each change of them.
func (t *Tape) Load() {
	for _, s := range t.steps {
		var params []quant.Numbers
		for _, v := range s.node.Params {
			params = append(params, quant.Numbers{Float: t.value(v)})
		}
		s.runner.Load(params)
		s.backward.load()
	}
}

// Forward evaluates n samples. inputs are in the order of their declaration in the
// program, and are kept until Backward. The result belongs to the tape and is valid
// until the next Forward. It panics if n exceeds the batch or an input is too short.
func (t *Tape) Forward(n int, inputs ...[]float32) []float32 {
	if n > t.batch || len(inputs) != len(t.program.Inputs) {
		panic("autodiff: Forward: wrong number of samples or inputs")
	}
	for i, d := range t.program.Inputs {
		t.values[d.Value] = inputs[i][:n*t.program.Size(d.Value)]
	}
	for i := range t.steps {
		s := &t.steps[i]
		for j, v := range s.node.In {
			s.in[j] = t.values[v]
		}
		scratch := t.scratch
		if s.scratch != nil {
			scratch = s.scratch
		}
		s.runner.Run(t.values[s.node.Out], s.in, n, scratch)
	}
	return t.values[t.out][:n*t.program.Size(t.out)]
}

// Backward takes ∂loss/∂output for the n samples of the last Forward, and adds to the
// gradients of the parameters.
func (t *Tape) Backward(n int, dout []float32) {
	for _, s := range t.steps {
		clear(t.deltas[s.node.Out][:n*t.program.Size(s.node.Out)])
	}
	for _, v := range t.inputs {
		clear(t.deltas[v])
	}
	copy(t.deltas[t.out], dout[:n*t.program.Size(t.out)])
	for i := len(t.steps) - 1; i >= 0; i-- {
		s := &t.steps[i]
		s.backward.run(n, t.deltas[s.node.Out][:n*t.program.Size(s.node.Out)])
	}
}

// InputGradient returns ∂loss/∂v for the n samples of the last Backward and a watched
// input v. For any vector as ∂loss/∂output this is the vector-Jacobian product of each
// sample. It belongs to the tape and is valid until the next Backward. It panics if v is
// not watched.
func (t *Tape) InputGradient(v graph.Value, n int) []float32 {
	if !slices.Contains(t.watched, v) {
		panic("autodiff: InputGradient: the value is not watched")
	}
	return t.delta(v, n)
}

// TakeGradients adds the gradients accumulated since the last call to dst, which has the
// layout of Params.Flat, and resets them to zero.
func (t *Tape) TakeGradients(dst []float32) {
	for _, s := range t.steps {
		s.backward.flush()
	}
	kernel.AddTo(dst, t.grads.Flat)
	clear(t.grads.Flat)
}

// Program returns the program that the tape runs.
func (t *Tape) Program() *graph.Program { return t.program }

// delta returns the accumulator of ∂loss/∂v for n samples, or nil if it is not needed.
func (t *Tape) delta(v graph.Value, n int) []float32 {
	if t.deltas[v] == nil {
		return nil
	}
	return t.deltas[v][:n*t.program.Size(v)]
}

// derive returns the derivative of a node and the size of the scratch it needs; kept is
// the separate scratch of the operation.
func (t *Tape) derive(n graph.Node, kept []float32, mode kernel.Arithmetic) (backward, int, error) {
	at := tapeNode{t, n}
	switch op := n.Op.(type) {
	case graph.Conv:
		if op.Transposed {
			break
		}
		b := newConvBackward(at, op.Window(t.program.Shape(n.In[0])), mode)
		return b, b.scratch(), nil
	case graph.Linear:
		shape := t.program.Shape(n.In[0])
		c := shape[len(shape)-1]
		g := kernel.Window{H: t.program.Size(n.In[0]) / c, W: 1, C: c, Size: 1, Stride: 1}
		b := newConvBackward(at, g, mode)
		return b, b.scratch(), nil
	case graph.GroupNorm:
		return normBackward{at, op.Norm(t.program.Shape(n.In[0])), kept}, 0, nil
	case graph.Attention:
		a := op.Attn(t.program.Shape(n.In[0]))
		return attentionBackward{at, a}, kernel.AttentionBackwardScratch(a), nil
	case graph.InstanceNormPlus:
		return normPlusBackward{at, op.Norm(t.program.Shape(n.In[0])), kept}, 0, nil
	case graph.AveragePool:
		w := op.Window(t.program.Shape(n.In[0]))
		return adjoint{at, func(dx, dy, s []float32) { kernel.AveragePoolBackward(dx, dy, s, w) }}, w.W * w.C, nil
	case graph.Bilinear:
		r := op.Resize(t.program.Shape(n.In[0]))
		return adjoint{at, func(dx, dy, s []float32) { kernel.BilinearBackward(dx, dy, s, r) }}, r.W * r.C, nil
	case graph.SiLU, graph.ELU, graph.Affine, graph.Add, graph.AddChannels, graph.Concat, graph.Upsample,
		graph.SpaceToDepth, graph.DepthToSpace, graph.Embedding, graph.Sinusoid:
		return elementwiseBackward{at}, 0, nil
	case graph.LayerNorm:
		shape := t.program.Shape(n.In[0])
		c := shape[len(shape)-1]
		return layerNormBackward{at, kernel.Norm{HW: 1, C: c, Groups: 1, Eps: op.Eps}, make([]float32, c+2)}, 0, nil
	case graph.Unary, graph.Binary, graph.Modulate, graph.Fourier, graph.Lookup, graph.Reshape, graph.View, graph.Taps,
		graph.Constant, graph.Softmax, graph.Reduce, graph.MatMul:
		return generalBackward{at}, 0, nil
	case Differentiable:
		return customBackward{at, op}, 0, nil
	}
	return nil, 0, fmt.Errorf("autodiff: the derivative of operation %T is not supported", n.Op)
}

// tapeNode is a node on a tape, with access to its values and gradients.
type tapeNode struct {
	t    *Tape
	node graph.Node
}

func (p tapeNode) shape(i int) []int { return p.t.program.Shape(p.node.In[i]) }
func (p tapeNode) size(i int) int    { return p.t.program.Size(p.node.In[i]) }

// x returns n samples of input i, dx the accumulator of their gradient, or nil if it is
// not needed.
func (p tapeNode) x(i, n int) []float32  { return p.t.values[p.node.In[i]][:n*p.size(i)] }
func (p tapeNode) dx(i, n int) []float32 { return p.t.delta(p.node.In[i], n) }

// w returns parameter i, dw its gradient.
func (p tapeNode) w(i int) []float32  { return p.t.value(p.node.Params[i]) }
func (p tapeNode) dw(i int) []float32 { return p.t.grad(p.node.Params[i]) }
