package autodiff

import (
	"math"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/num"
)

// slopes are the derivatives of kernel.Unary, given y = f(x). Functions that are constant
// between jumps are absent: their derivative is 0.
var slopes = []kernel.Function[func(x, y, a, b float64) float64]{
	{Name: "abs", Of: func(x, _, _, _ float64) float64 { return sign(x) }},
	{Name: "reciprocal", Of: func(_, y, _, _ float64) float64 { return -y * y }},
	{Name: "square", Of: func(x, _, _, _ float64) float64 { return 2 * x }},
	{Name: "sqrt", Of: func(_, y, _, _ float64) float64 { return 0.5 / y }},
	{Name: "pow", Of: func(x, _, a, _ float64) float64 { return a * num.Pow(x, a-1) }},
	{Name: "exp", Of: func(_, y, _, _ float64) float64 { return y }},
	{Name: "log", Of: func(x, _, _, _ float64) float64 { return 1 / x }},
	{Name: "sin", Of: func(x, _, _, _ float64) float64 { return num.Cos(x) }},
	{Name: "cos", Of: func(x, _, _, _ float64) float64 { return -num.Sin(x) }},
	{Name: "tanh", Of: func(_, y, _, _ float64) float64 { return 1 - y*y }},
	{Name: "erf", Of: func(x, _, _, _ float64) float64 { return 2 / math.SqrtPi * num.Exp(-x*x) }},
	{Name: "sigmoid", Of: func(_, y, _, _ float64) float64 { return y * (1 - y) }},
	{Name: "gelu", Of: func(x, _, _, _ float64) float64 {
		return (1+num.Erf(x/math.Sqrt2))/2 + x*num.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}},
	{Name: "elu", Of: func(x, y, a, _ float64) float64 {
		if x > 0 {
			return 1
		}
		return y + a
	}},
	{Name: "leaky_relu", Of: func(x, _, a, _ float64) float64 {
		if x < 0 {
			return a
		}
		return 1
	}},
	{Name: "softplus", Of: func(x, _, _, _ float64) float64 { return sigmoid(x) }},
	{Name: "mish", Of: func(x, _, _, _ float64) float64 {
		e := 1 + num.Exp(min(x, 40)) // as in the function itself
		t := 1 - 2/(1+e*e)           // tanh(softplus(x))
		return t + x*(1-t*t)*sigmoid(x)
	}},
	{Name: "relu", Of: func(x, _, _, _ float64) float64 { return truth(x > 0) }},
	{Name: "clip", Of: func(x, _, a, b float64) float64 { return truth(x >= a && x <= b) }},
}

// partials are the derivatives of kernel.Binary with respect to a and b, given y = f(a,b).
// Comparisons are absent: their derivatives are 0.
var partials = []kernel.Function[func(a, b, y float64) (da, db float64)]{
	{Name: "add", Of: func(_, _, _ float64) (float64, float64) { return 1, 1 }},
	{Name: "sub", Of: func(_, _, _ float64) (float64, float64) { return 1, -1 }},
	{Name: "mul", Of: func(a, b, _ float64) (float64, float64) { return b, a }},
	{Name: "div", Of: func(_, b, y float64) (float64, float64) { return 1 / b, -y / b }},
	{Name: "pow", Of: func(a, b, y float64) (float64, float64) {
		if a <= 0 { // the derivative with respect to b does not exist
			return b * num.Pow(a, b-1), 0
		}
		return b * num.Pow(a, b-1), y * num.Log(a)
	}},
	{Name: "max", Of: func(a, b, _ float64) (float64, float64) { return truth(a >= b), truth(a < b) }},
	{Name: "min", Of: func(a, b, _ float64) (float64, float64) { return truth(a <= b), truth(a > b) }},
	{Name: "where", Of: func(a, _, _ float64) (float64, float64) { return 0, truth(a != 0) }},
}

func sigmoid(x float64) float64 { return 1 / (1 + num.Exp(-x)) }

func sign(x float64) float64 { return truth(x > 0) - truth(x < 0) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// unary differentiates a Unary.
func (b generalBackward) unary(op graph.Unary, n int, dy []float32) {
	slope, ok := kernel.Lookup(slopes, op.Fn)
	dx := b.dx(0, n)
	if !ok || dx == nil {
		return
	}
	x, y := b.x(0, n), b.y(dy)
	for i, d := range dy {
		dx[i] += d * float32(slope(float64(x[i]), float64(y[i]), float64(op.A), float64(op.B)))
	}
}

// binary differentiates a Binary, whose second value may be a parameter.
func (b generalBackward) binary(op graph.Binary, n int, dy []float32) {
	partial, ok := kernel.Lookup(partials, op.Fn)
	if !ok {
		return
	}
	y, ky := b.y(dy), len(dy)/n
	for s := range n {
		u, du := b.sample(0, s, n)
		var v, dv []float32
		if len(b.node.Params) > 0 {
			v, dv = b.w(0), b.dw(0)
		} else {
			v, dv = b.sample(1, s, n)
		}
		positions(op.Shape, 0, op.A, op.B, func(at, i, j int) {
			at += s * ky
			p, q := partial(float64(u[i]), float64(v[j]), float64(y[at]))
			if du != nil {
				du[i] += dy[at] * float32(p)
			}
			if dv != nil {
				dv[j] += dy[at] * float32(q)
			}
		})
	}
}

// positions calls f for every index of shape, in order: at counts them, i is
// offset + Σ index·a and j is Σ index·b. b may be nil.
func positions(shape []int, offset int, a, b []int, f func(at, i, j int)) {
	index := make([]int, len(shape))
	for at, i, j := 0, offset, 0; ; at++ {
		f(at, i, j)
		k := len(shape) - 1
		for ; k >= 0; k-- {
			index[k]++
			i += a[k]
			if b != nil {
				j += b[k]
			}
			if index[k] < shape[k] {
				break
			}
			i -= index[k] * a[k]
			if b != nil {
				j -= index[k] * b[k]
			}
			index[k] = 0
		}
		if k < 0 {
			return
		}
	}
}
