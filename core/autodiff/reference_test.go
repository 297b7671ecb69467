package autodiff

import (
	"fmt"
	"math"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/tensor"
)

// evaluate computes every operation from its definition, in float64, for one sample.
// values contains inputs and parameters, and receives the other values.
func evaluate(p *graph.Program, values map[graph.Value][]float64) {
	for _, n := range p.Nodes {
		in := make([][]float64, 0, 5)
		shapes := make([][]int, 0, 5)
		for _, v := range append(append([]graph.Value{}, n.In...), n.Params...) {
			in, shapes = append(in, values[v]), append(shapes, p.Shape(v))
		}
		out := p.Shape(n.Out)
		y := make([]float64, tensor.Size(out))
		apply(n.Op, y, out, in, shapes)
		values[n.Out] = y
	}
}

func apply(op graph.Op, y []float64, out []int, in [][]float64, shapes [][]int) {
	switch op := op.(type) {
	case graph.Conv:
		refConv(op, y, out, in, shapes[0])
	case graph.Linear:
		c, m := shapes[1][1], shapes[1][0]
		for i := range y {
			if len(in) > 2 {
				y[i] = in[2][i%m]
			}
			for k := range c {
				y[i] += in[0][i/m*c+k] * in[1][i%m*c+k]
			}
		}
	case graph.GroupNorm:
		refNorm(op, y, in, shapes[0])
	case graph.Attention:
		refAttention(op, y, in, shapes[0])
	case graph.SiLU:
		for i, v := range in[0] {
			y[i] = silu(v)
		}
	case graph.ELU:
		for i, v := range in[0] {
			if y[i] = v; v <= 0 {
				y[i] = math.Exp(v) - 1
			}
		}
	case graph.Affine:
		for i, v := range in[0] {
			y[i] = float64(op.Scale)*v + float64(op.Shift)
		}
	case graph.InstanceNormPlus:
		refNormPlus(op, y, in, shapes[0])
	case graph.AveragePool:
		refPool(op, y, out, in[0], shapes[0])
	case graph.Bilinear:
		refBilinear(y, out, in[0], shapes[0])
	case graph.Add, graph.AddChannels:
		for i, v := range in[0] {
			y[i] = v + in[1][i%len(in[1])]
		}
	case graph.Concat:
		a, b := shapes[0][2], shapes[1][2]
		for i := range y {
			if r, c := i/(a+b), i%(a+b); c < a {
				y[i] = in[0][r*a+c]
			} else {
				y[i] = in[1][r*b+c-a]
			}
		}
	case graph.Upsample, graph.SpaceToDepth, graph.DepthToSpace:
		refMove(op, y, out, in[0], shapes[0])
	case siluTangent:
		const h = 1e-4
		for i, v := range in[0] {
			y[i] = (silu(v+h) - silu(v-h)) / (2 * h) * in[1][i]
		}
	case graph.Embedding:
		copy(y, in[1][int(in[0][0])*len(y):])
	case graph.Sinusoid:
		refSinusoid(op, y, in[0][0])
	default:
		if !refGeneral(op, y, in, shapes) {
			panic(fmt.Sprintf("no reference for %T", op))
		}
	}
}

func silu(v float64) float64 { return v / (1 + math.Exp(-v)) }

func refConv(op graph.Conv, y []float64, out []int, in [][]float64, x []int) {
	for i := range y {
		oy, ox, o := i/out[2]/out[1], i/out[2]%out[1], i%out[2]
		if len(in) > 2 {
			y[i] = in[2][o]
		}
		apart := max(op.Dilation, 1)
		for ky := range op.Size {
			for kx := range op.Size {
				r, c := oy*op.Stride+ky*apart-op.Before, ox*op.Stride+kx*apart-op.Before
				if r < 0 || c < 0 || r >= x[0] || c >= x[1] {
					continue
				}
				for k := range x[2] {
					y[i] += in[0][(r*x[1]+c)*x[2]+k] * in[1][((o*x[2]+k)*op.Size+ky)*op.Size+kx]
				}
			}
		}
	}
}

func refNorm(op graph.GroupNorm, y []float64, in [][]float64, shape []int) {
	c, width := shape[2], shape[2]/op.Groups
	for g := range op.Groups {
		var sum, squares, count float64
		each := func(f func(i int)) {
			for i := range y {
				if i%c/width == g {
					f(i)
				}
			}
		}
		each(func(i int) { sum += in[0][i]; count++ })
		each(func(i int) { squares += (in[0][i] - sum/count) * (in[0][i] - sum/count) })
		rstd := 1 / math.Sqrt(squares/count+float64(op.Eps))
		each(func(i int) {
			y[i] = (in[0][i]-sum/count)*rstd*in[1][i%c] + in[2][i%c]
			if op.SiLU {
				y[i] = silu(y[i])
			}
		})
	}
}

func refNormPlus(op graph.InstanceNormPlus, y []float64, in [][]float64, shape []int) {
	c, count := shape[2], float64(shape[0]*shape[1])
	mean, m, v := make([]float64, c), 0.0, 0.0
	for i, x := range in[0] {
		mean[i%c] += x / count
		m += x / count / float64(c)
	}
	variance := make([]float64, c)
	for i, x := range in[0] {
		variance[i%c] += (x - mean[i%c]) * (x - mean[i%c]) / count
	}
	for _, x := range mean {
		v += (x - m) * (x - m) / float64(c-1)
	}
	eps := float64(op.Eps)
	for i, x := range in[0] {
		k := i % c
		gamma, alpha, beta := in[1][k], in[1][c+k], in[1][2*c+k]
		y[i] = gamma*((x-mean[k])/math.Sqrt(variance[k]+eps)+alpha*(mean[k]-m)/math.Sqrt(v+eps)) + beta
	}
}

func refPool(op graph.AveragePool, y []float64, out []int, x []float64, shape []int) {
	for i := range y {
		oy, ox, c := i/out[2]/out[1], i/out[2]%out[1], i%out[2]
		for ky := range op.Size {
			for kx := range op.Size {
				row, column := oy*op.Stride+ky-op.Before, ox*op.Stride+kx-op.Before
				if row >= 0 && column >= 0 && row < shape[0] && column < shape[1] {
					y[i] += x[(row*shape[1]+column)*shape[2]+c] / float64(op.Size*op.Size)
				}
			}
		}
	}
}

// refBilinear sums over all pixels of the input, weighted by a tent function.
func refBilinear(y []float64, out []int, x []float64, shape []int) {
	tent := func(o, i, from, to int) float64 {
		place := float64(o) * float64(from-1) / float64(max(to-1, 1))
		return max(0, 1-math.Abs(place-float64(i)))
	}
	for i := range y {
		for j, v := range x {
			if j%shape[2] == i%out[2] {
				down := tent(i/out[2]/out[1], j/shape[2]/shape[1], shape[0], out[0])
				y[i] += v * down * tent(i/out[2]%out[1], j/shape[2]%shape[1], shape[1], out[1])
			}
		}
	}
}

func refAttention(op graph.Attention, y []float64, in [][]float64, shape []int) {
	l, c := shape[0]*shape[1], shape[2]
	d := c / op.Heads
	for h := range op.Heads {
		for i := range l {
			w := make([]float64, l)
			total := 0.0
			for j := range l {
				for k := range d {
					w[j] += in[0][i*c+h*d+k] * in[1][j*c+h*d+k] / math.Sqrt(float64(d))
				}
			}
			largest := slices.Max(w)
			for j := range l {
				w[j] = math.Exp(w[j] - largest)
				total += w[j]
			}
			for j := range l {
				for k := range d {
					y[i*c+h*d+k] += w[j] / total * in[2][j*c+h*d+k]
				}
			}
		}
	}
}

func refMove(op graph.Op, y []float64, out []int, x []float64, shape []int) {
	for i := range y {
		r, q, c := i/out[2]/out[1], i/out[2]%out[1], i%out[2]
		switch op.(type) {
		case graph.Upsample:
			y[i] = x[(r/2*shape[1]+q/2)*shape[2]+c]
		case graph.SpaceToDepth:
			block, k := c/shape[2], c%shape[2]
			y[i] = x[((2*r+block/2)*shape[1]+2*q+block%2)*shape[2]+k]
		case graph.DepthToSpace:
			y[i] = x[(r/2*shape[1]+q/2)*shape[2]+(r%2*2+q%2)*out[2]+c]
		}
	}
}

func refSinusoid(op graph.Sinusoid, y []float64, t float64) {
	half := op.Width / 2
	for i := range half {
		f := math.Exp(-math.Log(10000) * float64(i) / (float64(half) - float64(op.FreqShift)))
		s, c := math.Sincos(t * f)
		if op.FlipSinToCos {
			s, c = c, s
		}
		y[i], y[half+i] = s, c
	}
}
