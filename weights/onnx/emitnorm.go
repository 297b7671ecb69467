package onnx

import (
	"cmp"
	"slices"

	"tweedie/core/graph"
)

func (o norm) emit(p *emitter, n *node) layout {
	if at, ok := o.layered(p, n, false); ok {
		return at
	}
	if at, ok := o.grouped(p, n, false); ok {
		return at
	}
	if at, ok := o.layered(p, n, true); ok {
		return at
	}
	return o.general(p, n)
}

// full reports whether atoms are complete dims of n.
func full(n *node, atoms []atom) bool {
	return !slices.ContainsFunc(atoms, func(a atom) bool { return a.step != 1 || a.size != n.dims[a.dim] })
}

// layered emits a norm over complete dims, with γ and β along at most one, as layer norm: if it
// is stored so or anyway is set.
func (o norm) layered(p *emitter, n *node, anyway bool) (layout, bool) {
	if !full(n, o.keep) || !full(n, o.over) || len(o.over) == 0 || o.channel != repeated && (len(o.over) > 1 || o.over[0].dim != o.channel) {
		return layout{}, false
	}
	in := view{of: n.in[0].of, off: n.in[0].off}
	for _, a := range o.keep {
		in.axes = append(in.axes, n.in[0].axes[a.dim])
	}
	var last []atom
	k := 1
	for _, a := range o.over {
		last = append(last, n.in[0].axes[a.dim]...)
		k *= a.size
	}
	in.axes = append(in.axes, last)
	value, offset, axes := p.runs(in)
	inner := axes[len(axes)-1]
	stored := p.dense(value, offset, slices.Concat(axes...)) && len(inner) == 1 && inner[0].step == 1 && len(o.keep) > 0
	if !stored && !anyway {
		return layout{}, false
	}
	x, rows := p.rows(in)
	gamma, beta := o.vectors(p, k)
	y := p.program.Apply(graph.LayerNorm{Eps: o.eps}, x, gamma, beta)
	steps := make([]int, len(n.dims))
	for i, a := range o.keep {
		steps[a.dim] = rows[i] * k
	}
	at := k
	for _, a := range o.over {
		at /= a.size
		steps[a.dim] = at
	}
	return layout{y, steps}, true
}

func (o norm) vectors(p *emitter, k int) (gamma, beta graph.Value) {
	name := stem(o.gamma, o.beta)
	if name == "layer" {
		name = "norm"
	}
	return p.vector(o.gamma, name+".weight", k, 1), p.vector(o.beta, name+".bias", k, 0)
}

// grouped emits a norm over groups of one dim and all of the other dims as group norm, followed
// by SiLU if requested.
func (o norm) grouped(p *emitter, n *node, silu bool) (layout, bool) {
	groups, channel := 1, o.channel
	if len(o.keep) == 1 {
		groups, channel = o.keep[0].size, o.keep[0].dim
		if o.keep[0].step*groups != n.dims[channel] {
			return layout{}, false
		}
	}
	if len(o.keep) > 1 || o.channel != repeated && o.channel != channel {
		return layout{}, false
	}
	in := n.in[0]
	value, _, runs := p.runs(in)
	if channel == repeated {
		channel = 0
		for d := range n.dims {
			if runs[d][0].step < runs[channel][0].step {
				channel = d
			}
		}
	}
	var order []int
	for d := range n.dims {
		if d != channel {
			order = append(order, d)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(runs[j][0].step, runs[i][0].step) })
	order = append(order, channel)
	sizes := make([]int, len(order))
	for i, d := range order {
		sizes[i] = n.dims[d]
	}
	c := n.dims[channel]
	shape := []int{p.program.Size(value) / c, 1, c}
	if len(sizes) == 3 {
		shape = sizes
	} else {
		shape[0] = 1
		for _, s := range sizes[:len(sizes)-1] {
			shape[0] *= s
		}
	}
	x := p.rowMajor(in, order, shape)
	gamma, beta := o.vectors(p, c)
	y := p.program.Apply(graph.GroupNorm{Groups: groups, Eps: o.eps, SiLU: silu}, x, gamma, beta)
	steps := make([]int, len(n.dims))
	for i, step := range rowSteps(sizes) {
		steps[order[i]] = step
	}
	return layout{y, steps}, true
}

// general emits any other norm: its elements are copied to rows, normalized and copied back.
func (o norm) general(p *emitter, n *node) layout {
	in := view{of: n.in[0].of, off: n.in[0].off, axes: [][]atom{nil, nil}}
	var sizes []int
	var dims []atom
	for i, atoms := range [][]atom{o.keep, o.over} {
		for _, a := range atoms {
			from := n.in[0].axes[a.dim][0]
			in.axes[i] = append(in.axes[i], atom{a.size, from.dim, from.step * a.step})
			sizes, dims = append(sizes, a.size), append(dims, a)
		}
	}
	s := in.shape()
	x := p.rowMajor(in, []int{0, 1}, s)
	plain := norm{}
	gamma, beta := plain.vectors(p, s[1])
	x = p.program.Apply(graph.LayerNorm{Eps: o.eps}, x, gamma, beta)
	back := graph.View{}
	steps := rowSteps(sizes)
	for d := range n.dims {
		var mine []int
		for i, a := range dims {
			if a.dim == d {
				mine = append(mine, i)
			}
		}
		slices.SortFunc(mine, func(i, j int) int { return cmp.Compare(dims[j].step, dims[i].step) })
		for _, i := range mine {
			back.Shape, back.Steps = append(back.Shape, sizes[i]), append(back.Steps, steps[i])
		}
	}
	x = p.shaped(p.program.Apply(back, x), n.dims)
	for _, w := range []struct {
		fn string
		v  view
	}{{"mul", o.gamma}, {"add", o.beta}} {
		if w.v.of != nil {
			zip := graph.Binary{Fn: w.fn, Shape: n.dims, A: rowSteps(n.dims), B: make([]int, len(n.dims))}
			zip.B[o.channel] = 1
			x = p.program.Apply(zip, x, p.vector(w.v, stem(w.v, view{}), n.dims[o.channel], 0))
		}
	}
	return layout{x, rowSteps(n.dims)}
}
