package likelihood

import (
	"math"
	"testing"

	"tweedie/core/tensor"
)

// estimates returns n estimates e·J·e of a trace.
func estimates(p Probe, j [3][3]float64, n int) []float64 {
	out := make([]float64, n)
	e := p.directions([]int{n, 1, 3, 1}, 0, 11, 0)
	for i := range out {
		row := e.Row(i)
		for a := range 3 {
			for b := range 3 {
				out[i] += float64(row[a]) * j[a][b] * float64(row[b])
			}
		}
	}
	return out
}

// moments returns the mean, and the second and third moments about centre.
func moments(v []float64, centre float64) (mean, second, third float64) {
	n := float64(len(v))
	for _, x := range v {
		off := x - centre
		mean, second, third = mean+x/n, second+off*off/n, third+off*off*off/n
	}
	return mean, second, third
}

// traces returns tr S, tr S² and tr S³.
func traces(s [3][3]float64) (one, two, three float64) {
	for a := range 3 {
		one += s[a][a]
		for b := range 3 {
			two += s[a][b] * s[b][a]
			for c := range 3 {
				three += s[a][b] * s[b][c] * s[c][a]
			}
		}
	}
	return one, two, three
}

// Mean, variance and third moment of both estimators agree with the comment of Probe. The
// bounds are five standard deviations of the estimated moments.
func TestEstimatorMoments(t *testing.T) {
	const n = 200000
	j := turned.jacobian(0.15)
	j[0][1] += 0.4 // a part that is not symmetric, and that no estimate sees
	j[1][0] -= 0.4
	for _, p := range []Probe{Rademacher, Gaussian} {
		s := turned.jacobian(0.15)
		trace, squares, cubes := traces(s)
		if p == Rademacher {
			s[0][0], s[1][1], s[2][2] = 0, 0, 0
			_, squares, cubes = traces(s)
		}
		v := estimates(p, j, n)
		mean, second, third := moments(v, trace)
		var fourth, sixth float64
		for _, x := range v {
			off := (x - trace) * (x - trace)
			fourth, sixth = fourth+off*off/n, sixth+off*off*off/n
		}
		for _, c := range []struct {
			name             string
			got, want, bound float64
		}{
			{"mean", mean, trace, 5 * math.Sqrt(second/n)},
			{"variance", second, 2 * squares, 5 * math.Sqrt(fourth/n)},
			{"third moment", third, 8 * cubes, 5 * math.Sqrt(sixth/n)},
		} {
			if !(math.Abs(c.got-c.want) <= c.bound) {
				t.Errorf("%s: %s is %g, want %g ± %.2g", p, c.name, c.got, c.want, c.bound)
			}
		}
		if skew := 8 * cubes / math.Pow(2*squares, 1.5); math.Abs(skew) < 0.3 {
			t.Errorf("%s: skewness %g is too small to test with", p, skew)
		}
	}
}

// A skew-symmetric Jacobian has trace 0, and so has every single estimate.
func TestSkewJacobianContributesNothing(t *testing.T) {
	j := [3][3]float64{{0, 2, -1}, {-2, 0, 0.5}, {1, -0.5, 0}}
	for _, p := range []Probe{Rademacher, Gaussian} {
		for i, v := range estimates(p, j, 1000) {
			if !(math.Abs(v) <= 1e-13*100) {
				t.Errorf("%s: estimate %d is %g, want 0", p, i, v)
			}
		}
	}
}

// Directions are ±1, independent between values, images and probes.
func TestRademacherDirections(t *testing.T) {
	shape := []int{200, 1, 50, 1}
	a, b := Rademacher.directions(shape, 0, 1, 0), Rademacher.directions(shape, 1, 1, 0)
	n, sum, between, beside := 0.0, 0.0, 0.0, 0.0
	for i, v := range a.Data {
		if v != 1 && v != -1 {
			t.Fatalf("number %d is %g", i, v)
		}
		n++
		sum += float64(v)
		between += float64(v * b.Data[i])
		beside += float64(v * a.Data[(i+1)%len(a.Data)])
	}
	for _, got := range []float64{sum, between, beside} {
		if !(math.Abs(got) <= 5*math.Sqrt(n)) {
			t.Errorf("sum of %g signs is %g", n, got)
		}
	}
}

// The error of Differences is as small as the comment of differenceStep says.
func TestDifferences(t *testing.T) {
	x, e := normals(1, 2, 1, 8, 1), Gaussian.directions([]int{2, 1, 8, 1}, 0, 1, 0)
	for _, sigma := range []float32{0.02, 0.3, 2, 50} {
		at := x.Scaled(sigma)
		_, want, _ := two.product(at, e, sigma)
		denoised, got, err := Differences(two.denoise)(at, e, sigma)
		if err != nil {
			t.Fatal(err)
		}
		same, _ := two.denoise(at, sigma)
		for i := range want.Data {
			if denoised.Data[i] != same.Data[i] {
				t.Errorf("σ=%g: D is %g, want %g", sigma, denoised.Data[i], same.Data[i])
			}
			// Rounding of x and D divided by 2h, plus h²/6 times a third derivative, which for
			// a posterior variance is of the order of |e|³/σ².
			size := math.Abs(float64(at.Data[i])) + 1
			h, along := float64(sigma)*differenceStep, math.Abs(float64(e.Data[i]))
			bound := 4*u32*size/h + 8*differenceStep*differenceStep*along*along*along*math.Max(1, 1/float64(sigma*sigma))
			if !(math.Abs(float64(got.Data[i]-want.Data[i])) <= bound) {
				t.Errorf("σ=%g: J·e is %g, want %g ± %.2g", sigma, got.Data[i], want.Data[i], bound)
			}
		}
	}
	stop := func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, errStop }
	if _, _, err := Differences(stop)(x, e, 1); err != errStop {
		t.Errorf("got %v, want the denoiser's own error", err)
	}
}
