package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWalk compares copies and pairs with the formula, index by index.
func TestWalk(t *testing.T) {
	x := make([]float32, 60)
	for i := range x {
		x[i] = float32(i)
	}
	for _, w := range []View{
		{Shape: []int{60}, Steps: []int{1}},
		{Shape: []int{1}, Steps: []int{0}, Offset: 59},
		{Shape: []int{3, 4, 5}, Steps: []int{20, 5, 1}},
		{Shape: []int{5, 4, 3}, Steps: []int{1, 5, 20}},
		{Shape: []int{2, 3, 2, 2}, Steps: []int{0, 1, 30, -7}, Offset: 7},
		{Shape: []int{4}, Steps: []int{-3}, Offset: 59},
		{},
	} {
		n := 1
		for _, s := range w.Shape {
			n *= s
		}
		want, other, sums := make([]float32, n), make([]int, len(w.Shape)), make([]float32, n)
		for k := range other {
			other[k] = k % 2
		}
		for i := range want {
			at, from, second := i, w.Offset, 0
			for k := len(w.Shape) - 1; k >= 0; k-- {
				from += at % w.Shape[k] * w.Steps[k]
				second += at % w.Shape[k] * other[k]
				at /= w.Shape[k]
			}
			want[i], sums[i] = x[from], x[from]-2*x[second]
		}
		got := make([]float32, n)
		if w.Copy(got, x); !slices.Equal(got, want) {
			t.Errorf("%+v: copied %v, want %v", w, got, want)
		}
		if len(w.Shape) == 0 {
			continue
		}
		if w.Binary(got, x, x, other, func(a, b float32) float32 { return a - 2*b }); !slices.Equal(got, sums) {
			t.Errorf("%+v: paired %v, want %v", w, got, sums)
		}
	}
}

// TestSoftmaxRows holds every row to the definition in float64.
func TestSoftmaxRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 15, 16, 17, 40} {
		x, y := make([]float32, 3*n), make([]float32, 3*n)
		for i := range x {
			x[i] = float32(r.NormFloat64() * 5)
		}
		SoftmaxRows(y, x, make([]float32, SoftmaxScratch(n)), n)
		for row := range 3 {
			var sum float64
			for _, v := range x[row*n : (row+1)*n] {
				sum += math.Exp(float64(v))
			}
			for j := range n {
				want := math.Exp(float64(x[row*n+j])) / sum
				if d := math.Abs(float64(y[row*n+j]) - want); !(d <= 4e-6*want+1e-30) {
					t.Fatalf("n=%d: share %d of row %d is %g, want %g", n, j, row, y[row*n+j], want)
				}
			}
		}
	}
}

// TestBatchMatMul holds every output to the sum in order.
func TestBatchMatMul(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range [][4]int{{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 17, 33, 65}, {1, 40, 16, 48}} {
		batch, m, k, n := s[0], s[1], s[2], s[3]
		random := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			return x
		}
		a, b, y := random(batch*m*k), random(batch*k*n), make([]float32, batch*m*n)
		BatchMatMul(y, a, b, make([]float32, BatchScratch(k, n)), batch, m, k, n)
		for i, got := range y {
			var want float32
			for j := range k {
				want += float32(a[i/n*k+j] * b[i/(m*n)*k*n+j*n+i%n])
			}
			if got != want {
				t.Fatalf("%v: output %d is %g, want %g", s, i, got, want)
			}
		}
	}
}

// TestMappings holds functions to those of package math.
func TestMappings(t *testing.T) {
	with := map[string][2]float32{"elu": {1.5, 0}, "leaky_relu": {0.2, 0}, "pow": {1.7, 0}, "clip": {-1, 2}}
	exact := map[string]func(x float64) float64{
		"abs": math.Abs, "reciprocal": func(x float64) float64 { return 1 / x }, "square": func(x float64) float64 { return x * x },
		"sqrt": math.Sqrt, "pow": func(x float64) float64 { return math.Pow(x, float64(float32(1.7))) }, "exp": math.Exp, "log": math.Log,
		"sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh, "erf": math.Erf, "sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		"gelu": func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) },
		"elu": func(x float64) float64 {
			if x > 0 {
				return x
			}
			return 1.5 * math.Expm1(x)
		},
		"leaky_relu": func(x float64) float64 { return max(x, float64(float32(0.2))*x) }, "softplus": func(x float64) float64 { return math.Log1p(math.Exp(x)) },
		"mish": func(x float64) float64 { return x * math.Tanh(math.Log1p(math.Exp(x))) }, "relu": func(x float64) float64 { return max(x, 0) },
		"clip": func(x float64) float64 { return min(max(x, -1), 2) }, "floor": math.Floor, "ceil": math.Ceil, "round": math.RoundToEven, "trunc": math.Trunc,
		"sign": func(x float64) float64 { return float64(map[bool]int{true: 1}[x > 0] - map[bool]int{true: 1}[x < 0]) },
	}
	for _, f := range Unary {
		want := exact[f.Name]
		if want == nil {
			t.Errorf("%s: no definition here", f.Name)
			continue
		}
		for _, x := range []float32{-7.3, -2, -1.5, -0.25, -1e-4, 0, 1e-4, 0.5, 1, 2.5, 6.75, 20} {
			got, w := float64(f.Of(x, with[f.Name][0], with[f.Name][1])), want(float64(x))
			if math.IsNaN(got) && math.IsNaN(w) || got == w {
				continue
			}
			if d := math.Abs(got - w); !(d <= 2e-6*math.Abs(w)+1e-9) {
				t.Errorf("%s(%g) is %g, want %g", f.Name, x, got, w)
			}
		}
	}
	if _, ok := Lookup(Unary, "no such"); ok {
		t.Error("a function that is not there is found")
	}
}

func TestPairings(t *testing.T) {
	for name, want := range map[string][2]float32{ // of (3, 2) and (0, 2)
		"add": {5, 2}, "sub": {1, -2}, "mul": {6, 0}, "div": {1.5, 0}, "pow": {9, 0}, "max": {3, 2}, "min": {2, 0},
		"equal": {0, 0}, "less": {0, 1}, "where": {2, 0},
	} {
		f, ok := Lookup(Binary, name)
		if !ok || f(3, 2) != want[0] || f(0, 2) != want[1] {
			t.Errorf("%s: %t, want %v", name, ok, want)
		}
	}
}
