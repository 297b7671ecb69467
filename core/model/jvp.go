package model

import (
	"tweedie/core/autodiff"
	"tweedie/core/infer"
	"tweedie/core/tensor"
)

// JVP evaluates a model's bare network F and its directional derivative, in about twice the
// time of F. It must be used by one goroutine at a time.
type JVP struct {
	config        *Config
	plan          *infer.Plan
	times, labels []float32
	output        []float32 // of the plan: F and the derivative
}

// NewJVP returns a JVP that evaluates up to batch images at a time, on one worker. The error
// names an operation of the network that has no tangent; see autodiff.Tangent.
func (m *Model) NewJVP(batch int, o infer.Options) (*JVP, error) {
	p, out, err := autodiff.Tangent(m.network.Program, m.network.Out)
	if err != nil {
		return nil, err
	}
	w, err := infer.Load(p, out, m.source, batch, o)
	if err != nil {
		return nil, err
	}
	return &JVP{m.config, w.NewPlan(), make([]float32, batch), make([]float32, batch), make([]float32, batch*p.Size(out))}, nil
}

// Network returns a function that computes F(x; c_noise) and ∂F/∂x·e for images x [N,H,W,C] of
// the given classes, −1 for none, along e [N,H,W,C]: a likelihood.NetworkProduct. If the
// network has learned variances, both results have 2C channels.
func (a *JVP) Network(class []int) func(x, e *tensor.Tensor, cNoise float32) (f, derivative *tensor.Tensor, err error) {
	return func(x, e *tensor.Tensor, cNoise float32) (f, derivative *tensor.Tensor, err error) {
		c := x.Shape[3] * a.config.outputsPerChannel()
		f = tensor.New(x.Shape[0], x.Shape[1], x.Shape[2], c)
		derivative = tensor.New(f.Shape...)
		size, most := tensor.Size(x.Shape[1:]), len(a.times)
		for start := 0; start < x.Shape[0]; start += most {
			n := min(most, x.Shape[0]-start)
			from, to := start*size, (start+n)*size
			a.plan.Run(a.output, n, a.inputs(x.Data[from:to], e.Data[from:to], class[start:start+n], cNoise)...)
			for at := range n * size / x.Shape[3] {
				pixel := a.output[at*2*c : (at+1)*2*c]
				to := (start*size/x.Shape[3] + at) * c
				copy(f.Data[to:to+c], pixel)
				copy(derivative.Data[to:to+c], pixel[c:])
			}
		}
		return f, derivative, nil
	}
}

// inputs returns the inputs of the plan: images, times, classes if the network is conditional,
// and directions.
func (a *JVP) inputs(x, e []float32, class []int, cNoise float32) [][]float32 {
	for i, k := range class {
		if a.times[i] = a.config.Time(cNoise); k < 0 && a.config.NullClass != nil {
			k = *a.config.NullClass
		}
		a.labels[i] = float32(k)
	}
	if a.config.Labels() == 0 {
		return [][]float32{x, a.times, e}
	}
	return [][]float32{x, a.times, a.labels, e}
}
