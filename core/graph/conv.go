package graph

import (
	"fmt"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// Conv is a square convolution of an image [H,W,C] with weights [out,C,Size,Size] and
// optional biases [out]. The image is padded with Before rows and columns of zeros at
// the start and After at the end. The taps are Dilation pixels apart; 0 means 1.
//
// With Transposed it maps an image [H,W,out] to C channels, with the weights flipped and
// transposed, and no biases: the gradient with respect to a convolution's input.
type Conv struct {
	Size, Stride  int
	Before, After int
	Dilation      int
	Transposed    bool `json:"Turned,omitempty"`
}

// Infer returns [H',W',out].
func (o Conv) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 && len(in) != 3 || len(in[0]) != 3 || len(in[1]) != 4 || len(in) == 3 && len(in[2]) != 1 {
		return nil, fmt.Errorf("the inputs must be an image [H,W,C], weights [out,C,h,w] and biases [out] or none (got %v)", in)
	}
	x, w := in[0], in[1]
	if o.Transposed {
		if len(in) == 3 {
			return nil, fmt.Errorf("a transposed convolution has no biases (got %v)", in[2])
		}
		w = []int{w[1], w[0], w[2], w[3]}
	}
	if w[1] != x[2] || w[2] != o.Size || w[3] != o.Size || len(in) == 3 && in[2][0] != w[0] {
		return nil, fmt.Errorf("weights and biases %v do not fit image %v and size %d", in[1:], x, o.Size)
	}
	g := o.Window(x)
	if !checkWindow(g) {
		return nil, fmt.Errorf("%+v does not fit image %v", o, x)
	}
	return []int{g.OutH(), g.OutW(), w[0]}, nil
}

// checkWindow reports whether a window is valid and not larger than its padded image.
func checkWindow(g kernel.Window) bool {
	const limit = 1 << 20 // larger than any image, and no sum overflows
	for _, v := range []int{g.Size, g.Stride, g.Before + 1, g.After + 1, g.Dilation + 1} {
		if v <= 0 || v > limit {
			return false
		}
	}
	return min(g.H, g.W)+g.Before+g.After >= g.Span()
}

// Window returns the kernel's geometry on an image of this shape.
func (o Conv) Window(x []int) kernel.Window {
	return kernel.Window{H: x[0], W: x[1], C: x[2], Size: o.Size, Stride: o.Stride, Before: o.Before, After: o.After, Dilation: o.Dilation}
}

// Cost counts two operations a weight and position.
func (o Conv) Cost(in [][]int, out []int) Cost {
	return Cost{FLOPs: 2 * int64(out[0]*out[1]*out[2]) * int64(in[0][2]*o.Size*o.Size)}
}

// Bind packs the weights as the right-hand side of one matrix product over all pixels, or
// transforms them for Winograd's algorithm where that takes fewer operations.
func (o Conv) Bind(in, params [][]int, out []int, batch int, mode kernel.Arithmetic) Runner {
	if o.Transposed {
		o.Transposed = false
		return transposedConv{o.Bind(in, params, out, batch, mode), in[0][2], out[2]}
	}
	g := o.Window(in[0])
	if g.SuitsWinograd(out[2]) {
		return &winogradRunner{conv: kernel.NewWinograd(g, out[2]), mode: mode}
	}
	return &convRunner{window: g, gather: *g.Gather(batch), weights: kernel.NewPacked(g.C*g.Size*g.Size, out[2]), batch: batch, mode: mode}
}

// transposedConv runs a convolution with the flipped and transposed weights [from,to,h,w].
type transposedConv struct {
	Runner
	from, to int
}

func (r transposedConv) Load(params []quant.Numbers) {
	w := params[0].Float32()
	t, taps := make([]float32, len(w)), len(w)/(r.from*r.to)
	for i, v := range w {
		channel, tap := i/taps, i%taps
		t[(channel%r.to*r.from+channel/r.to+1)*taps-1-tap] = v
	}
	r.Runner.Load([]quant.Numbers{{Float: t}})
}

type convRunner struct {
	window  kernel.Window
	gather  kernel.Gather
	weights *kernel.Packed
	bias    []float32
	batch   int
	mode    kernel.Arithmetic
}

func (r *convRunner) Load(params []quant.Numbers) {
	taps := r.window.Size * r.window.Size
	r.weights.Pack(params[0], taps, r.window.C, kernel.Strides{Tap: 1, Channel: taps, Column: taps * r.window.C})
	r.bias = biases(params)
}

// biases returns the second parameter, or nil if there is none.
func biases(params []quant.Numbers) []float32 {
	if len(params) < 2 {
		return nil
	}
	return params[1].Float32()
}

func (r *convRunner) Scratch() int {
	return r.padded() + r.weights.Scratch()
}

// padded returns the size of the padded images, or 0 if they need no padding.
func (r *convRunner) padded() int {
	if r.window.Plain() {
		return 0
	}
	return r.batch * r.window.Padded()
}

func (r *convRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	src := x[0]
	if !r.window.Plain() {
		r.window.Pad(scratch, src, n)
		src = scratch
	}
	g := r.gather
	g.Rows = g.Rows[:len(g.Rows)/r.batch*n]
	kernel.MatMul(y, src, &g, r.weights, r.bias, nil, scratch[r.padded():], r.mode)
}

type winogradRunner struct {
	conv *kernel.Winograd
	bias []float32
	mode kernel.Arithmetic
}

func (r *winogradRunner) Load(params []quant.Numbers) {
	r.conv.Pack(params[0])
	r.bias = biases(params)
}

func (r *winogradRunner) Scratch() int { return r.conv.Scratch() }

func (r *winogradRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	r.conv.Run(y, x[0], n, r.bias, nil, scratch, r.mode)
}

// Linear maps the last axis of x, [C] or [H,W,C], with weights [out,C] and optional
// biases [out].
type Linear struct{}

// Infer returns x's shape with its last axis replaced.
func (Linear) Infer(in [][]int) ([]int, error) {
	if len(in) < 2 || len(in) > 3 || len(in[0]) == 0 || len(in[1]) != 2 || len(in) == 3 && len(in[2]) != 1 {
		return nil, fmt.Errorf("the inputs must be x, weights [out,C] and biases [out] or none (got %v)", in)
	}
	x, w := in[0], in[1]
	last := len(x) - 1
	if w[1] != x[last] || len(in) == 3 && in[2][0] != w[0] {
		return nil, fmt.Errorf("weights %v and biases %v do not fit x %v", w, in[2:], x)
	}
	return append(append([]int{}, x[:last]...), w[0]), nil
}

// Cost counts two operations a weight and row.
func (Linear) Cost(in [][]int, out []int) Cost {
	x := in[0]
	return Cost{FLOPs: 2 * int64(size(out)) * int64(x[len(x)-1])}
}

// Bind packs the weights.
func (Linear) Bind(in, params [][]int, out []int, batch int, mode kernel.Arithmetic) Runner {
	x := in[0]
	c := x[len(x)-1]
	rows := size(x) / c
	g := kernel.Window{H: rows * batch, W: 1, C: c, Size: 1, Stride: 1}
	return &linearRunner{convRunner{window: g, gather: *g.Gather(1), weights: kernel.NewPacked(c, params[0][0]), batch: batch, mode: mode}}
}

type linearRunner struct{ convRunner }
