package autodiff

import (
	"tweedie/core/graph"
	"tweedie/core/kernel"
)

// normBackward differentiates a group norm. It uses the statistics in the scratch of the
// forward pass.
type normBackward struct {
	tapeNode
	norm  kernel.Norm
	stats []float32
}

func (normBackward) load()  {}
func (normBackward) flush() {}

func (b normBackward) run(n int, dy []float32) {
	k, g := b.norm.HW*b.norm.C, b.norm.Groups
	x, dx := b.x(0, n), b.dx(0, n)
	for i := range n {
		at := i * k
		mean, rstd := b.stats[2*g*i:2*g*i+g], b.stats[2*g*i+g:2*g*(i+1)]
		kernel.GroupNormBackward(dx[at:at+k], b.dw(0), b.dw(1), x[at:at+k], b.w(0), b.w(1), mean, rstd, dy[at:at+k], b.norm)
	}
}

// normPlusBackward is normBackward for InstanceNormPlus.
type normPlusBackward struct {
	tapeNode
	norm  kernel.Norm
	stats []float32
}

func (normPlusBackward) load()  {}
func (normPlusBackward) flush() {}

func (b normPlusBackward) run(n int, dy []float32) {
	k, c := b.norm.HW*b.norm.C, 3*b.norm.C
	for i := range n {
		image := func(x []float32) []float32 { return x[i*k : (i+1)*k] }
		vector := func(x []float32) []float32 { return x[i*c : (i+1)*c] }
		kernel.InstanceNormPlusBackward(image(b.dx(0, n)), vector(b.dx(1, n)), image(b.x(0, n)), vector(b.x(1, n)), vector(b.stats), image(dy), b.norm)
	}
}

// adjoint differentiates a linear operation on an image.
type adjoint struct {
	tapeNode
	add func(dx, dy, scratch []float32)
}

func (adjoint) load()  {}
func (adjoint) flush() {}

func (b adjoint) run(n int, dy []float32) {
	dx := b.dx(0, n)
	if dx == nil {
		return
	}
	kx, ky := b.size(0), len(dy)/n
	for i := range n {
		b.add(dx[i*kx:(i+1)*kx], dy[i*ky:(i+1)*ky], b.t.scratch)
	}
}

// attentionBackward differentiates an attention; it recomputes the softmax.
type attentionBackward struct {
	tapeNode
	attn kernel.Attn
}

func (attentionBackward) load()  {}
func (attentionBackward) flush() {}

func (b attentionBackward) run(n int, dy []float32) {
	k := b.attn.L * b.attn.C
	for i := range n {
		s := func(x []float32) []float32 { return x[i*k : (i+1)*k] }
		kernel.AttentionBackward(s(b.dx(0, n)), s(b.dx(1, n)), s(b.dx(2, n)),
			s(b.x(0, n)), s(b.x(1, n)), s(b.x(2, n)), s(dy), b.t.scratch, b.attn)
	}
}

// elementwiseBackward differentiates the operations that need no state of the forward
// pass beyond their inputs and output.
type elementwiseBackward struct{ tapeNode }

func (elementwiseBackward) load()  {}
func (elementwiseBackward) flush() {}

func (b elementwiseBackward) run(n int, dy []float32) {
	switch op := b.node.Op.(type) {
	case graph.SiLU:
		if dx := b.dx(0, n); dx != nil {
			kernel.SiLUBackward(dx, b.x(0, n), dy)
		}
	case graph.ELU:
		if dx := b.dx(0, n); dx != nil {
			kernel.ELUBackward(dx, b.t.values[b.node.Out][:len(dy)], dy)
		}
	case graph.Affine:
		if dx := b.dx(0, n); dx != nil {
			kernel.AddScaled(dx, dy, op.Scale)
		}
	case graph.Add:
		for i := range 2 {
			if dx := b.dx(i, n); dx != nil {
				kernel.AddTo(dx, dy)
			}
		}
	case graph.AddChannels:
		kernel.AddTo(b.dx(0, n), dy)
		k, c := b.size(0), b.size(1)
		de := b.dx(1, n)
		for i := range n {
			kernel.SumRows(de[i*c:(i+1)*c], dy[i*k:(i+1)*k])
		}
	case graph.Concat:
		rows := n * b.shape(0)[0] * b.shape(0)[1]
		kernel.ConcatBackward(b.dx(0, n), b.dx(1, n), dy, rows, b.shape(0)[2], b.shape(1)[2])
	case graph.Embedding:
		c := len(dy) / n
		for i := range n {
			kernel.EmbedBackward(b.dw(0), dy[i*c:(i+1)*c], int(b.x(0, n)[i]), c)
		}
	default:
		b.resample(n, dy)
	}
}

// resample differentiates the operations that move pixels.
func (b elementwiseBackward) resample(n int, dy []float32) {
	dx := b.dx(0, n)
	if dx == nil {
		return // the gradient of an input is not needed
	}
	kx, ky := b.size(0), len(dy)/n
	in, out := b.shape(0), b.t.program.Shape(b.node.Out)
	for i := range n {
		d, s := dx[i*kx:(i+1)*kx], dy[i*ky:(i+1)*ky]
		switch b.node.Op.(type) {
		case graph.Upsample:
			kernel.Upsample2Backward(d, s, in[0], in[1], in[2])
		case graph.SpaceToDepth:
			kernel.SpaceToDepth2Backward(d, s, in[0], in[1], in[2])
		case graph.DepthToSpace:
			kernel.DepthToSpace2Backward(d, s, out[0], out[1], out[2])
		}
	}
}

// Differentiable is an operation with a method for its derivative.
type Differentiable interface {
	graph.Op
	// Backward adds ∂loss/∂x and ∂loss/∂w of n samples to dx and dw, given the inputs x,
	// the parameters w and dy, which is ∂loss/∂output. An entry of dx is nil if it is not
	// needed.
	Backward(dx, dw, x, w [][]float32, dy []float32, n int)
}

// customBackward differentiates a Differentiable.
type customBackward struct {
	tapeNode
	op Differentiable
}

func (customBackward) load()  {}
func (customBackward) flush() {}

func (b customBackward) run(n int, dy []float32) {
	var dx, x, dw, w [][]float32
	for i := range b.node.In {
		dx, x = append(dx, b.dx(i, n)), append(x, b.x(i, n))
	}
	for i := range b.node.Params {
		dw, w = append(dw, b.dw(i)), append(w, b.w(i))
	}
	b.op.Backward(dx, dw, x, w, dy, n)
}
