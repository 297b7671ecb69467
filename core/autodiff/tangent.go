package autodiff

import (
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// tangent is the derivative of a nonlinear operation along a direction. Its inputs are
// those of the operation (for ELU, its output), followed by their tangents.
type tangent struct {
	graph.Op
	inputs int // of the operation
}

// Infer returns the output shape of the operation.
func (o tangent) Infer(in [][]int) ([]int, error) { return o.Op.Infer(in[:o.inputs]) }

// Cost is twice that of the operation.
func (o tangent) Cost(in [][]int, out []int) graph.Cost {
	return graph.Cost{FLOPs: 2 * o.Op.Cost(in, out).FLOPs}
}

// Bind returns the kernel.
func (o tangent) Bind(in, _ [][]int, out []int, batch int, _ kernel.Arithmetic) graph.Runner {
	shape, k := in[0], tensor.Size(in[0])
	r := &tangentRunner{size: k}
	switch op := o.Op.(type) {
	case graph.ELU:
		r.image = func(dy []float32, x [][]float32, _ []float32) {
			clear(dy)
			kernel.ELUBackward(dy, x[0], x[1])
		}
	case graph.GroupNorm:
		n := op.Norm(shape)
		r.scratch, r.image = 2*k+2*n.Groups, r.groupNorm(n)
	case graph.InstanceNormPlus:
		n := op.Norm(shape)
		r.scratch = k + 5*n.C
		r.image = func(dy []float32, x [][]float32, scratch []float32) {
			stats := scratch[k : k+3*n.C]
			kernel.InstanceNormPlus(scratch[:k], x[0], x[1], stats, n)
			kernel.InstanceNormPlusTangent(dy, x[0], x[2], x[1], stats, scratch[k+3*n.C:k+5*n.C], n)
		}
	case graph.Attention:
		a := op.Attn(shape)
		r.scratch = kernel.AttentionTangentScratch(a)
		r.image = func(dy []float32, x [][]float32, scratch []float32) {
			kernel.AttentionTangent(dy, x[0], x[1], x[2], x[3], x[4], x[5], scratch, a)
		}
	}
	for _, s := range in {
		r.sizes = append(r.sizes, tensor.Size(s))
	}
	return r
}

// tangentRunner computes a tangent image by image.
type tangentRunner struct {
	size, scratch int
	sizes         []int // of one sample of the inputs
	params        [][]float32
	image         func(dy []float32, x [][]float32, scratch []float32)
}

func (r *tangentRunner) Load(params []quant.Numbers) {
	r.params = nil
	for _, p := range params {
		r.params = append(r.params, p.Float32())
	}
}

func (r *tangentRunner) Scratch() int { return r.scratch }

func (r *tangentRunner) Run(y []float32, x [][]float32, n int, scratch []float32) {
	var of [6][]float32
	for i := range n {
		for j, k := range r.sizes {
			of[j] = x[j][i*k : (i+1)*k]
		}
		r.image(y[i*r.size:(i+1)*r.size], of[:], scratch)
	}
}

// groupNorm returns the tangent of a group norm, including its SiLU.
func (r *tangentRunner) groupNorm(n kernel.Norm) func(dy []float32, x [][]float32, scratch []float32) {
	withSiLU := n.SiLU
	n.SiLU = false
	return func(dy []float32, x [][]float32, scratch []float32) {
		z, dz := scratch[:r.size], scratch[r.size:2*r.size]
		mean, rstd := scratch[2*r.size:][:n.Groups], scratch[2*r.size+n.Groups:][:n.Groups]
		kernel.GroupNorm(z, x[0], r.params[0], r.params[1], mean, rstd, n)
		if !withSiLU {
			dz = dy
		}
		kernel.GroupNormTangent(dz, x[0], x[1], r.params[0], mean, rstd, n)
		if withSiLU {
			clear(dy)
			kernel.SiLUBackward(dy, z, dz)
		}
	}
}

// Tangent returns a program that computes the output of p and its derivative along a
// direction. The first input of p must be an image. The new program has one more input
// after those of p, a direction with the shape of the image. Its output [H,W,2C] has the C
// channels of p's output, then the C channels of ∂output/∂image·direction. Its parameters
// are those of p. The error names an operation without a forward derivative.
func Tangent(p *graph.Program, out graph.Value) (*graph.Program, graph.Value, error) {
	q := &graph.Program{}
	d, values := NewJVP(q), make([]graph.Value, p.Values())
	for _, i := range p.Inputs {
		values[i.Value] = q.Input(i.Name, i.Shape...)
	}
	for _, w := range p.Params {
		values[w.Value] = q.Param(w.Name, w.Init, w.Shape...)
	}
	image := p.Inputs[0]
	d.SetTangents(values[image.Value], q.Input("direction of "+image.Name, image.Shape...))
	for _, n := range p.Nodes {
		var in []graph.Value
		for _, v := range append(append([]graph.Value{}, n.In...), n.Params...) {
			in = append(in, values[v])
		}
		values[n.Out] = d.Apply(n.Op, in...)
	}
	if err := q.Err(); err != nil {
		return nil, 0, err
	}
	both := append([]graph.Value{values[out]}, d.Tangents(values[out])...)
	joined := q.Apply(graph.Concat{}, both...)
	return q, joined, q.Err()
}
