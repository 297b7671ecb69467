package sampler

import (
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

// The error of a method of order p falls by 2^p when the steps are doubled. The
// levels end above 0, as the step to 0 is of first order and of fixed length.
func TestOrderOfConvergence(t *testing.T) {
	for _, data := range []struct {
		name  string
		m     mixture
		steps int // the fewer of the two runs; a mixture takes more until the order shows
	}{{"gaussian", mixture{{0, 0.5, 1}}, 32}, {"mixture", two, 128}} {
		const low, high = 0.1, 5
		start := column(9, high)
		want := make([]float64, len(start.Data))
		for i, v := range start.Data {
			want[i] = solution(data.m, float64(v), high, low)
		}
		for _, method := range Methods {
			if method.Order == 0 {
				continue
			}
			t.Run(data.name+"/"+method.Name, func(t *testing.T) {
				off := func(steps int) float64 {
					sigmas := karras(t, steps+1, low, high)[:steps+1]
					x, err := Run(settings(method), data.m.denoise, start, sigmas, nil, nil)
					if err != nil {
						t.Fatal(err)
					}
					return distance(x, want)
				}
				coarse, fine := off(data.steps), off(2*data.steps)
				order := math.Log2(coarse / fine)
				t.Logf("error %.3g at %d steps, %.3g at twice as many: order %.2f", coarse, data.steps, fine, order)
				if !(math.Abs(order-float64(method.Order)) <= 0.2) {
					t.Errorf("order is %.2f, want %d ± 0.2", order, method.Order)
				}
				// Roundings of numbers near 1, one a step, add up like a random walk.
				if floor := math.Sqrt(float64(2*data.steps)) * u32; !(fine >= 10*floor) {
					t.Errorf("error %g is too near rounding, %g, to tell an order", fine, floor)
				}
			})
		}
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

// For one point of data D is that point everywhere, and every method ends on it
// in any number of steps.
func TestOnePointIsReachedExactly(t *testing.T) {
	at := mixture{{0.25, 0, 1}}
	noise := NewNoise(1, 0, 4, 2, 2, 1)
	for _, method := range Methods {
		for _, steps := range []int{1, 2, 7} {
			sigmas := karras(t, steps, 0.01, 80)
			x, err := Run(settings(method), at.denoise, Start(noise, sigmas), sigmas, noise, nil)
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
