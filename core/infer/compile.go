package infer

import (
	"slices"

	"tweedie/core/graph"
	"tweedie/core/quant"
)

// step computes a slot, which holds a value or a member's channels of a value, from
// other slots.
type step struct {
	node *graph.Node // nil for a step that only moves numbers
	run  graph.Runner
	in   []int
	out  int
}

// compiler turns a program into steps. The first slots are those of the program's inputs.
type compiler struct {
	program *graph.Program
	source  graph.Source
	names   map[graph.Value]string
	options Options
	batch   int
	group   TensorParallel // nil without tensor parallelism

	steps   []step
	sizes   []int          // of one sample of each slot
	slots   []int          // slot of each value; −1 if there is none yet
	shards  []int          // slot of this member's channels of each value; −1 if there is none yet
	readers [][]graph.Node // nodes that read each value
}

func newCompiler(p *graph.Program, src graph.Source, batch int, o Options) *compiler {
	c := &compiler{program: p, source: src, names: map[graph.Value]string{}, options: o, batch: batch, group: o.TensorParallel, readers: make([][]graph.Node, p.Values())}
	for _, d := range p.Params {
		c.names[d.Value] = d.Name
	}
	for range p.Values() {
		c.slots, c.shards = append(c.slots, -1), append(c.shards, -1)
	}
	for _, d := range p.Inputs {
		c.slots[d.Value] = c.newSlot(p.Size(d.Value))
	}
	for _, n := range p.Nodes {
		for _, v := range n.In {
			c.readers[v] = append(c.readers[v], n)
		}
	}
	return c
}

func (c *compiler) newSlot(size int) int {
	c.sizes = append(c.sizes, size)
	return len(c.sizes) - 1
}

// emit adds a step and returns the slot that it computes, which has size numbers a sample.
func (c *compiler) emit(n *graph.Node, r graph.Runner, size int, in ...int) int {
	out := c.newSlot(size)
	c.steps = append(c.steps, step{n, r, in, out})
	return out
}

// paramNumbers returns the numbers of a parameter.
func (c *compiler) paramNumbers(v graph.Value) quant.Numbers {
	n := c.source.Numbers(c.names[v])
	if !c.options.Compact {
		n = quant.Numbers{Float: n.Float32()}
	}
	return n
}

// addNode adds an operation, or this member's channels of it.
func (c *compiler) addNode(n *graph.Node) {
	if c.group != nil && c.addShard(n) {
		return
	}
	sources := mapValues(n.In, c.fullSlot)
	if _, ok := n.Op.(graph.Reshape); ok {
		c.slots[n.Out] = sources[0]
		return
	}
	r := c.program.Bind(*n, c.batch, c.options.Arithmetic())
	r.Load(mapValues(n.Params, c.paramNumbers))
	c.slots[n.Out] = c.emit(n, r, c.program.Size(n.Out), sources...)
}

// addShard adds this member's channels of an operation. It returns false if the operation
// cannot be divided, or costs less than the exchange that would follow.
func (c *compiler) addShard(n *graph.Node) bool {
	out := c.program.Shape(n.Out)
	s := c.starts(n.Out)
	if s == nil {
		return false
	}
	in := c.program.Shapes(n.In)
	op, need := graph.Partition(n.Op, in, out, s, c.group.Rank())
	var sources []int
	switch {
	case need == graph.NeedRows && (worthSharding(c.program, n, s, costOf(c.group)) || c.needsNoExchange(n.Out)):
		sources = mapValues(n.In, c.fullSlot)
	case need == graph.NeedChannels && slices.ContainsFunc(n.In, func(v graph.Value) bool { return c.shards[v] >= 0 }):
		sources = mapValues(n.In, c.shardSlot)
		for i, v := range n.In {
			in[i] = withChannels(in[i], c.shardChannels(v))
		}
	case need == graph.NeedPositions:
		return c.addPositions(n)
	default:
		return false
	}
	c.shards[n.Out] = c.emit(n, c.bind(n, op, in, s), c.program.Size(n.Out)/lastAxis(out)*c.shardChannels(n.Out), sources...)
	return true
}

// addPositions adds this member's positions of an operation, and the exchange that
// follows, unless the operation costs less.
func (c *compiler) addPositions(n *graph.Node) bool {
	in, out := c.program.Shapes(n.In), c.program.Shape(n.Out)
	s := positions(out, c.group.Size())
	if !worthSharding(c.program, n, s, costOf(c.group)) {
		return false
	}
	low, high, size := s[c.group.Rank()], s[c.group.Rank()+1], c.program.Size(n.Out)
	var r graph.Runner = noOp{}
	if low < high {
		in[0] = []int{1, (high - low) / lastAxis(out), lastAxis(out)}
		r = &positionRange{Runner: n.Op.Bind(in, nil, in[0], 1, c.options.Arithmetic()), low: low, high: high, size: size, in: make([][]float32, len(in))}
	}
	shard := c.emit(n, r, high-low, mapValues(n.In, c.fullSlot)...)
	c.slots[n.Out] = c.emit(nil, gather{c.group, 1, size, s, c.batch}, size, shard)
	return true
}

// positions returns the start of each member's positions among the numbers of an image,
// and the end.
func positions(shape []int, size int) []int {
	out := make([]int, size+1)
	for i := range out {
		out[i] = shape[0] * shape[1] * i / size * lastAxis(shape)
	}
	return out
}

// bind binds op, this member's part of n, to its shapes and parameters. For a member
// without channels it returns a noOp.
func (c *compiler) bind(n *graph.Node, op graph.Op, in [][]int, starts []int) graph.Runner {
	low, high := starts[c.group.Rank()], starts[c.group.Rank()+1]
	if low == high {
		return noOp{}
	}
	params := c.program.Shapes(n.Params)
	var loaded []quant.Numbers
	for i, v := range n.Params {
		loaded = append(loaded, c.paramNumbers(v).Rows(low, high, params[i][0]))
		params[i] = slices.Clone(params[i])
		params[i][0] = high - low
	}
	r := op.Bind(in, params, withChannels(c.program.Shape(n.Out), high-low), c.batch, c.options.Arithmetic())
	r.Load(loaded)
	return r
}

// channelUnit is the granularity of a member's channels: a multiple of all vector widths.
const channelUnit = 16

// starts returns the start of each member's channels of v, and the end; nil if there are
// too few to be divided.
func (c *compiler) starts(v graph.Value) []int { return starts(c.program, v, c.group.Size()) }

// starts is compiler.starts for a group of the given size.
func starts(p *graph.Program, v graph.Value, size int) []int {
	channels := lastAxis(p.Shape(v))
	if channels%channelUnit != 0 || channels < 2*channelUnit || size < 2 {
		return nil
	}
	out := make([]int, size+1)
	for i := range out {
		out[i] = channels / channelUnit * i / size * channelUnit
	}
	return out
}

// shardChannels returns how many channels of v this member has.
func (c *compiler) shardChannels(v graph.Value) int {
	s := c.starts(v)
	return s[c.group.Rank()+1] - s[c.group.Rank()]
}

// exchangeCost is the cost of an exchange, in the operations that a member could do in
// the same time.
type exchangeCost struct{ fixed, perNumber int64 }

// Workers need 20 µs and 0.75 ns a number, and do 60 operations in a ns. Threads need
// 0.5 µs and 0.03 ns a number, and do 300 operations in a ns.
var workerCost, threadCost = exchangeCost{1_200_000, 45}, exchangeCost{150_000, 10}

// costOf returns the cost of an exchange in a group; nil stands for a group of workers.
func costOf(t TensorParallel) exchangeCost {
	if _, ok := t.(sharedMemory); ok {
		return threadCost
	}
	return workerCost
}

// worthSharding reports whether dividing an operation saves time, including the exchange
// of its output.
func worthSharding(p *graph.Program, n *graph.Node, starts []int, cost exchangeCost) bool {
	total, largest := starts[len(starts)-1], 0
	for i, end := range starts[1:] {
		largest = max(largest, end-starts[i])
	}
	saved := operations(p, n) / int64(total) * int64(total-largest)
	return saved > cost.fixed+cost.perNumber*int64(p.Size(n.Out))
}

// operations returns the number of operations of n; for a convolution by Winograd's
// algorithm they are fewer than by the definition.
func operations(p *graph.Program, n *graph.Node) int64 {
	flops := n.Op.Cost(p.Shapes(n.In), p.Shape(n.Out)).FLOPs
	if o, ok := n.Op.(graph.Conv); ok {
		if o.Window(p.Shape(n.In[0])).SuitsWinograd(lastAxis(p.Shape(n.Out))) {
			return flops * 2 / 5
		}
	}
	return flops
}

// needsNoExchange reports whether dividing v causes no exchange: every node that reads it
// has its other input divided already.
func (c *compiler) needsNoExchange(v graph.Value) bool {
	for _, n := range c.readers[v] {
		if _, ok := n.Op.(graph.AddChannels); !ok || c.shards[n.In[0]] < 0 {
			return false
		}
	}
	return len(c.readers[v]) > 0
}

// fullSlot returns the slot of v; if v is divided it first adds an exchange.
func (c *compiler) fullSlot(v graph.Value) int {
	if c.slots[v] < 0 {
		size := c.program.Size(v)
		g := gather{c.group, size / lastAxis(c.program.Shape(v)), size, c.starts(v), c.batch}
		c.slots[v] = c.emit(nil, g, size, c.shards[v])
	}
	return c.slots[v]
}

// shardSlot returns the slot of this member's channels of v; if v is not divided it first
// adds a copy.
func (c *compiler) shardSlot(v graph.Value) int {
	if c.shards[v] < 0 {
		channels, s := lastAxis(c.program.Shape(v)), c.starts(v)
		rows := c.program.Size(v) / channels
		c.shards[v] = c.emit(nil, channelSlice{rows, channels, s[c.group.Rank()], s[c.group.Rank()+1]}, rows*c.shardChannels(v), c.slots[v])
	}
	return c.shards[v]
}

func lastAxis(shape []int) int { return shape[len(shape)-1] }

// withChannels returns shape with the given size of its last axis.
func withChannels(shape []int, channels int) []int {
	return append(slices.Clone(shape[:len(shape)-1]), channels)
}

func mapValues[T any](values []graph.Value, f func(graph.Value) T) []T {
	var out []T
	for _, v := range values {
		out = append(out, f(v))
	}
	return out
}
