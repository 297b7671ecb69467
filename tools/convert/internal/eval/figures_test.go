package eval

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tweedie/core/rng"
)

// gaussians returns n rows of d numbers, independent and standard normal.
func gaussians(n, d int, seed uint64) *mat.Dense {
	x := make([]float32, n*d)
	rng.Normal(x, seed, 0, 0)
	out := mat.NewDense(n, d, nil)
	for i, v := range x {
		out.Set(i/d, i%d, float64(v))
	}
	return out
}

// diagonal returns a Gaussian with independent entries.
func diagonal(mean, deviation []float64) Gaussian {
	g := Gaussian{Mean: mean, Cov: mat.NewSymDense(len(mean), nil)}
	for i, s := range deviation {
		g.Cov.SetSym(i, i, s*s)
	}
	return g
}

// TestFrechetDiagonal holds the distance to |m − m′|² + Σ(s − s′)², its value for
// independent entries (Dowson and Landau 1982).
func TestFrechetDiagonal(t *testing.T) {
	a := diagonal([]float64{1, 0, -2, 5}, []float64{1, 3, 0.5, 0})
	b := diagonal([]float64{0, 0, 1, 5}, []float64{2, 1, 0.5, 4})
	want := 1.0 + 9 + 1 + 4 + 0 + 16
	if got := Frechet(a, b); !(math.Abs(got-want) <= 1e-6) {
		t.Errorf("got %g, want %g", got, want)
	}
	if got := Frechet(b, a); !(math.Abs(got-want) <= 1e-6) {
		t.Errorf("the other way: got %g, want %g", got, want)
	}
}

// TestFrechetCorrelated uses covariances that do not commute: for 2×2 matrices
// Tr M^½ = √(Tr M + 2√det M).
func TestFrechetCorrelated(t *testing.T) {
	a := Gaussian{[]float64{0, 1}, mat.NewSymDense(2, []float64{2, 1.2, 1.2, 1})}
	b := Gaussian{[]float64{2, 0}, mat.NewSymDense(2, []float64{1, -0.5, -0.5, 3})}
	var product mat.Dense
	product.Mul(a.Cov, b.Cov)
	root := math.Sqrt(mat.Trace(&product) + 2*math.Sqrt(mat.Det(&product)))
	want := 5 + mat.Trace(a.Cov) + mat.Trace(b.Cov) - 2*root
	if got := Frechet(a, b); !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("got %g, want %g", got, want)
	}
}

// TestFrechetOfItself is zero to rounding, whether the covariance is regular or
// not (fewer rows than columns).
func TestFrechetOfItself(t *testing.T) {
	for _, n := range []int{5, 400} {
		g := FitGaussian(gaussians(n, 16, 1))
		const u = 0x1p-53
		bound := 16 * math.Sqrt(u) * 2 * mat.Trace(g.Cov)
		if n > 16 {
			bound = 16 * 16 * u * 2 * mat.Trace(g.Cov)
		}
		if got := Frechet(g, g); !(got <= bound) {
			t.Errorf("%d rows: got %g, need at most %g", n, got, bound)
		}
	}
}

func TestFitGaussian(t *testing.T) {
	g := FitGaussian(mat.NewDense(3, 2, []float64{1, 2, 3, 2, 5, 5}))
	if g.Mean[0] != 3 || g.Mean[1] != 3 {
		t.Errorf("got mean %v, want 3, 3", g.Mean)
	}
	if want := mat.NewSymDense(2, []float64{4, 3, 3, 3}); !mat.EqualApprox(g.Cov, want, 1e-14) {
		t.Errorf("got covariance %v, want %v", mat.Formatted(g.Cov), mat.Formatted(want))
	}
}

// kernelPlain is KernelDistance as the paper writes it.
func kernelPlain(x, y *mat.Dense) float64 {
	m, d := x.Dims()
	n, _ := y.Dims()
	k := func(a, b mat.Vector) float64 { return math.Pow(mat.Dot(a, b)/float64(d)+1, 3) }
	sum := 0.0
	for i := range m {
		for j := range m {
			if i != j {
				sum += k(x.RowView(i), x.RowView(j)) / float64(m*(m-1))
			}
		}
		for j := range n {
			sum -= 2 * k(x.RowView(i), y.RowView(j)) / float64(m*n)
		}
	}
	for i := range n {
		for j := range n {
			if i != j {
				sum += k(y.RowView(i), y.RowView(j)) / float64(n*(n-1))
			}
		}
	}
	return sum
}

// TestKernelDistance goes past a block of rows.
func TestKernelDistance(t *testing.T) {
	x, y := gaussians(block+7, 5, 1), gaussians(90, 5, 2)
	if got, want := KernelDistance(x, y), kernelPlain(x, y); !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("got %g, want %g", got, want)
	}
	y.Apply(func(_, _ int, v float64) float64 { return v + 1 }, y)
	if got := KernelDistance(x, y); !(got > 1) {
		t.Errorf("of shifted rows: got %g, need more than 1", got)
	}
}

// TestManifold lays real points on two clusters of a line and drawn points on one
// of them and far away.
func TestManifold(t *testing.T) {
	line := func(at ...float64) *manifold { return newManifold(mat.NewDense(len(at), 1, at), 3) }
	real := line(0, 1, 2, 3, 100, 101, 102, 103)
	drawn := line(0.5, 1.5, 2.5, 3.5, 50, 1000)
	for i, want := range []float64{9, 4, 4, 9, 9, 4, 4, 9} {
		if real.radii[i] != want {
			t.Errorf("radius of %d: got² %g, want² %g", i, real.radii[i], want)
		}
	}
	if got := real.covers(drawn); got != 4.0/6 {
		t.Errorf("precision: got %g, want 4/6", got)
	}
	// The balls of 50 and of 1000 reach to their third neighbours, over everything.
	if got := drawn.covers(real); got != 1 {
		t.Errorf("recall: got %g, want 1", got)
	}
	if got := line(0.5, 1.5, 2.5, 3.5).covers(real); got != 0.5 {
		t.Errorf("recall of one cluster: got %g, want 0.5", got)
	}
}
