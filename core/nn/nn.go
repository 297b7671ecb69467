// Package nn holds layers with named parameters, written once against
// graph.Graph, and the numbers that parameters start from.
//
// A layer is a function: it declares its parameters under a name, in PyTorch's
// names and layout, and returns its output.
package nn

import "tweedie/core/graph"

// FromZero returns g with every parameter declared through it starting at zero:
// for the last layer of a residual branch, so that a network starts as the
// identity (Goyal et al. 2017, arXiv:1706.02677, section 5.1).
func FromZero(g graph.Graph) graph.Graph { return zeroed{g} }

type zeroed struct{ graph.Graph }

func (z zeroed) Param(name string, _ graph.Init, shape ...int) graph.Value {
	return z.Graph.Param(name, graph.Init{}, shape...)
}

// Conv3 is a 3×3 convolution to out channels with zeros around, at stride 1.
func Conv3(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1})
}

// Conv3Wide is Conv3 with two rows and columns of zeros around: the image grows by one
// pixel on every side.
func Conv3Wide(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 3, Stride: 1, Before: 2, After: 2})
}

// Conv1 is a 1×1 convolution to out channels.
func Conv1(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 1, Stride: 1})
}

// Down3 is a 3×3 convolution at stride 2. With padding 0 the zeros stand only
// behind, as diffusers' Downsample2D lays them.
func Down3(g graph.Graph, name string, x graph.Value, out, padding int) graph.Value {
	op := graph.Conv{Size: 3, Stride: 2, Before: padding, After: padding}
	if padding == 0 {
		op.After = 1
	}
	return conv(g, name, x, out, op)
}

// Dilated3 is a 3×3 convolution to out channels whose taps are dilation pixels apart,
// with zeros around, at stride 1.
func Dilated3(g graph.Graph, name string, x graph.Value, out, dilation int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 3, Stride: 1, Before: dilation, After: dilation, Dilation: dilation})
}

// Plain3 is Conv3 without biases.
func Plain3(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	op := graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1}
	w, _ := weights(g, name, x, out, op)
	return g.Apply(op, x, w)
}

func conv(g graph.Graph, name string, x graph.Value, out int, op graph.Conv) graph.Value {
	w, init := weights(g, name, x, out, op)
	return g.Apply(op, x, w, g.Param(name+".bias", init, out))
}

// weights declares a convolution's, and returns how they start.
func weights(g graph.Graph, name string, x graph.Value, out int, op graph.Conv) (graph.Value, graph.Init) {
	c := channels(g, x)
	init := graph.Init{Kind: graph.Uniform, Fan: c * op.Size * op.Size}
	return g.Param(name+".weight", init, out, c, op.Size, op.Size), init
}

// Linear maps the last axis of x to out numbers.
func Linear(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	c := channels(g, x)
	init := graph.Init{Kind: graph.Uniform, Fan: c}
	w := g.Param(name+".weight", init, out, c)
	return g.Apply(graph.Linear{}, x, w, g.Param(name+".bias", init, out))
}

// GroupNorm normalises over groups of channels and applies SiLU if op asks.
func GroupNorm(g graph.Graph, name string, x graph.Value, op graph.GroupNorm) graph.Value {
	c := channels(g, x)
	gamma := g.Param(name+".weight", graph.Init{Kind: graph.Ones}, c)
	return g.Apply(op, x, gamma, g.Param(name+".bias", graph.Init{}, c))
}

// InstanceNormPlus normalises x with what the table of the levels' γ, α and β holds for
// level.
func InstanceNormPlus(g graph.Graph, name string, x, level graph.Value, levels int) graph.Value {
	table := g.Param(name+".embed.weight", graph.Init{Kind: graph.Modulation}, levels, 3*channels(g, x))
	return g.Apply(graph.InstanceNormPlus{Eps: 1e-5}, x, g.Apply(graph.Embedding{}, level, table))
}

// Embedding looks id up in a table of rows vectors of width numbers.
func Embedding(g graph.Graph, name string, id graph.Value, rows, width int) graph.Value {
	return g.Apply(graph.Embedding{}, id, g.Param(name+".weight", graph.Init{Kind: graph.Normal}, rows, width))
}

// channels returns the last axis of x.
func channels(g graph.Graph, x graph.Value) int {
	shape := g.Shape(x)
	return shape[len(shape)-1]
}
