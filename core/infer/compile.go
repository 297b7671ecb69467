package infer

import (
	"slices"

	"tweedie/core/graph"
	"tweedie/core/quant"
)

// step computes one slot, which holds a value or a member's channels of one, from
// others.
type step struct {
	node *graph.Node // nil for what only moves numbers
	run  graph.Runner
	in   []int
	out  int
}

// compiler turns a program into steps. Slots of a program's inputs come first.
type compiler struct {
	program *graph.Program
	source  graph.Source
	names   map[graph.Value]string
	options Options
	batch   int
	team    TensorParallel // nil: none

	steps []step
	sizes []int // of one sample of a slot
	whole []int // a value's slot, −1 while there is none
	part  []int // the slot of this member's channels of it
	read  [][]graph.Node
}

func newCompiler(p *graph.Program, src graph.Source, batch int, o Options) *compiler {
	c := &compiler{program: p, source: src, names: map[graph.Value]string{}, options: o, batch: batch, team: o.TensorParallel, read: make([][]graph.Node, p.Values())}
	for _, d := range p.Params {
		c.names[d.Value] = d.Name
	}
	for range p.Values() {
		c.whole, c.part = append(c.whole, -1), append(c.part, -1)
	}
	for _, d := range p.Inputs {
		c.whole[d.Value] = c.slot(p.Size(d.Value))
	}
	for _, n := range p.Nodes {
		for _, v := range n.In {
			c.read[v] = append(c.read[v], n)
		}
	}
	return c
}

func (c *compiler) slot(size int) int {
	c.sizes = append(c.sizes, size)
	return len(c.sizes) - 1
}

// emit adds a step and returns the slot that it computes, of so many numbers.
func (c *compiler) emit(n *graph.Node, r graph.Runner, size int, in ...int) int {
	out := c.slot(size)
	c.steps = append(c.steps, step{n, r, in, out})
	return out
}

// numbers returns a parameter's.
func (c *compiler) numbers(v graph.Value) quant.Numbers {
	n := c.source.Numbers(c.names[v])
	if !c.options.Compact {
		n = quant.Numbers{Float: n.Float32()}
	}
	return n
}

// node adds an operation: whole, or this member's channels of it.
func (c *compiler) node(n *graph.Node) {
	if c.team != nil && c.divide(n) {
		return
	}
	sources := each(n.In, c.wholeOf)
	if _, ok := n.Op.(graph.Reshape); ok {
		c.whole[n.Out] = sources[0]
		return
	}
	r := c.program.Bind(*n, c.batch, c.options.Arithmetic())
	r.Load(each(n.Params, c.numbers))
	c.whole[n.Out] = c.emit(n, r, c.program.Size(n.Out), sources...)
}

// divide adds this member's channels of an operation, unless it cannot be divided
// or costs less than the exchange that follows.
func (c *compiler) divide(n *graph.Node) bool {
	out := c.program.Shape(n.Out)
	s := c.starts(n.Out)
	if s == nil {
		return false
	}
	in := c.program.Shapes(n.In)
	op, need := graph.Partition(n.Op, in, out, s, c.team.Rank())
	var sources []int
	switch {
	case need == graph.Rows && (worth(c.program, n, s, priceOf(c.team)) || c.free(n.Out)):
		sources = each(n.In, c.wholeOf)
	case need == graph.Own && slices.ContainsFunc(n.In, func(v graph.Value) bool { return c.part[v] >= 0 }):
		sources = each(n.In, c.partOf)
		for i, v := range n.In {
			in[i] = narrowed(in[i], c.own(v))
		}
	case need == graph.Positions:
		return c.spread(n)
	default:
		return false
	}
	c.part[n.Out] = c.emit(n, c.bind(n, op, in, s), c.program.Size(n.Out)/last(out)*c.own(n.Out), sources...)
	return true
}

// spread adds this member's positions of an operation and the exchange of all, if that
// is worth while.
func (c *compiler) spread(n *graph.Node) bool {
	in, out := c.program.Shapes(n.In), c.program.Shape(n.Out)
	s := positions(out, c.team.Size())
	if !worth(c.program, n, s, priceOf(c.team)) {
		return false
	}
	low, high, size := s[c.team.Rank()], s[c.team.Rank()+1], c.program.Size(n.Out)
	var r graph.Runner = idle{}
	if low < high {
		in[0] = []int{1, (high - low) / last(out), last(out)}
		r = &stretch{Runner: n.Op.Bind(in, nil, in[0], 1, c.options.Arithmetic()), low: low, high: high, size: size, in: make([][]float32, len(in))}
	}
	own := c.emit(n, r, high-low, each(n.In, c.wholeOf)...)
	c.whole[n.Out] = c.emit(nil, gather{c.team, 1, size, s, c.batch}, size, own)
	return true
}

// positions returns where the members' positions of an image start among its numbers.
func positions(shape []int, size int) []int {
	out := make([]int, size+1)
	for i := range out {
		out[i] = shape[0] * shape[1] * i / size * last(shape)
	}
	return out
}

// bind makes op, this member's part of n, ready. A member without channels has
// nothing to do.
func (c *compiler) bind(n *graph.Node, op graph.Op, in [][]int, starts []int) graph.Runner {
	low, high := starts[c.team.Rank()], starts[c.team.Rank()+1]
	if low == high {
		return idle{}
	}
	params := c.program.Shapes(n.Params)
	var loaded []quant.Numbers
	for i, v := range n.Params {
		loaded = append(loaded, c.numbers(v).Rows(low, high, params[i][0]))
		params[i] = slices.Clone(params[i])
		params[i][0] = high - low
	}
	r := op.Bind(in, params, narrowed(c.program.Shape(n.Out), high-low), c.batch, c.options.Arithmetic())
	r.Load(loaded)
	return r
}

// unit is the channels that a member gets at a time: a vector of every width.
const unit = 16

// starts returns where the members' channels of v start, and the end; nil if there
// are too few to be shared.
func (c *compiler) starts(v graph.Value) []int { return starts(c.program, v, c.team.Size()) }

// starts is that for any size of a team.
func starts(p *graph.Program, v graph.Value, size int) []int {
	channels := last(p.Shape(v))
	if channels%unit != 0 || channels < 2*unit || size < 2 {
		return nil
	}
	out := make([]int, size+1)
	for i := range out {
		out[i] = channels / unit * i / size * unit
	}
	return out
}

// own returns how many channels of v are this member's.
func (c *compiler) own(v graph.Value) int {
	s := c.starts(v)
	return s[c.team.Rank()+1] - s[c.team.Rank()]
}

// price is what an exchange costs, in the operations that a member does meanwhile.
type price struct{ fixed, number int64 }

// Of workers: 20 µs and 0.75 ns a number, at 60 an ns. Of threads: half a µs and
// 0.03 ns a number, at 300 an ns.
var workersPrice, threadsPrice = price{1_200_000, 45}, price{150_000, 10}

// priceOf returns the price of a team, nil for one of workers.
func priceOf(t TensorParallel) price {
	if _, ok := t.(neighbour); ok {
		return threadsPrice
	}
	return workersPrice
}

// worth reports whether members that share an operation are done sooner, the
// exchange of its output included.
func worth(p *graph.Program, n *graph.Node, starts []int, price price) bool {
	all, most := starts[len(starts)-1], 0
	for i, end := range starts[1:] {
		most = max(most, end-starts[i])
	}
	saved := effort(p, n) / int64(all) * int64(all-most)
	return saved > price.fixed+price.number*int64(p.Size(n.Out))
}

// effort returns the operations of n, fewer where a convolution needs fewer than its
// definition.
func effort(p *graph.Program, n *graph.Node) int64 {
	flops := n.Op.Cost(p.Shapes(n.In), p.Shape(n.Out)).FLOPs
	if o, ok := n.Op.(graph.Conv); ok {
		if o.Window(p.Shape(n.In[0])).SuitsWinograd(last(p.Shape(n.Out))) {
			return flops * 2 / 5
		}
	}
	return flops
}

// free reports whether no exchange follows if v is shared: whoever reads it has
// its other input shared already.
func (c *compiler) free(v graph.Value) bool {
	for _, n := range c.read[v] {
		if _, ok := n.Op.(graph.AddChannels); !ok || c.part[n.In[0]] < 0 {
			return false
		}
	}
	return len(c.read[v]) > 0
}

// wholeOf returns v's slot, after an exchange if it is shared.
func (c *compiler) wholeOf(v graph.Value) int {
	if c.whole[v] < 0 {
		size := c.program.Size(v)
		g := gather{c.team, size / last(c.program.Shape(v)), size, c.starts(v), c.batch}
		c.whole[v] = c.emit(nil, g, size, c.part[v])
	}
	return c.whole[v]
}

// partOf returns the slot of this member's channels of v, copied if v is whole.
func (c *compiler) partOf(v graph.Value) int {
	if c.part[v] < 0 {
		channels, s := last(c.program.Shape(v)), c.starts(v)
		rows := c.program.Size(v) / channels
		c.part[v] = c.emit(nil, cut{rows, channels, s[c.team.Rank()], s[c.team.Rank()+1]}, rows*c.own(v), c.whole[v])
	}
	return c.part[v]
}

func last(shape []int) int { return shape[len(shape)-1] }

// narrowed returns shape with its last axis replaced.
func narrowed(shape []int, channels int) []int {
	return append(slices.Clone(shape[:len(shape)-1]), channels)
}

func each[T any](values []graph.Value, f func(graph.Value) T) []T {
	var out []T
	for _, v := range values {
		out = append(out, f(v))
	}
	return out
}
