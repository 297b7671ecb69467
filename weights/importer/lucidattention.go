package importer

import (
	"fmt"
	"math"

	"tweedie/core/graph"
)

// attention is attention over pixels and, from version 1.9 on, over a few learned keys and
// values, mem_kv. It is softmax attention or, where the output has a norm, linear attention
// (Shen et al. 2018, arXiv:1812.01243), which before version 1.7 averages the values.
func (l *lucid) attention(name string, x graph.Value) graph.Value {
	inside, norm := name, name+".norm"
	if l.wrapped {
		inside, norm = name+".fn.fn", name+".fn.norm"
	}
	a := &lucidAttention{lucid: l, name: inside, linear: l.hasPart(inside+".to_out.0.") || l.hasPart(inside+".to_out.1.")}
	s := l.Shape(x)
	if !a.measure() {
		return x
	}
	a.pixels = s[0] * s[1]
	a.qkv = l.Apply(graph.Linear{}, l.norm(norm, x), l.Param(inside+".to_qkv.weight", graph.Init{}, 3*a.heads*a.d, s[2]))
	h := l.Apply(graph.View{Shape: []int{a.pixels, a.heads, a.d}, Steps: []int{a.d, a.pixels * a.d, 1}}, a.attend())
	h = l.Apply(graph.Reshape{Shape: []int{s[0], s[1], a.heads * a.d}}, h)
	if a.linear {
		h = l.norm(inside+".to_out.1", l.linear(inside+".to_out.0", h, s[2]))
	} else {
		h = l.linear(inside+".to_out", h, s[2])
	}
	return l.Apply(graph.Add{}, x, h)
}

// lucidAttention is the state of building one attention.
type lucidAttention struct {
	*lucid
	name            string
	linear          bool
	heads, d, extra int // heads, their channels, learned keys and values
	pixels          int
	qkv             graph.Value
}

// measure determines the heads from mem_kv or from hints, and reports whether the projection
// has a matching shape.
func (a *lucidAttention) measure() bool {
	width := a.out(a.name + ".to_qkv")
	memory := a.name + ".mem_kv"
	if a.heads, a.d, a.extra = a.dim(memory, 1), a.dim(memory, 3), a.dim(memory, 2); a.linear {
		a.d, a.extra = a.extra, a.d
	}
	if a.memory && a.heads*a.d*a.extra == 0 {
		a.missing = append(a.missing, fmt.Sprintf("%q", memory))
		return false
	}
	if !a.memory {
		a.heads, a.extra = a.lucid.heads, 0
		a.d = width / (3 * max(1, a.heads))
	}
	if a.heads*a.d == 0 || width != 3*a.heads*a.d {
		if a.wrong == nil {
			a.wrong = fmt.Errorf("%q of shape %v must have 3 times the channels of %d heads", a.name+".to_qkv.weight", a.shape(a.name+".to_qkv.weight"), a.heads)
		}
		return false
	}
	return true
}

// attend returns the result of attention, [heads, pixels, d].
func (a *lucidAttention) attend() graph.Value {
	heads, d := a.heads, a.d
	q := a.Apply(graph.View{Shape: []int{heads, a.pixels, d}, Steps: []int{d, 3 * heads * d, 1}}, a.qkv)
	var memory graph.Value
	if a.extra > 0 {
		shape := []int{2, heads, a.extra, d}
		if a.linear {
			shape = []int{2, heads, d, a.extra}
		}
		memory = a.Apply(graph.Constant{}, a.Param(a.name+".mem_kv", graph.Init{}, shape...))
	}
	k, n := a.concatenated(1, memory), a.extra+a.pixels
	v := a.Apply(graph.View{Shape: []int{heads, n, d}, Steps: []int{d * n, 1, n}}, a.concatenated(2, memory))
	scale := 1 / math.Sqrt(float64(d))
	if !a.linear {
		q = a.Apply(graph.Affine{Scale: float32(scale)}, q)
		return a.Apply(graph.MatMul{}, a.Apply(graph.Softmax{}, a.Apply(graph.MatMul{}, q, k)), v)
	}
	if a.wrapped {
		scale /= float64(a.pixels)
	}
	q = a.Apply(graph.Affine{Scale: float32(scale)}, a.Apply(graph.Softmax{}, q))
	return a.Apply(graph.MatMul{}, q, a.Apply(graph.MatMul{}, a.Apply(graph.Softmax{}, k), v))
}

// concatenated returns the keys (which = 1) or the values (which = 2), after the learned ones:
// [heads, d, extra + pixels].
func (a *lucidAttention) concatenated(which int, memory graph.Value) graph.Value {
	computed := a.Apply(graph.View{Offset: which * a.heads * a.d, Shape: []int{a.heads, a.d, a.pixels}, Steps: []int{a.d, 1, 3 * a.heads * a.d}}, a.qkv)
	if a.extra == 0 {
		return computed
	}
	steps := []int{a.extra * a.d, 1, a.d}
	if a.linear {
		steps = []int{a.extra * a.d, a.extra, 1}
	}
	m := a.Apply(graph.View{Offset: (which - 1) * a.heads * a.d * a.extra, Shape: []int{a.heads, a.d, a.extra}, Steps: steps}, memory)
	return a.Apply(graph.Concat{}, m, computed)
}
