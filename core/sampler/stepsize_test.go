package sampler

import (
	"math"
	"testing"

	"tweedie/core/tensor"
)

// countCalls returns m's denoiser and how often it has been called.
func countCalls(m mixture) (func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error), *int) {
	calls := 0
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		calls++
		return m.denoise(x, sigma)
	}, &calls
}

// The tableau satisfies the conditions of order 5, and of order 4 for its other
// weights, on which quadrature and two stages in a row depend (Hairer, Nørsett &
// Wanner 1993, section II.2): Σ bᵢcᵢᵏ = 1/(k+1), Σ bᵢaᵢⱼcⱼᵏ = 1/((k+1)(k+2)).
func TestTableauOfDormandAndPrince(t *testing.T) {
	nodes := append([]float64{0}, dopriNodes[:]...)
	power := func(c float64, k int) float64 { return math.Pow(c, float64(k)) }
	check := func(what string, k int, got, want float64) {
		if !(math.Abs(got-want) <= 1e-14) {
			t.Errorf("%s, power %d: got %g, want %g", what, k, got, want)
		}
	}
	for i, row := range dopriStages {
		for k, c := 0, nodes[i+1]; k <= 1 && (k == 0 || i > 0); k++ {
			sum := 0.0
			for j, a := range row {
				sum += a * power(nodes[j], k)
			}
			check("stage", k, sum, power(c, k+1)/float64(k+1))
		}
	}
	last := append(append([]float64(nil), dopriStages[5]...), 0)
	for order := 5; order >= 4; order-- {
		for k := range order {
			var quadrature, twice float64
			for i, b := range last {
				if order == 4 {
					b -= dopriError[i]
				}
				quadrature += b * power(nodes[i], k)
				for j := range i {
					twice += b * dopriStages[i-1][j] * power(nodes[j], k)
				}
			}
			check("quadrature", k, quadrature, 1/float64(k+1))
			if k < order-1 {
				check("two stages", k, twice, 1/float64((k+1)*(k+2)))
			}
		}
	}
}

// Halving the step size divides the error at the end by 2⁵. Shorter steps than these would
// only show float32's rounding.
func TestOrderOfDormandAndPrince(t *testing.T) {
	data, high, low := mixture{{0, 0.5, 1}}, 5.0, 0.1
	errorAt := func(n int) float64 {
		x := startPoints(9, float32(high))
		want := make([]float64, len(x.Data))
		for i, v := range x.Data {
			want[i] = solution(data, float64(v), high, low)
		}
		h := math.Log(high/low) / float64(n)
		for i := range n {
			sigma := high * math.Exp(-h*float64(i))
			denoised, _ := data.denoise(x, float32(sigma))
			_, there, err := dormandPrince(data.denoise, x, denoised.Combine(1, -1, x), sigma, h, float32(sigma*math.Exp(-h)))
			if err != nil {
				t.Fatal(err)
			}
			x = there
		}
		return distance(x, want)
	}
	for _, n := range []int{4, 6} {
		checkConvergence(t, errorAt(n), errorAt(2*n), n, 5)
	}
}

// Section 3.1.3 of Jolicoeur-Martineau et al. 2021: δ = max(ε_abs, ε_rel·max(|x′|, |x′_prev|)),
// E = √(mean of (error/δ)²).
func TestToleranceMatchesItsPaper(t *testing.T) {
	vector := func(v ...float32) *tensor.Tensor { return tensor.Of(v, 1, 1, len(v), 1) }
	got := Tolerance{RTol: 0.1, ATol: 0.5}.scaledError(vector(1, -2, 3), vector(1, -2, 40), vector(-4, 10, 0))
	want := math.Sqrt((4 + 4 + 0.5625) / 3) // over 0.5, 1 and 4
	if !(math.Abs(got-want) <= 1e-6) {
		t.Errorf("error is %g tolerances, want %g", got, want)
	}
}

// The error of RK45 is of the order of its tolerance, whatever the levels it stops at, and
// a smaller tolerance costs more evaluations.
func TestRK45KeepsItsTolerance(t *testing.T) {
	const low, high = 0.05, 20
	start := startPoints(9, high)
	want := make([]float64, len(start.Data))
	for i, v := range start.Data {
		want[i] = solution(two, float64(v), high, low)
	}
	before := 0
	for _, tolerance := range []float64{1e-2, 1e-3, 1e-4, 1e-5} {
		for _, sigmas := range [][]float32{{high, low}, {high, 3, 2.9999, 0.7, low}} {
			denoise, calls := countCalls(two)
			x, err := RK45(denoise, start, sigmas, Tolerance{tolerance, tolerance}, nil)
			if err != nil {
				t.Fatal(err)
			}
			off := distance(x, want)
			t.Logf("tolerance %g along %d levels: error %.3g in %d evaluations", tolerance, len(sigmas), off, *calls)
			// The errors of some tens of steps, some of which grow between the modes.
			if !(off <= 20*tolerance) {
				t.Errorf("tolerance %g: error is %g, want at most %g", tolerance, off, 20*tolerance)
			}
			if len(sigmas) == 2 {
				if *calls <= before {
					t.Errorf("tolerance %g took %d evaluations, a larger one %d", tolerance, *calls, before)
				}
				before = *calls
			}
		}
	}
}

func TestAdaptiveSDECostGrowsWithAccuracy(t *testing.T) {
	noise := NewNoise(1, 0, 1, 8, 8, 1)
	sigmas := []float32{20, 0.01, 0}
	before := 0
	for _, tolerance := range []float64{0.5, 0.1, 0.02} {
		denoise, calls := countCalls(two)
		if _, err := AdaptiveSDE(denoise, Start(noise, sigmas), sigmas, Tolerance{tolerance, tolerance / 4}, noise, nil); err != nil {
			t.Fatal(err)
		}
		t.Logf("tolerance %g: %d evaluations", tolerance, *calls)
		if *calls <= before {
			t.Errorf("tolerance %g took %d evaluations, a larger one %d", tolerance, *calls, before)
		}
		before = *calls
	}
}

// A network that returns NaN must not make an adaptive sampler run for ever; the NaN
// shows in the result.
func TestAdaptiveMethodsEndOnNaN(t *testing.T) {
	nan := func(x *tensor.Tensor, _ float32) (*tensor.Tensor, error) { return x.Scaled(float32(math.NaN())), nil }
	noise := NewNoise(1, 0, 1, 2, 2, 1)
	sigmas := []float32{20, 0.01}
	for _, name := range []string{"rk45", "adaptive-sde", "dpm-adaptive"} {
		x, err := Run(Settings{Method: name}, nan, Start(noise, sigmas), sigmas, noise, nil)
		if err != nil || !math.IsNaN(float64(x.Data[0])) {
			t.Errorf("%s: got %v, %v, want NaN", name, x, err)
		}
	}
}
