// Package nn has layers with named parameters for any graph.Graph, and the
// initialization of parameters.
//
// A layer is a function that declares its parameters under a name, with PyTorch's names
// and layout, and returns its output.
package nn

import "tweedie/core/graph"

// ZeroInit returns a Graph that declares parameters in g initialized to zero. It is for
// the last layer of a residual branch, so that an untrained network is the identity (Goyal
// et al. 2017, arXiv:1706.02677, section 5.1).
func ZeroInit(g graph.Graph) graph.Graph { return zeroed{g} }

type zeroed struct{ graph.Graph }

func (z zeroed) Param(name string, _ graph.Init, shape ...int) graph.Value {
	return z.Graph.Param(name, graph.Init{}, shape...)
}

// Conv3 is a 3×3 convolution to out channels with stride 1 and padding 1.
func Conv3(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1})
}

// Conv3Wide is Conv3 with padding 2: the image grows by one pixel on every side.
func Conv3Wide(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 3, Stride: 1, Before: 2, After: 2})
}

// Conv1 is a 1×1 convolution to out channels.
func Conv1(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 1, Stride: 1})
}

// Down3 is a 3×3 convolution with stride 2. With padding 0 one row and column of zeros
// is added at the end only, as in diffusers' Downsample2D.
func Down3(g graph.Graph, name string, x graph.Value, out, padding int) graph.Value {
	op := graph.Conv{Size: 3, Stride: 2, Before: padding, After: padding}
	if padding == 0 {
		op.After = 1
	}
	return conv(g, name, x, out, op)
}

// Dilated3 is a 3×3 convolution to out channels with the given dilation, stride 1, and
// padding that keeps the size.
func Dilated3(g graph.Graph, name string, x graph.Value, out, dilation int) graph.Value {
	return conv(g, name, x, out, graph.Conv{Size: 3, Stride: 1, Before: dilation, After: dilation, Dilation: dilation})
}

// Conv3NoBias is Conv3 without biases.
func Conv3NoBias(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	op := graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1}
	w, _ := weights(g, name, x, out, op)
	return g.Apply(op, x, w)
}

func conv(g graph.Graph, name string, x graph.Value, out int, op graph.Conv) graph.Value {
	w, init := weights(g, name, x, out, op)
	return g.Apply(op, x, w, g.Param(name+".bias", init, out))
}

// weights declares the weights of a convolution, and returns their initialization.
func weights(g graph.Graph, name string, x graph.Value, out int, op graph.Conv) (graph.Value, graph.Init) {
	c := channels(g, x)
	init := graph.Init{Kind: graph.Uniform, Fan: c * op.Size * op.Size}
	return g.Param(name+".weight", init, out, c, op.Size, op.Size), init
}

// Linear maps the last axis of x to out channels.
func Linear(g graph.Graph, name string, x graph.Value, out int) graph.Value {
	c := channels(g, x)
	init := graph.Init{Kind: graph.Uniform, Fan: c}
	w := g.Param(name+".weight", init, out, c)
	return g.Apply(graph.Linear{}, x, w, g.Param(name+".bias", init, out))
}

// GroupNorm is the group norm op with its parameters.
func GroupNorm(g graph.Graph, name string, x graph.Value, op graph.GroupNorm) graph.Value {
	c := channels(g, x)
	gamma := g.Param(name+".weight", graph.Init{Kind: graph.Ones}, c)
	return g.Apply(op, x, gamma, g.Param(name+".bias", graph.Init{}, c))
}

// InstanceNormPlus normalises x with γ, α and β for the noise level, from a table with one
// row for each of levels.
func InstanceNormPlus(g graph.Graph, name string, x, level graph.Value, levels int) graph.Value {
	table := g.Param(name+".embed.weight", graph.Init{Kind: graph.Modulation}, levels, 3*channels(g, x))
	return g.Apply(graph.InstanceNormPlus{Eps: 1e-5}, x, g.Apply(graph.Embedding{}, level, table))
}

// Embedding looks up row id in a table [rows,width].
func Embedding(g graph.Graph, name string, id graph.Value, rows, width int) graph.Value {
	return g.Apply(graph.Embedding{}, id, g.Param(name+".weight", graph.Init{Kind: graph.Normal}, rows, width))
}

// channels returns the size of the last axis of x.
func channels(g graph.Graph, x graph.Value) int {
	shape := g.Shape(x)
	return shape[len(shape)-1]
}
