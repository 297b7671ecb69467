package onnx

import (
	"fmt"
	"math"
	"slices"
)

// op is the operation of a node.
type op interface {
	// emit adds the operation, and the nodes that it reads, to a program.
	emit(p *emitter, n *node) layout
}

// builder evaluates the nodes of a graph, in order.
type builder struct {
	file     *file
	opset    int
	values   map[string]view
	users    map[string]int  // number of nodes that read a value
	node     *nodeProto      // the current one
	deferred int             // cost of the constants that are computed on demand, in numbers
	made     map[string]view // nodes by a description of what they compute, so that each is built once
}

// maxDeferred bounds the cost of the constants that are computed on demand, in numbers.
const maxDeferred = 1 << 31

// refusal is an error that is thrown as a panic and recovered where the node is known. The
// functions of operators and the methods emit may throw one.
type refusal struct{ error }

func refuse(format string, args ...any) { panic(refusal{fmt.Errorf(format, args...)}) }

// recovered sets err from a refusal that was thrown. It passes any other panic on.
func recovered(err *error) {
	switch r := recover().(type) {
	case nil:
	case refusal:
		*err = r.error
	default:
		panic(r)
	}
}

// constant returns a constant with the given numbers.
func (b *builder) constant(shape []int, t dtype, numbers []float64) view {
	c := &constant{cost: len(numbers)}
	c.fill(t, numbers)
	return b.add(&node{op: c, dtype: t}, shape)
}

// computed returns a constant whose numbers f computes from other constants. If it is large it
// is computed on demand, each time, unless that is expensive.
func (b *builder) computed(shape []int, t dtype, f func() []float64, of ...view) view {
	c := &constant{cost: sizeOf(shape)}
	for _, v := range of {
		c.cost += v.size() + v.of.op.(*constant).cost
	}
	if n := sizeOf(shape); n <= maxKept || c.cost > 16*n {
		b.file.spend(c.cost)
		return b.constant(shape, t, f())
	}
	if b.deferred += c.cost; b.deferred > maxDeferred {
		refuse("computes more than %d numbers from constants", maxDeferred)
	}
	c.read = func() ([]float32, []float64) { return typed(t, f()) }
	return b.add(&node{op: c, dtype: t}, shape)
}

func sizeOf(shape []int) int {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return n
}

// add sets the dims of a node of that shape, one for each axis, and returns its view.
// Only constants may be without elements.
func (b *builder) add(n *node, shape []int) view {
	if _, ok := n.op.(*constant); !ok && sizeOf(shape) == 0 {
		refuse("has a result of shape %v, need at least one element", shape)
	}
	v := view{of: n}
	for _, size := range shape {
		if size == 1 {
			v.axes = append(v.axes, nil)
			continue
		}
		v.axes = append(v.axes, []atom{{size, len(n.dims), 1}})
		n.dims = append(n.dims, size)
	}
	v.off = make([]int, len(n.dims))
	if b.node != nil {
		n.label = label(b.node)
	}
	return v
}

// label returns the name of a node for errors.
func label(n *nodeProto) string {
	if n.name != "" {
		return fmt.Sprintf("%s node %q", n.op, n.name)
	}
	return fmt.Sprintf("%s node of output %q", n.op, slices.Concat(n.outputs, []string{""})[0])
}

// copied returns a copy of v as a node of its own, whose axes can be cut and regrouped. If
// joined, the node has one dim.
func (b *builder) copied(v view, joined bool) view {
	shape := v.shape()
	if v.known() {
		if joined {
			shape = []int{v.size()}
		}
		return b.computed(shape, v.of.dtype, v.numbers, v)
	}
	if joined {
		shape = []int{v.size()}
	}
	return b.add(&node{op: copying{}, in: []view{v}, dtype: v.of.dtype}, shape)
}

// reshaped returns v in another shape of the same size.
func (b *builder) reshaped(v view, shape []int) view {
	if v.size() == 0 && v.known() && sizeOf(shape) == 0 {
		return b.constant(shape, v.of.dtype, nil)
	}
	if v.size() != sizeOf(shape) || v.size() == 0 {
		refuse("reshapes %v to %v, need the same number of elements", v.shape(), shape)
	}
	if out, ok := v.regroup(shape); ok {
		return out
	}
	out, _ := b.copied(v, true).regroup(shape)
	return out
}

// sliced returns n elements of an axis, at start, start+step, and so on.
func (b *builder) sliced(v view, axis, start, n, step int) view {
	out, ok := v.cut(axis, start, n, step)
	if !ok {
		out, _ = b.copied(v, false).cut(axis, start, n, step)
	}
	return b.fusedSlice(out)
}

// expanded returns v broadcast to shape.
func (b *builder) expanded(v view, shape []int) view {
	out, ok := v.expanded(shape)
	if !ok {
		refuse("repeats shape %v to %v, need shapes that broadcast", v.shape(), shape)
	}
	if out.size() == 0 && !out.known() {
		refuse("repeats shape %v to %v, need at least one element", v.shape(), shape)
	}
	return out
}

// broadcast returns views broadcast to a common shape, by numpy's rules.
func (b *builder) broadcast(views ...view) []view {
	var shape []int
	for _, v := range views {
		s := v.shape()
		for len(shape) < len(s) {
			shape = slices.Insert(shape, 0, 1)
		}
		for i := range s {
			if k := len(shape) - len(s) + i; shape[k] == 1 {
				shape[k] = s[i]
			}
		}
	}
	out := make([]view, len(views))
	for i, v := range views {
		out[i] = b.expanded(v, shape)
	}
	return out
}

// unary applies a function of one number.
func (b *builder) unary(v view, fn string, a, c float64) view {
	if fn == "affine" && math.Abs(a-1) < 0x1p-22 && c == 0 {
		return v
	}
	if v.known() {
		f, ok := unaryFunctions[fn]
		if !ok {
			refuse("computes %s of a constant", fn)
		}
		if v.size() == 0 {
			return v
		}
		dims, flat, back := v.onto()
		return back(b.computed(dims, v.of.dtype, func() []float64 {
			numbers := flat.numbers()
			for i, x := range numbers {
				numbers[i] = f(x, a, c)
			}
			return numbers
		}, v).of)
	}
	if in, m, ok := v.madeBy("affine"); ok && fn == "affine" {
		return b.unary(in, "affine", a*float64(m.a), float64(a*float64(m.b))+c)
	}
	return b.cached(fmt.Sprint(fn, a, c, v.key()), func() view {
		dims, flat, back := v.onto()
		return back(b.add(&node{op: unaryOp{fn, float32(a), float32(c)}, in: []view{flat}, dtype: v.of.dtype}, dims).of)
	})
}

// cached returns the result of build, which it calls once for each key.
func (b *builder) cached(key string, build func() view) view {
	v, ok := b.made[key]
	if !ok {
		v = build()
		b.made[key] = v
	}
	return v.tidy()
}

// key identifies a view.
func (v view) key() string { return fmt.Sprintf("%p%v%v", v.of, v.off, v.axes) }

// argument returns the values from which v, a view of a unary operation, is computed.
func argument(v view) view {
	in := v.of.in[0]
	out := view{of: in.of, off: slices.Clone(in.off)}
	for d, o := range v.off {
		out.advance(in.axes[d][0], o)
	}
	for _, axis := range v.axes {
		var atoms []atom
		for _, a := range axis {
			if a.dim != repeated {
				from := in.axes[a.dim][0]
				a = atom{a.size, from.dim, from.step * a.step}
			}
			atoms = append(atoms, a)
		}
		out.axes = append(out.axes, atoms)
	}
	return out.tidy()
}

// binary applies a function of two numbers, after broadcasting. ONNX truncates the quotient of
// integers.
func (b *builder) binary(fn string, x, y view) view {
	t := common(x.of.dtype, y.of.dtype)
	if fn == "equal" || fn == "less" {
		t = boolean
	}
	out := b.pairwise(fn, x, y, t)
	if fn == "div" && t == integer {
		return b.unary(out, "trunc", 0, 0)
	}
	return out
}

// common returns the type of a result of numbers of two types.
func common(x, y dtype) dtype {
	switch {
	case x == boolean:
		return y
	case y == boolean:
		return x
	case x == float && y != double || y == float && x != double:
		return float
	}
	return max(x, y)
}

// pairwise is binary with the type of the result, without truncation.
func (b *builder) pairwise(fn string, x, y view, t dtype) view {
	pair := b.broadcast(x, y)
	x, y = pair[0], pair[1]
	if x.known() && y.known() {
		f := binaryFunctions[fn]
		return b.computed(x.shape(), t, func() []float64 {
			p, q := x.numbers(), y.numbers()
			for i := range p {
				p[i] = f(p[i], q[i])
			}
			return p
		}, x, y)
	}
	if out, ok := b.scaled(fn, x, y); ok {
		return out
	}
	if out, ok := b.fused(fn, x, y); ok {
		return out
	}
	return b.cached(fmt.Sprint(fn, x.key(), y.key()), func() view { return b.binaryNode(fn, x, y, t) })
}

// binaryNode builds the node of a function of two values of the same shape.
func (b *builder) binaryNode(fn string, x, y view, t dtype) view {
	pieces, counts, ok := refined(x, y)
	if !ok { // their atoms have no common refinement
		return b.binaryNode(fn, b.copied(x, false), b.copied(y, false), t)
	}
	n := &node{dtype: t}
	first, second := view{of: x.of, off: x.off}, view{of: y.of, off: y.off}
	var dims []int
	out := view{of: n}
	k := 0
	for _, count := range counts {
		var axis []atom
		for range count {
			p, q := pieces[k][0], pieces[k][1]
			k++
			last := len(dims) - 1
			if last >= 0 && follows(first.axes[last][0], p) && follows(second.axes[last][0], q) {
				first.axes[last] = []atom{{dims[last] * p.size, p.dim, p.step}}
				second.axes[last] = []atom{{dims[last] * q.size, q.dim, q.step}}
				for i := range out.axes { // the dim becomes the outer part of the merged one
					for j := range out.axes[i] {
						if out.axes[i][j].dim == last {
							out.axes[i][j].step *= p.size
						}
					}
				}
				for j := range axis {
					if axis[j].dim == last {
						axis[j].step *= p.size
					}
				}
				dims[last] *= p.size
				axis = append(axis, atom{p.size, last, 1})
				continue
			}
			axis = append(axis, atom{p.size, len(dims), 1})
			dims = append(dims, p.size)
			first.axes, second.axes = append(first.axes, []atom{p}), append(second.axes, []atom{q})
		}
		out.axes = append(out.axes, axis)
	}
	n.in = []view{first, second}
	b.add(n, dims)
	out.off = make([]int, len(dims))
	out = out.tidy()
	n.op = &binaryOp{fn: fn, x: x, y: y, out: out}
	return out
}

// scaled expresses a function of a value and one number as a unary function.
func (b *builder) scaled(fn string, x, y view) (view, bool) {
	if c, ok := y.uniform(); ok {
		switch {
		case fn == "add":
			return b.unary(x, "affine", 1, c), true
		case fn == "sub":
			return b.unary(x, "affine", 1, -c), true
		case fn == "mul":
			return b.unary(x, "affine", c, 0), true
		case fn == "div" && c != 0:
			return b.unary(x, "affine", 1/c, 0), true
		case fn == "pow":
			return b.power(x, c), true
		case fn == "max":
			return b.unary(x, "clip", c, math.MaxFloat32), true
		case fn == "min":
			return b.unary(x, "clip", -math.MaxFloat32, c), true
		}
	}
	if c, ok := x.uniform(); ok {
		switch fn {
		case "add", "mul", "max", "min":
			return b.scaled(fn, y, x)
		case "sub":
			return b.unary(y, "affine", -1, c), true
		case "div":
			return b.unary(b.unary(y, "reciprocal", 0, 0), "affine", c, 0), true
		}
	}
	return view{}, false
}

// power returns x raised to a constant.
func (b *builder) power(x view, c float64) view {
	switch c {
	case 1:
		return x
	case 2:
		return b.unary(x, "square", 0, 0)
	case 3:
		return b.binary("mul", b.unary(x, "square", 0, 0), x)
	case 0.5:
		return b.unary(x, "sqrt", 0, 0)
	case -1:
		return b.unary(x, "reciprocal", 0, 0)
	case -0.5:
		return b.unary(b.unary(x, "sqrt", 0, 0), "reciprocal", 0, 0)
	}
	return b.unary(x, "pow", c, 0)
}
