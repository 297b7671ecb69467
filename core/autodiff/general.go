package autodiff

import (
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/num"
)

// generalBackward differentiates operations by their definition. It serves those that
// ordinary U-Nets use rarely.
type generalBackward struct{ tapeNode }

func (generalBackward) load()  {}
func (generalBackward) flush() {}

// y returns the output that belongs to dy.
func (b generalBackward) y(dy []float32) []float32 { return b.t.values[b.node.Out][:len(dy)] }

// sample returns sample s of input i, and the accumulator of its gradient, nil if it is not
// needed.
func (b generalBackward) sample(i, s, n int) (x, dx []float32) {
	k := b.size(i)
	x = b.x(i, n)[s*k : (s+1)*k]
	if d := b.dx(i, n); d != nil {
		dx = d[s*k : (s+1)*k]
	}
	return x, dx
}

func (b generalBackward) run(n int, dy []float32) {
	switch op := b.node.Op.(type) {
	case graph.Unary:
		b.unary(op, n, dy)
		return
	case graph.Binary:
		b.binary(op, n, dy)
		return
	case graph.Reshape:
		if dx := b.dx(0, n); dx != nil {
			kernel.AddTo(dx, dy)
		}
		return
	case graph.Softmax:
		b.softmax(n, dy)
		return
	case graph.Reduce:
		b.reduce(op, n, dy)
		return
	}
	k := len(dy) / n
	for s := range n {
		b.each(s, n, dy[s*k:(s+1)*k])
	}
}

// each differentiates one sample.
func (b generalBackward) each(s, n int, dy []float32) {
	switch op := b.node.Op.(type) {
	case graph.Constant:
		kernel.AddTo(b.dw(0), dy)
	case graph.Modulate:
		b.modulate(s, n, dy)
	case graph.Fourier:
		b.fourier(s, n, dy)
	case graph.Lookup:
		t, _ := b.sample(0, s, n)
		rows := len(b.dw(0)) / len(dy)
		row := 0
		if t[0] > 0 { // not NaN
			row = int(min(t[0], float32(rows-1)))
		}
		kernel.AddTo(b.dw(0)[row*len(dy):(row+1)*len(dy)], dy)
	case graph.MatMul:
		b.matMul(s, n, dy)
	case graph.View:
		if _, dx := b.sample(0, s, n); dx != nil {
			positions(op.Shape, op.Offset, op.Steps, nil, func(at, i, _ int) { dx[i] += dy[at] })
		}
	case graph.Taps:
		if _, dx := b.sample(0, s, n); dx != nil {
			b.taps(op, dx, dy)
		}
	}
}

// modulate differentiates (1+s)·x + b.
func (b generalBackward) modulate(s, n int, dy []float32) {
	x, dx := b.sample(0, s, n)
	v, dv := b.sample(1, s, n)
	c := len(v) / 2
	for i, d := range dy {
		k := i % c
		if dx != nil {
			dx[i] += d * (1 + v[k])
		}
		if dv != nil {
			dv[k] += d * x[i]
			dv[c+k] += d
		}
	}
}

// fourier differentiates sin(t·w) and cos(t·w).
func (b generalBackward) fourier(s, n int, dy []float32) {
	t, dt := b.sample(0, s, n)
	w, dw := b.w(0), b.dw(0)
	for i, f := range w {
		angle := float64(t[0] * f)
		d := dy[i]*float32(num.Cos(angle)) - dy[len(w)+i]*float32(num.Sin(angle)) // ∂loss/∂(t·w)
		dw[i] += t[0] * d
		if dt != nil {
			dt[0] += f * d
		}
	}
}

// softmax differentiates every row: dx = y·(dy − Σ dy·y).
func (b generalBackward) softmax(n int, dy []float32) {
	dx, y := b.dx(0, n), b.y(dy)
	shape := b.shape(0)
	width := shape[len(shape)-1]
	for at := 0; at < len(dy) && dx != nil; at += width {
		var sum float32
		for i := at; i < at+width; i++ {
			sum += dy[i] * y[i]
		}
		for i := at; i < at+width; i++ {
			dx[i] += y[i] * (dy[i] - sum)
		}
	}
}

// reduce differentiates a Reduce. The derivative of the largest or smallest number is that
// of the first one.
func (b generalBackward) reduce(op graph.Reduce, n int, dy []float32) {
	x, dx, y := b.x(0, n), b.dx(0, n), b.y(dy)
	if dx == nil {
		return
	}
	shape := b.shape(0)
	width := shape[len(shape)-1]
	for r, d := range dy {
		row, drow := x[r*width:(r+1)*width], dx[r*width:(r+1)*width]
		for i := range row {
			switch op.Fn {
			case "sum":
				drow[i] += d
			case "mean":
				drow[i] += d / float32(width)
			case "prod":
				others := float32(1)
				for j, v := range row {
					if j != i {
						others *= v
					}
				}
				drow[i] += d * others
			case "max", "min":
				if row[i] == y[r] {
					drow[i] += d
					d = 0
				}
			}
		}
	}
}

// matMul differentiates products of matrices [B,M,K] and [B,K,N].
func (b generalBackward) matMul(s, n int, dy []float32) {
	u, du := b.sample(0, s, n)
	v, dv := b.sample(1, s, n)
	batch, rows, inner, columns := b.shape(0)[0], b.shape(0)[1], b.shape(0)[2], b.shape(1)[2]
	for m := range batch * rows {
		d := dy[m*columns : (m+1)*columns]
		for k := range inner {
			at := (m/rows*inner + k) * columns
			if du != nil {
				for j, w := range v[at : at+columns] {
					du[m*inner+k] += d[j] * w
				}
			}
			if dv != nil {
				kernel.AddScaled(dv[at:at+columns], d, u[m*inner+k])
			}
		}
	}
}

// taps adds dy to the elements of x that it was summed from.
func (b generalBackward) taps(op graph.Taps, dx, dy []float32) {
	shape := b.shape(0)
	outer, inner := 1, 1
	for i, d := range shape {
		if i < op.Axis {
			outer *= d
		} else if i > op.Axis {
			inner *= d
		}
	}
	from, to := shape[op.Axis]*inner, len(op.Index)/op.Count*inner
	for r := range outer {
		for at, i := range op.Index {
			if i < 0 {
				continue
			}
			weight := float32(1)
			if op.Weight != nil {
				weight = op.Weight[at]
			}
			kernel.AddScaled(dx[r*from+i*inner:][:inner], dy[r*to+at/op.Count*inner:][:inner], weight)
		}
	}
}

// layerNormBackward differentiates a LayerNorm as a group norm of images of one pixel.
type layerNormBackward struct {
	tapeNode
	norm    kernel.Norm
	scratch []float32 // an output row, a mean and a reciprocal deviation
}

func (layerNormBackward) load()  {}
func (layerNormBackward) flush() {}

func (b layerNormBackward) run(n int, dy []float32) {
	c, x, dx := b.norm.C, b.x(0, n), b.dx(0, n)
	mean, rstd := b.scratch[c:c+1], b.scratch[c+1:c+2]
	for at := 0; at < len(dy); at += c {
		row := x[at : at+c]
		kernel.GroupNorm(b.scratch[:c], row, b.w(0), b.w(1), mean, rstd, b.norm)
		kernel.GroupNormBackward(dx[at:at+c], b.dw(0), b.dw(1), row, b.w(0), b.w(1), mean, rstd, dy[at:at+c], b.norm)
	}
}
