package onnx

import (
	"math"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/tensor"
)

// placed says where a node's numbers lie: in a value of the program, neighbours
// along each dim so many steps apart. The value holds nothing else.
type placed struct {
	value graph.Value
	steps []int
}

// placer writes nodes down as a program, each once and only those that are asked
// for.
type placer struct {
	program *graph.Program
	weights map[string]view // the program's parameters
	again   map[string]int  // how often a name was given another number
}

// input is what the network is given; its dims are those of the shape in ONNX. An
// image lies as [H,W,C].
type input struct{ value graph.Value }

func (o input) place(p *placer, n *node) placed {
	if len(n.dims) == 0 || len(n.dims) == 1 {
		return placed{o.value, slices.Repeat([]int{1}, len(n.dims))}
	}
	return placed{o.value, imageSteps(p.program.Shape(o.value))}
}

// imageSteps returns the steps of those of C, H, W that have more than one element,
// of an image that lies as [H,W,C].
func imageSteps(shape []int) []int {
	h, w, c := shape[0], shape[1], shape[2]
	return stepsOf([]int{c, h, w}, []int{1, w * c, c})
}

// stepsOf returns the steps of sizes over one.
func stepsOf(sizes, steps []int) []int {
	var out []int
	for i, n := range sizes {
		if n > 1 {
			out = append(out, steps[i])
		}
	}
	return out
}

// node places n, unless that is done.
func (p *placer) node(n *node) (at placed) {
	if n.at == nil {
		at := n.op.place(p, n)
		if err := p.program.Err(); err != nil {
			refuse("%s: %w", n.label, err)
		}
		n.at = &at
	}
	return *n.at
}

// run is a stretch of an axis: size elements so many steps apart.
type run struct{ size, step int }

// runs returns where the elements of v lie: for each axis the runs, the outermost
// first, from an offset in a value.
func (p *placer) runs(v view) (value graph.Value, offset int, axes [][]run) {
	at := p.node(v.of)
	for d, o := range v.off {
		offset += o * at.steps[d]
	}
	for _, axis := range v.axes {
		var runs []run
		for _, a := range axis {
			r := run{a.size, 0}
			if a.dim != repeated {
				r.step = a.step * at.steps[a.dim]
			}
			runs = appendRun(runs, r)
		}
		axes = append(axes, runs)
	}
	return at.value, offset, axes
}

func appendRun(runs []run, r run) []run {
	if k := len(runs) - 1; k >= 0 && runs[k].step == r.size*r.step {
		runs[k] = run{runs[k].size * r.size, r.step}
		return runs
	}
	return append(runs, r)
}

// dense reports whether runs from offset pass every number of a value once.
func (p *placer) dense(value graph.Value, offset int, runs []run) bool {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b run) int { return a.step - b.step })
	n := 1
	for _, r := range sorted {
		if r.step != n {
			return false
		}
		n *= r.size
	}
	return offset == 0 && n == p.program.Size(value)
}

// lay returns v's elements row by row, its axes in that order, in that shape. It
// copies only if they do not lie so.
func (p *placer) lay(v view, order, shape []int) graph.Value {
	value, offset, axes := p.runs(v)
	var runs []run
	for _, k := range order {
		for _, r := range axes[k] {
			runs = appendRun(runs, r)
		}
	}
	if len(runs) > 1 || !p.dense(value, offset, runs) {
		o := graph.View{Offset: offset}
		for _, r := range runs {
			o.Shape, o.Steps = append(o.Shape, r.size), append(o.Steps, r.step)
		}
		if runs == nil {
			o.Shape, o.Steps = []int{1}, []int{1}
		}
		value = p.program.Apply(o, value)
	}
	return p.shaped(value, shape)
}

// shaped returns a value in another shape of the same size.
func (p *placer) shaped(value graph.Value, shape []int) graph.Value {
	if p.program.Err() != nil || slices.Equal(p.program.Shape(value), shape) {
		return value
	}
	return p.program.Apply(graph.Reshape{Shape: slices.Clone(shape)}, value)
}

// natural returns v, without axes of one element, in the order in which it lies, or row
// by row where it is no whole value or an axis no single run: the value and the steps
// of its axes.
func (p *placer) natural(v view) (graph.Value, []int) {
	value, offset, axes := p.runs(v)
	single := !slices.ContainsFunc(axes, func(runs []run) bool { return len(runs) != 1 })
	if single && p.dense(value, offset, slices.Concat(axes...)) {
		steps := make([]int, len(axes))
		for k, runs := range axes {
			steps[k] = runs[0].step
		}
		return value, steps
	}
	shape := v.shape()
	return p.lay(v, counting(len(shape)), orOne(shape)), rowSteps(shape)
}

// counting returns 0, 1, … n−1.
func counting(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// orOne returns shape, [1] for none.
func orOne(shape []int) []int {
	if len(shape) == 0 {
		return []int{1}
	}
	return shape
}

// rows returns v with its last axis innermost, the value's last axis being it, and the
// steps of its other axes, of one atom each, in rows. Where v lies so it stays.
func (p *placer) rows(v view) (graph.Value, []int) {
	last := len(v.axes) - 1
	shape := v.shape()
	k := shape[last]
	value, offset, axes := p.runs(v)
	inner := axes[last]
	if p.dense(value, offset, slices.Concat(axes...)) && (k == 1 || len(inner) == 1 && inner[0].step == 1) {
		var steps []int
		for _, runs := range axes[:last] {
			steps = append(steps, runs[0].step/k)
		}
		if s := p.program.Shape(value); s[len(s)-1] != k {
			value = p.shaped(value, []int{p.program.Size(value) / k, k})
		}
		return value, steps
	}
	size := v.size()
	wide := []int{size / k, k}
	if size == k {
		wide = wide[1:]
	}
	return p.lay(v, counting(len(shape)), wide), rowSteps(shape[:last])
}

func (c *constant) place(p *placer, n *node) placed {
	v := whole(n)
	shape := orOne(n.dims)
	value := p.program.Apply(graph.Constant{}, p.param(c.name, v, shape...))
	return placed{value, rowSteps(n.dims)}
}

// copying is its input row by row.
type copying struct{}

func (copying) place(p *placer, n *node) placed {
	return placed{p.lay(n.in[0], counting(len(n.in[0].axes)), orOne(n.dims)), rowSteps(n.dims)}
}

// image lays v [C,H,W] as an image [H,W,C].
func (p *placer) image(v view) graph.Value {
	s := v.shape()
	return p.lay(v, []int{1, 2, 0}, []int{s[1], s[2], s[0]})
}

// placedImage is a value that is an image.
func (p *placer) placedImage(value graph.Value) placed {
	if p.program.Err() != nil {
		return placed{value: value}
	}
	return placed{value, imageSteps(p.program.Shape(value))}
}

func (o conv) place(p *placer, n *node) placed {
	x := p.image(n.in[0])
	name := stem(o.weight, o.bias)
	in := []graph.Value{x, p.param(name+".weight", o.weight, o.weight.shape()...)}
	if o.bias.of != nil {
		in = append(in, p.vector(o.bias, name+".bias", o.weight.shape()[0], 0))
	}
	return p.placedImage(p.program.Apply(o.Conv, in...))
}

func (upsample) place(p *placer, n *node) placed {
	return p.placedImage(p.program.Apply(graph.Upsample{}, p.image(n.in[0])))
}

func (o pool) place(p *placer, n *node) placed {
	return p.placedImage(p.program.Apply(o.AveragePool, p.image(n.in[0])))
}

func (o linear) place(p *placer, n *node) placed {
	x, rows := p.rows(n.in[0])
	name, shape := stem(o.weight, o.bias), o.weight.shape()
	in := []graph.Value{x, p.param(name+".weight", o.weight, shape...)}
	if o.bias.of != nil {
		in = append(in, p.vector(o.bias, name+".bias", shape[0], 0))
	}
	return placed{p.program.Apply(graph.Linear{}, in...), lastOne(rows, shape[0])}
}

// lastOne returns the steps of rows of k numbers, and of the numbers if there are
// several.
func lastOne(rows []int, k int) []int {
	var out []int
	for _, r := range rows {
		out = append(out, r*k)
	}
	if k > 1 {
		out = append(out, 1)
	}
	return out
}

func (softmax) place(p *placer, n *node) placed {
	x, rows := p.rows(n.in[0])
	return placed{p.program.Apply(graph.Softmax{}, x), lastOne(rows, n.dims[len(n.dims)-1])}
}

func (o *reduction) place(p *placer, n *node) placed {
	in := n.in[0]
	kept := len(n.dims)
	in.axes = append(slices.Clone(in.axes[:kept]), slices.Concat(in.axes[kept:]...))
	x, rows := p.rows(in)
	return placed{p.program.Apply(graph.Reduce{Fn: o.fn}, x), rows}
}

func (o matmul) place(p *placer, n *node) placed {
	order := counting(3)
	x, y := p.lay(o.left, order, o.left.shape()), p.lay(o.right, order, o.right.shape())
	return placed{p.program.Apply(graph.MatMul{}, x, y), rowSteps(n.dims)}
}

func (o attention) place(p *placer, n *node) placed {
	width := o.heads * o.width
	shape := []int{o.length, 1, width}
	if value, _, _ := p.runs(n.in[0]); len(p.program.Shape(value)) == 3 {
		if s := p.program.Shape(value); s[2] == width && tensor.Size(s) == o.length*width {
			shape = s
		}
	}
	var in []graph.Value
	for _, v := range n.in {
		in = append(in, p.lay(v, []int{1, 0, 2}, shape))
	}
	y := p.program.Apply(graph.Attention{Heads: o.heads}, in...)
	return placed{y, stepsOf([]int{o.heads, o.length, o.width}, []int{o.width, width, 1})}
}

func (o lookup) place(p *placer, n *node) placed {
	shape := o.table.shape()
	name := nameOf(o.table)
	y := p.program.Apply(graph.Lookup{}, p.lay(n.in[0], nil, []int{1}), p.param(name, o.table, shape...))
	return placed{y, rowSteps(n.dims)}
}

func (o sinusoid) place(p *placer, n *node) placed {
	op := graph.Sinusoid{Width: o.width, FlipSinToCos: o.flip, FreqShift: o.shift}
	return placed{p.program.Apply(op, p.lay(n.in[0], nil, []int{1})), []int{1}}
}

func (m mapping) place(p *placer, n *node) placed {
	if o, ok := n.in[0].of.op.(norm); ok && m.fn == "silu" && n.in[0].of.at == nil && same(n.in[0], whole(n.in[0].of)) {
		if at, ok := o.grouped(p, n.in[0].of, true); ok {
			return at
		}
	}
	x, steps := p.natural(n.in[0])
	var op graph.Op = graph.Unary{Fn: m.fn, A: m.a, B: m.b}
	switch {
	case m.fn == "silu":
		op = graph.SiLU{}
	case m.fn == "elu" && m.a == 1:
		op = graph.ELU{}
	case m.fn == "affine":
		op = graph.Affine{Scale: m.a, Shift: m.b}
	}
	if !(math.Abs(float64(m.a)) <= math.MaxFloat32 && math.Abs(float64(m.b)) <= math.MaxFloat32) {
		refuse("%s: computes with %g and %g, need finite numbers", n.label, m.a, m.b)
	}
	return placed{p.program.Apply(op, x), steps}
}
