package sampler

import (
	"fmt"
	"math"
	"testing"

	"tweedie/core/tensor"
)

// solution integrates dx/dσ = (x − D)/σ from one level to another in float64,
// with the classical fourth-order rule in ln σ.
func solution(m mixture, x, from, to float64) float64 {
	const steps = 2000
	f := func(x, l float64) float64 { return x - m.at(x, math.Exp(l)) } // dx/d(ln σ)
	l, h := math.Log(from), math.Log(to/from)/steps
	for range steps {
		k1 := f(x, l)
		k2 := f(x+h/2*k1, l+h/2)
		k3 := f(x+h/2*k2, l+h/2)
		k4 := f(x+h*k3, l+h)
		x, l = x+h/6*(k1+2*k2+2*k3+k4), l+h
	}
	return x
}

func TestSolutionIsTheClosedForm(t *testing.T) {
	const sd = 0.5
	got := solution(mixture{{0, sd, 1}}, 7, 10, 0.1)
	want := 7 * math.Sqrt((0.1*0.1+sd*sd)/(10*10+sd*sd))
	if !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("got %.12g, want %.12g", got, want)
	}
}

// convergence returns the error of s after n and after 2n steps from high to low, with
// levels spaced(i/n). The levels end above 0, because the step to 0 is of first order and
// of fixed length.
func convergence(t *testing.T, s Settings, data mixture, high, low float64, n int, spaced func(part float64) float64) (coarse, fine float64) {
	t.Helper()
	start := startPoints(9, float32(high))
	want := make([]float64, len(start.Data))
	for i, v := range start.Data {
		want[i] = solution(data, float64(v), high, low)
	}
	errorAt := func(n int) float64 {
		sigmas := make([]float32, n+1)
		for i := range sigmas {
			sigmas[i] = float32(spaced(float64(i) / float64(n)))
		}
		x, err := Run(s, data.denoise, start, sigmas, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return distance(x, want)
	}
	return errorAt(n), errorAt(2 * n)
}

// The error of a method of order p falls by 2^p when the number of steps is doubled: every
// solver of the ODE, in every order.
//
// A multistep solver starts with steps of lower order. Their error must not dominate, so
// the levels are dense at the start: they follow the cube of i/n. PNDM and iPNDM have
// their order on evenly spaced levels only; there the start is so noisy that the solution
// is nearly linear.
func TestOrderOfConvergence(t *testing.T) {
	soft := mixture{{-0.4, 0.4, 0.7}, {0.6, 0.5, 0.3}} // smooth enough to show order 4 above float32's rounding
	for _, method := range Methods {
		if method.Order == 0 || method.Adaptive || method.Name == "dpm-fast" { // whose orders depend on the number of steps
			continue
		}
		for order := range max(method.Orders, 1) {
			s, nominal := settingsOf(method), method.Order
			if method.Orders > 0 {
				s.Order = order + 1
				nominal -= method.Orders - s.Order
			}
			data, high, low, n := soft, 2., 0.1, 64
			spaced := func(part float64) float64 { return high * math.Pow(low/high, part*part*part) }
			switch {
			case method.Name == "pndm" || method.Name == "ipndm":
				data, high, low, n = mixture{{0, 1, 1}}, 20, 0.5, 96
				if nominal == 4 {
					high, low, n = 10, 0.8, 64 // float32's rounding at σ = 20 would show
				}
				spaced = func(part float64) float64 { return high + (low-high)*part }
			case method.Evaluations > 2:
				n = 32 // with 64 steps only float32's rounding remains
			case method.Name == "unipc-noise":
				n = 64 >> (nominal - 2)
			case nominal == 4:
				n = 48
			}
			t.Run(fmt.Sprintf("%s/order=%d", method.Name, s.Order), func(t *testing.T) {
				coarse, fine := convergence(t, s, data, high, low, n, spaced)
				checkConvergence(t, coarse, fine, n, nominal)
			})
		}
	}
}

// On Karras' levels, and with a mixture whose modes are far apart, the solvers that
// start with their own order keep it.
func TestOrderOfConvergenceAlongKarras(t *testing.T) {
	for _, data := range []struct {
		name  string
		m     mixture
		steps int // of the shorter run; a mixture needs more before the order shows
	}{{"gaussian", mixture{{0, 0.5, 1}}, 32}, {"mixture", two, 128}} {
		for _, name := range []string{"dpmpp2m", "ddim", "heun", "euler", "dpm2"} {
			t.Run(data.name+"/"+name, func(t *testing.T) {
				const low, high = 0.1, 5
				a, b := math.Pow(high, 1./7), math.Pow(low, 1./7)
				coarse, fine := convergence(t, Settings{Method: name}, data.m, high, low, data.steps,
					func(part float64) float64 { return math.Pow(a+part*(b-a), 7) })
				m, _ := Lookup(name)
				checkConvergence(t, coarse, fine, data.steps, m.Order)
			})
		}
	}
}

// The steps that PNDM starts with are of order 4 by themselves, on a mixture too.
func TestOrderOfRungeKutta(t *testing.T) {
	data, high, low := mixture{{-0.4, 0.4, 0.7}, {0.6, 0.5, 0.3}}, 2.0, 0.5
	errorAt := func(n int) float64 {
		x := startPoints(9, float32(high))
		want := make([]float64, len(x.Data))
		for i, v := range x.Data {
			want[i] = solution(data, float64(v), high, low)
		}
		level := func(i int) float32 { return float32(high + (low-high)*float64(i)/float64(n)) }
		for i := range n {
			denoised, _ := data.denoise(x, level(i))
			var err error
			if x, err = rungeKutta(data.denoise, x, slope(x, denoised, level(i)), level(i), level(i+1)); err != nil {
				t.Fatal(err)
			}
		}
		return distance(x, want)
	}
	checkConvergence(t, errorAt(4), errorAt(8), 4, 4)
}

func checkConvergence(t *testing.T, coarse, fine float64, steps, nominal int) {
	t.Helper()
	order := math.Log2(coarse / fine)
	t.Logf("error %.3g at %d steps, %.3g at twice as many: order %.2f", coarse, steps, fine, order)
	if !(math.Abs(order-float64(nominal)) <= 0.15) {
		t.Errorf("order is %.2f, want %d ± 0.15", order, nominal)
	}
	// Roundings of numbers near 1, one a step, add up like a random walk.
	if floor := math.Sqrt(float64(2*steps)) * u32; !(fine >= 2*floor) {
		t.Errorf("error %g is too close to rounding, %g, to show an order", fine, floor)
	}
}

// distance returns the root mean square of x − want.
func distance(x *tensor.Tensor, want []float64) float64 {
	sum := 0.0
	for i, v := range x.Data {
		sum += (float64(v) - want[i]) * (float64(v) - want[i])
	}
	return math.Sqrt(sum / float64(len(want)))
}

// If the data are a single point, D is that point everywhere, and every method ends on it
// in any number of steps.
func TestOnePointIsReachedExactly(t *testing.T) {
	onePoint := mixture{{0.25, 0, 1}}
	noise := NewNoise(1, 0, 4, 2, 2, 1)
	for _, method := range Methods {
		for _, steps := range []int{1, 2, 7} {
			sigmas := karras(t, steps, 0.01, 80)
			x, err := Run(settingsOf(method), onePoint.denoise, Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range x.Data {
				if v != 0.25 {
					t.Errorf("%s, %d steps: number %d is %g, want 0.25 exactly", method.Name, steps, i, v)
				}
			}
		}
	}
}
