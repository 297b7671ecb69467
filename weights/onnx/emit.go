package onnx

import (
	"math"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/tensor"
)

// layout is where a node's elements are: in a value of the program, with one step for each dim.
// The value contains nothing else.
type layout struct {
	value graph.Value
	steps []int
}

// emitter adds nodes to a program, each once and only those that are needed.
type emitter struct {
	program *graph.Program
	weights map[string]view // the program's parameters
	again   map[string]int  // how often a number was appended to a name
}

// input is an input of the network. Its dims are those of its shape in ONNX; an image is stored
// as [H,W,C].
type input struct{ value graph.Value }

func (o input) emit(p *emitter, n *node) layout {
	if len(n.dims) == 0 || len(n.dims) == 1 {
		return layout{o.value, slices.Repeat([]int{1}, len(n.dims))}
	}
	return layout{o.value, imageSteps(p.program.Shape(o.value))}
}

// imageSteps returns the steps of those of C, H and W that have more than one element, in an
// image stored as [H,W,C].
func imageSteps(shape []int) []int {
	h, w, c := shape[0], shape[1], shape[2]
	return stepsOf([]int{c, h, w}, []int{1, w * c, c})
}

// stepsOf returns the steps of the sizes greater than one.
func stepsOf(sizes, steps []int) []int {
	var out []int
	for i, n := range sizes {
		if n > 1 {
			out = append(out, steps[i])
		}
	}
	return out
}

// node emits n, unless that has been done.
func (p *emitter) node(n *node) (at layout) {
	if n.at == nil {
		at := n.op.emit(p, n)
		if err := p.program.Err(); err != nil {
			refuse("%s: %w", n.label, err)
		}
		n.at = &at
	}
	return *n.at
}

// run is a part of an axis: size elements, step apart in memory.
type run struct{ size, step int }

// runs returns where the elements of v are: the value, the offset of the first element, and the
// runs of each axis, the outermost first.
func (p *emitter) runs(v view) (value graph.Value, offset int, axes [][]run) {
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

// dense reports whether runs from offset visit every number of a value exactly once.
func (p *emitter) dense(value graph.Value, offset int, runs []run) bool {
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

// rowMajor returns the elements of v in row-major order, with its axes in the given order, as a
// value of that shape. It copies only if they are not stored so.
func (p *emitter) rowMajor(v view, order, shape []int) graph.Value {
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
func (p *emitter) shaped(value graph.Value, shape []int) graph.Value {
	if p.program.Err() != nil || slices.Equal(p.program.Shape(value), shape) {
		return value
	}
	return p.program.Apply(graph.Reshape{Shape: slices.Clone(shape)}, value)
}

// natural returns v, whose axes have more than one element, in its stored order, or in
// row-major order if it is not all of a value or an axis has several runs. It returns the value
// and the steps of the axes.
func (p *emitter) natural(v view) (graph.Value, []int) {
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
	return p.rowMajor(v, counting(len(shape)), orOne(shape)), rowSteps(shape)
}

// counting returns 0, 1, … n−1.
func counting(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// orOne returns shape, or [1] if it is empty.
func orOne(shape []int) []int {
	if len(shape) == 0 {
		return []int{1}
	}
	return shape
}

// rows returns v with its last axis innermost, as a value whose last axis is that, and the
// steps of the other axes, which have one atom each, in rows. It copies only if v is not stored
// so.
func (p *emitter) rows(v view) (graph.Value, []int) {
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
	return p.rowMajor(v, counting(len(shape)), wide), rowSteps(shape[:last])
}

func (c *constant) emit(p *emitter, n *node) layout {
	v := whole(n)
	shape := orOne(n.dims)
	value := p.program.Apply(graph.Constant{}, p.param(c.name, v, shape...))
	return layout{value, rowSteps(n.dims)}
}

// copying copies its input to row-major order.
type copying struct{}

func (copying) emit(p *emitter, n *node) layout {
	return layout{p.rowMajor(n.in[0], counting(len(n.in[0].axes)), orOne(n.dims)), rowSteps(n.dims)}
}

// image returns v [C,H,W] as an image [H,W,C].
func (p *emitter) image(v view) graph.Value {
	s := v.shape()
	return p.rowMajor(v, []int{1, 2, 0}, []int{s[1], s[2], s[0]})
}

// imageLayout returns the layout of a value that is an image.
func (p *emitter) imageLayout(value graph.Value) layout {
	if p.program.Err() != nil {
		return layout{value: value}
	}
	return layout{value, imageSteps(p.program.Shape(value))}
}

func (o conv) emit(p *emitter, n *node) layout {
	x := p.image(n.in[0])
	name := stem(o.weight, o.bias)
	in := []graph.Value{x, p.param(name+".weight", o.weight, o.weight.shape()...)}
	if o.bias.of != nil {
		in = append(in, p.vector(o.bias, name+".bias", o.weight.shape()[0], 0))
	}
	return p.imageLayout(p.program.Apply(o.Conv, in...))
}

func (upsample) emit(p *emitter, n *node) layout {
	return p.imageLayout(p.program.Apply(graph.Upsample{}, p.image(n.in[0])))
}

func (o pool) emit(p *emitter, n *node) layout {
	return p.imageLayout(p.program.Apply(o.AveragePool, p.image(n.in[0])))
}

func (o linear) emit(p *emitter, n *node) layout {
	x, rows := p.rows(n.in[0])
	name, shape := stem(o.weight, o.bias), o.weight.shape()
	in := []graph.Value{x, p.param(name+".weight", o.weight, shape...)}
	if o.bias.of != nil {
		in = append(in, p.vector(o.bias, name+".bias", shape[0], 0))
	}
	return layout{p.program.Apply(graph.Linear{}, in...), withLastStep(rows, shape[0])}
}

// withLastStep returns the steps of rows of k numbers and, if k is not 1, of the numbers in a
// row.
func withLastStep(rows []int, k int) []int {
	var out []int
	for _, r := range rows {
		out = append(out, r*k)
	}
	if k > 1 {
		out = append(out, 1)
	}
	return out
}

func (softmax) emit(p *emitter, n *node) layout {
	x, rows := p.rows(n.in[0])
	return layout{p.program.Apply(graph.Softmax{}, x), withLastStep(rows, n.dims[len(n.dims)-1])}
}

func (o *reduction) emit(p *emitter, n *node) layout {
	in := n.in[0]
	kept := len(n.dims)
	in.axes = append(slices.Clone(in.axes[:kept]), slices.Concat(in.axes[kept:]...))
	x, rows := p.rows(in)
	return layout{p.program.Apply(graph.Reduce{Fn: o.fn}, x), rows}
}

func (o matmul) emit(p *emitter, n *node) layout {
	order := counting(3)
	x, y := p.rowMajor(o.left, order, o.left.shape()), p.rowMajor(o.right, order, o.right.shape())
	return layout{p.program.Apply(graph.MatMul{}, x, y), rowSteps(n.dims)}
}

func (o attention) emit(p *emitter, n *node) layout {
	width := o.heads * o.width
	shape := []int{o.length, 1, width}
	if value, _, _ := p.runs(n.in[0]); len(p.program.Shape(value)) == 3 {
		if s := p.program.Shape(value); s[2] == width && tensor.Size(s) == o.length*width {
			shape = s
		}
	}
	var in []graph.Value
	for _, v := range n.in {
		in = append(in, p.rowMajor(v, []int{1, 0, 2}, shape))
	}
	y := p.program.Apply(graph.Attention{Heads: o.heads}, in...)
	return layout{y, stepsOf([]int{o.heads, o.length, o.width}, []int{o.width, width, 1})}
}

func (o lookup) emit(p *emitter, n *node) layout {
	shape := o.table.shape()
	name := nameOf(o.table)
	y := p.program.Apply(graph.Lookup{}, p.rowMajor(n.in[0], nil, []int{1}), p.param(name, o.table, shape...))
	return layout{y, rowSteps(n.dims)}
}

func (o sinusoid) emit(p *emitter, n *node) layout {
	op := graph.Sinusoid{Width: o.width, FlipSinToCos: o.flip, FreqShift: o.shift}
	return layout{p.program.Apply(op, p.rowMajor(n.in[0], nil, []int{1})), []int{1}}
}

func (m unaryOp) emit(p *emitter, n *node) layout {
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
		refuse("%s: has the constants %g and %g, need finite numbers", n.label, m.a, m.b)
	}
	return layout{p.program.Apply(op, x), steps}
}
