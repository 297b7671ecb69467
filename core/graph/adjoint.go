package graph

import (
	"fmt"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// The operations of this file are the adjoints of others: given ∂loss/∂output they
// compute ∂loss/∂input, with the bits of every machine, as far as guidance by a
// classifier needs them. autodiff.Gradient writes them down; no network has them.

// ConvAdjoint is that of the Conv of an image H×W: of ∂loss/∂output [H',W',out], given
// the same weights.
type ConvAdjoint struct {
	Of   Conv
	H, W int
}

// Infer returns [H,W,C].
func (o ConvAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[1]) != 4 {
		return nil, fmt.Errorf("has inputs %v, need ∂loss/∂output and weights [out,C,h,w]", in)
	}
	x := []int{o.H, o.W, in[1][1]}
	return x, sameShape(in[0], o.Of, x, in[1])
}

// sameShape returns an error unless dy has the shape of what op makes of in.
func sameShape(dy []int, op Op, in ...[]int) error {
	y, err := op.Infer(in)
	if err == nil && fmt.Sprint(y) != fmt.Sprint(dy) {
		err = fmt.Errorf("has ∂loss/∂output %v, need %v", dy, y)
	}
	return err
}

// Cost counts what Conv does.
func (o ConvAdjoint) Cost(in [][]int, out []int) Cost { return o.Of.Cost([][]int{out}, in[0]) }

// Bind packs the weights, their taps turned round, for one product over the gradients,
// laid out Stride apart.
func (o ConvAdjoint) Bind(in, _ [][]int, out []int, batch int, mode kernel.Arithmetic) Runner {
	g, n := o.Of.Window(out), in[0][2]
	return &convAdjointRunner{convRunner{window: g, gather: *g.Transposed(n).Gather(batch), weights: kernel.NewPacked(n*g.Size*g.Size, g.C), batch: batch, mode: mode}, n}
}

type convAdjointRunner struct {
	convRunner
	n int // output channels of the convolution
}

func (r *convAdjointRunner) Load(params []quant.Numbers) {
	taps := r.window.Size * r.window.Size
	w := params[0].Float32()
	turned := make([]float32, len(w))
	for i, v := range w {
		turned[i/taps*taps+taps-1-i%taps] = v
	}
	r.weights.Pack(quant.Numbers{Float: turned}, taps, r.n, kernel.Strides{Tap: 1, Channel: taps * r.window.C, Column: taps})
}

func (r *convAdjointRunner) Scratch() int { return r.spread() + r.weights.Scratch() }

// spread returns how many numbers the gradients take, laid out.
func (r *convAdjointRunner) spread() int { return r.batch * r.window.Transposed(r.n).Padded() }

func (r *convAdjointRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	r.window.Spread(scratch, x[0], n, r.n)
	g := r.gather
	g.Rows = g.Rows[:len(g.Rows)/r.batch*n]
	kernel.MatMul(y, scratch, &g, r.weights, nil, nil, scratch[r.spread():], r.mode)
}

// LinearAdjoint is that of Linear: of ∂loss/∂output, given the same weights [out,C].
type LinearAdjoint struct{}

// Infer returns the shape of what Linear was given.
func (LinearAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) == 0 || len(in[1]) != 2 {
		return nil, fmt.Errorf("has inputs %v, need ∂loss/∂output and weights [out,C]", in)
	}
	x := append(append([]int{}, in[0][:len(in[0])-1]...), in[1][1])
	return x, sameShape(in[0], Linear{}, x, in[1])
}

// Cost counts what Linear does.
func (LinearAdjoint) Cost(in [][]int, out []int) Cost { return Linear{}.Cost([][]int{out}, in[0]) }

// Bind packs the weights, transposed.
func (LinearAdjoint) Bind(in, params [][]int, out []int, batch int, mode kernel.Arithmetic) Runner {
	transposed := [][]int{{params[0][1], params[0][0]}}
	return &linearAdjointRunner{Linear{}.Bind(in, transposed, out, batch, mode).(*linearRunner)}
}

type linearAdjointRunner struct{ *linearRunner }

func (r *linearAdjointRunner) Load(params []quant.Numbers) {
	r.weights.Pack(quant.Numbers{Float: params[0].Float32()}, 1, r.window.C, kernel.Strides{Channel: r.weights.N, Column: 1})
}

// NormAdjoint is that of a GroupNorm: of ∂loss/∂output, the image that it was given, and
// its γ and β.
type NormAdjoint struct{ Of GroupNorm }

// Infer returns the image's shape.
func (o NormAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 4 {
		return nil, fmt.Errorf("has inputs %v, need ∂loss/∂output, an image [H,W,C] and two vectors [C]", in)
	}
	return in[1], sameShape(in[0], o.Of, in[1:]...)
}

// Cost counts that of GroupNorm, and its own.
func (o NormAdjoint) Cost(_ [][]int, out []int) Cost { return each(out, 60) }

// Bind returns the kernel.
func (o NormAdjoint) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	return &normAdjointRunner{norm: o.Of.Norm(out)}
}

type normAdjointRunner struct {
	weights
	norm kernel.Norm
}

func (r *normAdjointRunner) Scratch() int { return kernel.GroupNormAdjointScratch(r.norm) }
func (r *normAdjointRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	k := r.norm.HW * r.norm.C
	for i := range n {
		from, to := i*k, (i+1)*k
		kernel.GroupNormAdjoint(y[from:to], x[1][from:to], r.numbers[0], r.numbers[1], x[0][from:to], scratch, r.norm)
	}
}

// SiLUAdjoint is that of SiLU: of ∂loss/∂output and the value that it was given.
type SiLUAdjoint struct{}

// Infer returns the common shape.
func (SiLUAdjoint) Infer(in [][]int) ([]int, error) { return Add{}.Infer(in) }

// Cost counts an exponential as eight.
func (SiLUAdjoint) Cost(_ [][]int, out []int) Cost { return each(out, 16) }

// Bind returns the kernel.
func (SiLUAdjoint) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return plain{func(y []float32, x [][]float32, n int) { kernel.SiLUAdjoint(y[:n*k], x[1][:n*k], x[0][:n*k]) }}
}

// PoolAdjoint is that of the AveragePool of an image H×W.
type PoolAdjoint struct {
	Of   AveragePool
	H, W int
}

// Infer returns [H,W,C].
func (o PoolAdjoint) Infer(in [][]int) ([]int, error) {
	if err := oneImage(in); err != nil {
		return nil, err
	}
	x := []int{o.H, o.W, in[0][2]}
	return x, sameShape(in[0], o.Of, x)
}

// Cost counts as AveragePool does.
func (o PoolAdjoint) Cost(in [][]int, _ []int) Cost { return o.Of.Cost(nil, in[0]) }

// Bind returns the kernel.
func (o PoolAdjoint) Bind(in, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	w := o.Of.Window(out)
	kx, ky := size(in[0]), size(out)
	return spacious{w.W * w.C, func(y []float32, x [][]float32, n int, scratch []float32) {
		clear(y[:n*ky])
		for i := range n {
			kernel.AveragePoolBackward(y[i*ky:(i+1)*ky], x[0][i*kx:(i+1)*kx], scratch, w)
		}
	}}
}

// LogSoftmaxAdjoint is ∂ log softmax(z)[y]/∂z of logits z [1,1,K] and a class number y
// [1]: 1 at y and 0 elsewhere, less softmax(z). A number out of range is the caller's
// mistake and panics.
type LogSoftmaxAdjoint struct{}

// Infer returns the shape of the logits.
func (LogSoftmaxAdjoint) Infer(in [][]int) ([]int, error) {
	if len(in) != 2 || len(in[0]) == 0 || size(in[1]) != 1 || size(in[0]) != in[0][len(in[0])-1] {
		return nil, fmt.Errorf("has inputs %v, need logits [1,1,K] and one number", in)
	}
	return in[0], nil
}

// Cost counts an exponential as eight.
func (LogSoftmaxAdjoint) Cost(_ [][]int, out []int) Cost { return each(out, 12) }

// Bind returns the kernel.
func (LogSoftmaxAdjoint) Bind(_, _ [][]int, out []int, _ int, _ kernel.Arithmetic) Runner {
	k := size(out)
	return spacious{kernel.SoftmaxScratch(k), func(y []float32, x [][]float32, n int, scratch []float32) {
		kernel.SoftmaxRows(y[:n*k], x[0][:n*k], scratch, k)
		for i := range n {
			row := y[i*k : (i+1)*k]
			for j := range row {
				row[j] = -row[j]
			}
			row[int(x[1][i])] += 1
		}
	}}
}
