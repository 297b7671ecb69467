package onnx

import (
	"fmt"
	"slices"
	"strings"
	"tweedie/core/graph"
)

// param declares a constant as a parameter of that shape.
func (p *emitter) param(name string, v view, shape ...int) graph.Value {
	if v.size() == 0 {
		refuse("constant %q has shape %v, need at least one element", name, v.shape())
	}
	name = p.unusedName(name)
	if v.size() <= maxKept {
		if _, err := finite(name, v); err != nil {
			refuse("%w", err)
		}
	}
	p.weights[name] = v
	return p.program.Param(name, graph.Init{}, shape...)
}

// unusedName returns name, or a similar name, that no parameter has.
func (p *emitter) unusedName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return '_'
		}
		return r
	}, name)
	if len(name) > 200 || name == "" {
		name = "constant" + name[:min(len(name), 180)]
		name = strings.ToValidUTF8(name, "_")
	}
	found := name
	for p.taken(found) {
		p.again[name]++
		found = fmt.Sprintf("%s.%d", name, p.again[name]+1)
	}
	return found
}

func (p *emitter) taken(name string) bool {
	_, ok := p.weights[name]
	return ok || slices.ContainsFunc(p.program.Inputs, func(d graph.Declared) bool { return d.Name == name })
}

// nameOf returns the name of a constant in the file, "" if it was computed.
func nameOf(v view) string {
	if v.of == nil {
		return ""
	}
	return v.of.op.(*constant).name
}

// stem returns the name of a layer, taken from the names of its weight and its bias.
func stem(weight, bias view) string {
	for _, v := range []view{bias, weight} {
		name := nameOf(v)
		if s, ok := strings.CutSuffix(name, ".bias"); ok {
			return s
		}
		if s, ok := strings.CutSuffix(name, ".weight"); ok {
			return s
		}
	}
	if s := nameOf(weight); s != "" {
		return s
	}
	return "layer"
}

// vector declares a constant [n] as a parameter; if there is none, its elements are or.
func (p *emitter) vector(v view, name string, n int, or float32) graph.Value {
	if v.of == nil {
		v = whole(&node{op: &constant{floats: slices.Repeat([]float32{or}, n)}, dims: []int{n}})
	}
	return p.param(name, v, n)
}
