package kernel

import (
	"math"

	"tweedie/core/num"
)

// Function is a function with a name. The tables below are slices rather than maps,
// which would need code to fill them.
type Function[F any] struct {
	Name string
	Of   F
}

// Lookup returns the function with the given name in a table; ok is false if there is
// none.
func Lookup[F any](table []Function[F], name string) (f F, ok bool) {
	for i := range table {
		if table[i].Name == name {
			return table[i].Of, true
		}
	}
	return f, false
}

// Unary are functions of one number with two parameters. All return the same bits on
// every machine.
var Unary = []Function[func(x, a, b float32) float32]{
	{"abs", func(x, _, _ float32) float32 { return float32(math.Abs(float64(x))) }},
	{"reciprocal", func(x, _, _ float32) float32 { return 1 / x }},
	{"square", func(x, _, _ float32) float32 { return x * x }},
	{"sqrt", func(x, _, _ float32) float32 { return float32(math.Sqrt(float64(x))) }},
	{"pow", func(x, a, _ float32) float32 { return float32(num.Pow(float64(x), float64(a))) }},
	{"exp", func(x, _, _ float32) float32 { return num.Exp32(x) }},
	{"log", func(x, _, _ float32) float32 { return float32(num.Log(float64(x))) }},
	{"sin", func(x, _, _ float32) float32 { return float32(num.Sin(float64(x))) }},
	{"cos", func(x, _, _ float32) float32 { return float32(num.Cos(float64(x))) }},
	{"tanh", func(x, _, _ float32) float32 { return float32(num.Tanh(float64(x))) }},
	{"erf", func(x, _, _ float32) float32 { return float32(num.Erf(float64(x))) }},
	{"sigmoid", func(x, _, _ float32) float32 { return num.Sigmoid32(x) }},
	{"gelu", func(x, _, _ float32) float32 { // Hendrycks and Gimpel 2016, arXiv:1606.08415
		return float32(float64(x) * (1 + num.Erf(float64(x)/math.Sqrt2)) / 2)
	}},
	{"elu", func(x, a, _ float32) float32 { // Clevert et al. 2015, arXiv:1511.07289
		if x > 0 {
			return x
		}
		return float32(float64(a) * num.Expm1(float64(x)))
	}},
	{"leaky_relu", func(x, a, _ float32) float32 {
		if x < 0 {
			return a * x
		}
		return x
	}},
	{"softplus", func(x, _, _ float32) float32 {
		return float32(max(float64(x), 0) + num.Log1p(num.Exp(-math.Abs(float64(x)))))
	}},
	{"mish", func(x, _, _ float32) float32 { // Misra 2019, arXiv:1908.08681: x·tanh(softplus(x))
		e := 1 + num.Exp(min(float64(x), 40)) // above 40, tanh is 1
		return float32(float64(x) * (1 - 2/(1+float64(e*e))))
	}},
	{"relu", func(x, _, _ float32) float32 { return max(x, 0) }},
	{"clip", func(x, a, b float32) float32 { return min(max(x, a), b) }},
	{"floor", func(x, _, _ float32) float32 { return float32(math.Floor(float64(x))) }},
	{"ceil", func(x, _, _ float32) float32 { return float32(math.Ceil(float64(x))) }},
	{"round", func(x, _, _ float32) float32 { return float32(math.RoundToEven(float64(x))) }},
	{"trunc", func(x, _, _ float32) float32 { return float32(math.Trunc(float64(x))) }},
	{"sign", func(x, _, _ float32) float32 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	}},
}

// Binary are functions of two numbers. A comparison returns 1 or 0.
var Binary = []Function[func(a, b float32) float32]{
	{"add", func(a, b float32) float32 { return a + b }},
	{"sub", func(a, b float32) float32 { return a - b }},
	{"mul", func(a, b float32) float32 { return a * b }},
	{"div", func(a, b float32) float32 { return a / b }},
	{"pow", func(a, b float32) float32 { return float32(num.Pow(float64(a), float64(b))) }},
	{"max", func(a, b float32) float32 { return max(a, b) }},
	{"min", func(a, b float32) float32 { return min(a, b) }},
	{"equal", func(a, b float32) float32 { return truth(a == b) }},
	{"less", func(a, b float32) float32 { return truth(a < b) }},
	{"where", func(a, b float32) float32 { // b where a is not 0, else 0
		if a != 0 {
			return b
		}
		return 0
	}},
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}
