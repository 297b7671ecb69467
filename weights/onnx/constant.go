package onnx

import (
	"math"
	"slices"

	"tweedie/core/num"
)

// constant is a value that does not depend on an input: a tensor of the file, or computed from
// constants. Its numbers are in row-major order of the node's dims.
type constant struct {
	name    string                        // of the initializer; empty for a computed constant
	floats  []float32                     // of dtype float
	numbers []float64                     // of other dtypes
	read    func() ([]float32, []float64) // if not nil, reads or computes the numbers; may throw a refusal
	cost    int                           // numbers that read reads or computes
}

// maxKept is the most numbers of a constant that are kept in memory.
const maxKept = 1 << 16

// values returns c's numbers, as floats or as numbers; the other is nil.
func (c *constant) values() (floats []float32, numbers []float64) {
	if c.read != nil {
		return c.read()
	}
	return c.floats, c.numbers
}

// fill sets the numbers, of type t.
func (c *constant) fill(t dtype, numbers []float64) {
	c.floats, c.numbers = typed(t, numbers)
}

func typed(t dtype, numbers []float64) ([]float32, []float64) {
	if t != float {
		return nil, numbers
	}
	floats := make([]float32, len(numbers))
	for i, x := range numbers {
		floats[i] = float32(x)
	}
	return floats, nil
}

// known reports whether v is a constant.
func (v view) known() bool {
	if v.of == nil {
		return false
	}
	_, ok := v.of.op.(*constant)
	return ok
}

// each calls f with the index, in the constant, of every element of v, in order.
func (v view) each(f func(from int)) {
	steps, at := rowSteps(v.of.dims), 0
	for d, o := range v.off {
		at += o * steps[d]
	}
	atoms := v.flat()
	walk := make([]int, len(atoms))
	for i, a := range atoms {
		if a.dim != repeated {
			walk[i] = a.step * steps[a.dim]
		}
	}
	index := make([]int, len(atoms))
	for {
		f(at)
		k := len(atoms) - 1
		for ; k >= 0; k-- {
			index[k]++
			at += walk[k]
			if index[k] < atoms[k].size {
				break
			}
			at -= walk[k] * index[k]
			index[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

// rowSteps returns the strides of each dim in row-major order.
func rowSteps(dims []int) []int {
	steps := make([]int, len(dims))
	n := 1
	for d := len(dims) - 1; d >= 0; d-- {
		steps[d] = n
		n *= dims[d]
	}
	return steps
}

// numbers returns the elements of a constant in order.
func (v view) numbers() []float64 {
	if v.size() == 0 {
		return nil
	}
	floats, numbers := v.of.op.(*constant).values()
	out := make([]float64, 0, v.size())
	if floats != nil {
		v.each(func(from int) { out = append(out, float64(floats[from])) })
	} else {
		v.each(func(from int) { out = append(out, numbers[from]) })
	}
	return out
}

// float32s is numbers in float32. The result may share the constant's memory.
func (v view) float32s() []float32 {
	floats, numbers := v.of.op.(*constant).values()
	if floats != nil && same(v, whole(v.of)) {
		return floats
	}
	out := make([]float32, 0, v.size())
	if floats != nil {
		v.each(func(from int) { out = append(out, floats[from]) })
	} else {
		v.each(func(from int) { out = append(out, float32(numbers[from])) })
	}
	return out
}

// ints returns a constant's numbers as integers.
func (v view) ints() []int {
	var out []int
	for _, x := range v.numbers() {
		out = append(out, clampInt(x))
	}
	return out
}

// clampInt returns x as an int, clamped to ±2^60. Exporters write the largest int64 for "to the
// end".
func clampInt(x float64) int {
	const most = 1 << 60
	if !(x == x) {
		return 0
	}
	return int(max(-most, min(most, x)))
}

// uniform returns the number that all elements of a constant have in common.
func (v view) uniform() (x float64, ok bool) {
	if !v.known() || v.size() == 0 {
		return 0, false
	}
	core := v // without repetitions
	core.axes = nil
	for _, a := range v.flat() {
		if a.dim != repeated {
			core.axes = append(core.axes, []atom{a})
		}
	}
	if core.size() > 1<<16 {
		return 0, false
	}
	all := core.numbers()
	return all[0], !slices.ContainsFunc(all, func(y float64) bool { return y != all[0] })
}

// unaryFunctions are those of kernel.Unary, and binaryFunctions those of kernel.Binary,
// for constants: in float64, rounded to the type of the result.
var unaryFunctions = map[string]func(x, a, b float64) float64{
	"affine":     func(x, a, b float64) float64 { return float64(a*x) + b },
	"abs":        func(x, _, _ float64) float64 { return math.Abs(x) },
	"reciprocal": func(x, _, _ float64) float64 { return 1 / x },
	"square":     func(x, _, _ float64) float64 { return x * x },
	"sqrt":       func(x, _, _ float64) float64 { return math.Sqrt(x) },
	"pow":        func(x, a, _ float64) float64 { return num.Pow(x, a) },
	"exp":        func(x, _, _ float64) float64 { return num.Exp(x) },
	"log":        func(x, _, _ float64) float64 { return num.Log(x) },
	"sin":        func(x, _, _ float64) float64 { return num.Sin(x) },
	"cos":        func(x, _, _ float64) float64 { return num.Cos(x) },
	"tanh":       func(x, _, _ float64) float64 { return num.Tanh(x) },
	"erf":        func(x, _, _ float64) float64 { return num.Erf(x) },
	"sigmoid":    func(x, _, _ float64) float64 { return 1 / (1 + num.Exp(-x)) },
	"floor":      func(x, _, _ float64) float64 { return math.Floor(x) },
	"ceil":       func(x, _, _ float64) float64 { return math.Ceil(x) },
	"round":      func(x, _, _ float64) float64 { return math.RoundToEven(x) },
	"trunc":      func(x, _, _ float64) float64 { return math.Trunc(x) },
	"clip":       func(x, a, b float64) float64 { return min(max(x, a), b) },
	"sign": func(x, _, _ float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	},
}

var binaryFunctions = map[string]func(a, b float64) float64{
	"add":   func(a, b float64) float64 { return a + b },
	"sub":   func(a, b float64) float64 { return a - b },
	"mul":   func(a, b float64) float64 { return a * b },
	"div":   func(a, b float64) float64 { return a / b },
	"pow":   num.Pow,
	"max":   func(a, b float64) float64 { return max(a, b) },
	"min":   func(a, b float64) float64 { return min(a, b) },
	"equal": func(a, b float64) float64 { return truth(a == b) },
	"less":  func(a, b float64) float64 { return truth(a < b) },
	"where": func(a, b float64) float64 {
		if a != 0 {
			return b
		}
		return 0
	},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
