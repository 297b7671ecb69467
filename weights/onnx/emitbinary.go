package onnx

import (
	"cmp"
	"slices"

	"tweedie/core/graph"
)

// operandAt is where an operand of a binary operation is: its value and the step for each dim.
type operandAt struct {
	value graph.Value
	steps []int
	dense bool // the value has one number for each index
}

// operand returns where v is, which has one atom per dim.
func (p *emitter) operand(v view) operandAt {
	value, offset, axes := p.runs(v)
	o := operandAt{value: value, dense: p.dense(value, offset, slices.Concat(axes...))}
	negative := false
	for _, runs := range axes {
		o.steps = append(o.steps, runs[0].step)
		negative = negative || runs[0].step < 0
	}
	if offset != 0 || negative {
		shape := v.shape()
		o = operandAt{p.rowMajor(v, counting(len(shape)), orOne(shape)), rowSteps(shape), true}
	}
	return o
}

func (o *binaryOp) emit(p *emitter, n *node) layout {
	x, y := n.in[0], n.in[1]
	if x.known() && slices.Contains([]string{"add", "mul", "max", "min"}, o.fn) {
		x, y = y, x
	}
	if len(n.dims) == 0 {
		in := []graph.Value{p.rowMajor(x, nil, []int{1}), p.rowMajor(y, nil, []int{1})}
		return layout{p.program.Apply(graph.Binary{Fn: o.fn, Shape: []int{1}, A: []int{1}, B: []int{1}}, in...), nil}
	}
	a, b := p.operand(x), operandAt{}
	if !y.known() {
		b = p.operand(y)
	}
	order := counting(len(n.dims))
	for _, base := range []operandAt{a, b} {
		if base.dense {
			slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(base.steps[j], base.steps[i]) })
			break
		}
	}
	if y.known() {
		b = p.constantOperand(y, n.dims, order)
	}
	op := graph.Binary{Fn: o.fn}
	for _, d := range order {
		size, i, j := n.dims[d], a.steps[d], b.steps[d]
		if k := len(op.Shape) - 1; k >= 0 && op.A[k] == size*i && op.B[k] == size*j {
			op.Shape[k], op.A[k], op.B[k] = op.Shape[k]*size, i, j
			continue
		}
		op.Shape, op.A, op.B = append(op.Shape, size), append(op.A, i), append(op.B, j)
	}
	steps := make([]int, len(n.dims))
	for k, at := len(order)-1, 1; k >= 0; k-- {
		steps[order[k]] = at
		at *= n.dims[order[k]]
	}
	return layout{p.binary(op, a.value, b.value, y.known()), steps}
}

// constantOperand declares a constant, which has one atom per dim, as a parameter. Its numbers
// are in the given order of dims, without the dims along which it is repeated.
func (p *emitter) constantOperand(v view, dims, order []int) operandAt {
	core := view{of: v.of, off: v.off}
	var shape []int
	for _, d := range order {
		if v.axes[d][0].dim != repeated {
			core.axes = append(core.axes, v.axes[d])
			shape = append(shape, dims[d])
		}
	}
	o := operandAt{value: p.param(nameOf(v), core, orOne(shape)...), steps: make([]int, len(dims))}
	steps := rowSteps(shape)
	for _, d := range order {
		if v.axes[d][0].dim != repeated {
			o.steps[d], steps = steps[0], steps[1:]
		}
	}
	return o
}

// binary emits a function of two values, or of a value and a parameter, as the most specific
// operation.
func (p *emitter) binary(o graph.Binary, a, b graph.Value, param bool) graph.Value {
	sum := o.Fn == "add" && !param
	whole := len(o.Shape) == 1 && o.A[0] == 1 && o.B[0] == 1
	if sum && whole && p.program.Size(a) == p.program.Size(b) && p.program.Size(a) == o.Shape[0] {
		return p.program.Apply(graph.Add{}, a, p.shaped(b, p.program.Shape(a)))
	}
	if sum && len(o.Shape) == 2 {
		if image, vector, ok := channels(o, a, b); ok && p.program.Size(vector) == o.Shape[1] && p.program.Size(image) == o.Shape[0]*o.Shape[1] {
			if s := p.program.Shape(image); len(s) != 3 || s[2] != o.Shape[1] {
				image = p.shaped(image, []int{o.Shape[0], 1, o.Shape[1]})
			}
			return p.program.Apply(graph.AddChannels{}, image, p.shaped(vector, o.Shape[1:]))
		}
	}
	return p.program.Apply(o, a, b)
}

// channels returns which of a and b is an image and which a vector of its channels, if o
// combines such.
func channels(o graph.Binary, a, b graph.Value) (image, vector graph.Value, ok bool) {
	c := o.Shape[1]
	switch {
	case slices.Equal(o.A, []int{c, 1}) && slices.Equal(o.B, []int{0, 1}):
		return a, b, true
	case slices.Equal(o.B, []int{c, 1}) && slices.Equal(o.A, []int{0, 1}):
		return b, a, true
	}
	return 0, 0, false
}

func (o concat) emit(p *emitter, n *node) layout {
	shape := n.in[0].shape()
	total := 0
	for _, v := range n.in {
		total += v.shape()[o.axis]
	}
	shape[o.axis] = total
	var axes []int // of more than one element
	for k, size := range shape {
		if size > 1 {
			axes = append(axes, k)
		}
	}
	order := p.orderOf(n.in, axes)
	at := slices.Index(order, o.axis)
	outer, inner := 1, 1
	for i, k := range order {
		if i < at {
			outer *= shape[k]
		} else if i > at {
			inner *= shape[k]
		}
	}
	lead := []int{outer, 1}
	if at == 2 && len(order) == 3 {
		lead = []int{shape[order[0]], shape[order[1]]}
	}
	var y graph.Value
	for i, v := range n.in {
		x := p.rowMajor(v, order, append(slices.Clone(lead), v.shape()[o.axis]*inner))
		if i == 0 {
			y = x
		} else {
			y = p.program.Apply(graph.Concat{}, y, x)
		}
	}
	steps, k := make([]int, len(axes)), 1
	for _, axis := range slices.Backward(order) {
		steps[slices.Index(axes, axis)] = k
		k *= shape[axis]
	}
	return layout{y, steps}
}

// orderOf returns axes in the order in which one of the values is stored, or unchanged.
func (p *emitter) orderOf(values []view, axes []int) []int {
	for _, v := range values {
		if v.known() {
			continue
		}
		_, _, runs := p.runs(v)
		if !slices.ContainsFunc(axes, func(k int) bool { return len(runs[k]) != 1 }) {
			order := slices.Clone(axes)
			slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(runs[j][0].step, runs[i][0].step) })
			return order
		}
	}
	return axes
}

// alongDims applies an operation along one axis after another of a value with one axis per dim,
// in its stored order.
func (p *emitter) alongDims(v view, tap func(dim int) (graph.Taps, bool)) layout {
	x, steps := p.natural(v)
	shape := v.shape()
	order := counting(len(shape))
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(steps[j], steps[i]) })
	laid := make([]int, len(order))
	for i, d := range order {
		laid[i] = shape[d]
	}
	x = p.shaped(x, laid)
	for i, d := range order {
		if o, ok := tap(d); ok {
			o.Axis = i
			x = p.program.Apply(o, x)
			laid[i] = len(o.Index) / o.Count
		}
	}
	out := make([]int, len(order))
	for i, step := range rowSteps(laid) {
		out[order[i]] = step
	}
	return layout{x, out}
}

func (o taps) emit(p *emitter, n *node) layout {
	return p.alongDims(n.in[0], func(dim int) (graph.Taps, bool) {
		return graph.Taps{Count: o.count, Index: o.index, Weight: o.weight}, dim == o.dim
	})
}

func (o padding) emit(p *emitter, n *node) layout {
	shape := n.in[0].shape()
	return p.alongDims(n.in[0], func(d int) (graph.Taps, bool) {
		step, t := 1+o.inside[d], graph.Taps{Count: 1}
		for i := range n.dims[d] {
			at := i - o.before[d]
			if at < 0 || at%step != 0 || at/step >= shape[d] {
				at = -step
			}
			t.Index = append(t.Index, at/step)
		}
		return t, o.before[d] != 0 || o.after[d] != 0 || o.inside[d] != 0
	})
}
