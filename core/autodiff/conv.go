package autodiff

import (
	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// convBackward differentiates a convolution, or a linear map as one of size 1.
type convBackward struct {
	tapeNode
	window, back kernel.Window // of the forward pass, of the input's gradient
	n            int           // output channels
	mode         kernel.Arithmetic
	gather       kernel.Gather
	backGather   kernel.Gather
	flipped      []float32        // flipped weights, for the gradient of the input
	weights      *kernel.Packed   // those, packed, or
	winograd     *kernel.Winograd // transformed
	dw           []float32        // [taps·C, n]: MatMulGrad's layout
	used         bool             // dw is not zero
}

func newConvBackward(at tapeNode, g kernel.Window, mode kernel.Arithmetic) *convBackward {
	n := at.t.program.Shape(at.node.Params[0])[0]
	b := &convBackward{tapeNode: at, window: g, back: g.Transposed(n), n: n, mode: mode}
	k := g.C * g.Size * g.Size
	b.gather = *g.Gather(at.t.batch)
	b.dw = make([]float32, k*n)
	if at.t.deltas[at.node.In[0]] != nil {
		b.flipped = make([]float32, k*n)
		if same := b.symmetricWindow(); same.SuitsWinograd(g.C) {
			b.winograd = kernel.NewWinograd(same, g.C)
		} else {
			b.backGather = *b.back.Gather(at.t.batch)
			b.weights = kernel.NewPacked(n*g.Size*g.Size, g.C)
		}
	}
	return b
}

// symmetricWindow returns the window of the input's gradient for a forward pass with
// symmetric padding: then it is a convolution of dy of the same size.
func (b *convBackward) symmetricWindow() kernel.Window {
	g := b.window
	g.C = b.n
	return g
}

func (b *convBackward) scratch() int {
	if b.winograd != nil {
		return max(b.t.batch*b.window.Padded(), b.winograd.Scratch())
	}
	if b.window.Size == 1 && b.window.Stride == 1 && b.window.Plain() {
		return 0
	}
	return b.t.batch * max(b.window.Padded(), b.back.Padded())
}

func (b *convBackward) load() {
	if b.flipped == nil {
		return
	}
	w, c, taps := b.w(0), b.window.C, b.window.Size*b.window.Size
	for i, v := range w {
		channel, tap := i/taps, i%taps
		b.flipped[(channel%c*b.n+channel/c)*taps+taps-1-tap] = v
	}
	if b.winograd != nil {
		b.winograd.Pack(quant.Numbers{Float: b.flipped})
	} else {
		b.weights.Pack(quant.Numbers{Float: b.flipped}, taps, b.n, kernel.Strides{Tap: 1, Channel: taps, Column: taps * b.n})
	}
}

func (b *convBackward) run(n int, dy []float32) {
	if len(b.node.Params) > 1 {
		kernel.SumRows(b.tapeNode.dw(1), dy)
	}
	x := b.x(0, n)
	if !b.window.Plain() {
		b.window.Pad(b.t.scratch, x, n)
		x = b.t.scratch[:n*b.window.Padded()]
	}
	kernel.MatMulGrad(b.dw, x, dy, rowsOf(&b.gather, n, b.t.batch), b.n)
	b.used = true
	if dx := b.dx(0, n); dx != nil && b.winograd != nil {
		b.winograd.Run(dx, dy, n, nil, dx, b.t.scratch, b.mode)
	} else if dx != nil {
		src := dy
		if b.window.Size > 1 || b.window.Stride > 1 {
			b.window.Spread(b.t.scratch, dy, n, b.n)
			src = b.t.scratch[:n*b.back.Padded()]
		}
		kernel.MatMul(dx, src, rowsOf(&b.backGather, n, b.t.batch), b.weights, nil, dx, nil, b.mode)
	}
}

// flush adds dw, transposed to PyTorch's layout, to the gradient of the weights.
func (b *convBackward) flush() {
	if !b.used {
		return
	}
	b.used = false
	out, taps := b.tapeNode.dw(0), b.window.Size*b.window.Size
	for t := range taps {
		for c := range b.window.C {
			row := b.dw[(t*b.window.C+c)*b.n:][:b.n]
			for o, v := range row {
				out[(o*b.window.C+c)*taps+t] += v
			}
		}
	}
	clear(b.dw)
}

// rowsOf returns g for the first n of batch samples.
func rowsOf(g *kernel.Gather, n, batch int) *kernel.Gather {
	return &kernel.Gather{Rows: g.Rows[:len(g.Rows)/batch*n], Taps: g.Taps, C: g.C}
}
