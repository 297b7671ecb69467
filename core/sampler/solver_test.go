package sampler

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// smooth returns the convergence test's levels: dense at the start, from 2 to 0.1.
func smooth(part float64) float64 { return 2 * math.Pow(0.05, part*part*part) }

// Solver type heun has the orders of midpoint.
func TestOrderOfHeunType(t *testing.T) {
	soft := mixture{{-0.4, 0.4, 0.7}, {0.6, 0.5, 0.3}}
	for _, name := range []string{"dpmpp2m", "dpmpp-multistep", "dpm-multistep", "dpmpp-singlestep", "dpm-singlestep"} {
		m, _ := Lookup(name)
		for _, order := range []int{2, 3} {
			s, n := Settings{Method: name, Options: Options{SolverType: SolverHeun, Order: min(order, m.Orders)}}, 64
			if order > max(m.Orders, 2) {
				continue
			}
			if m.Evaluations > 2 {
				n = 16
			}
			t.Run(fmt.Sprintf("%s/order=%d", name, order), func(t *testing.T) {
				coarse, fine := convergence(t, s, soft, 2, 0.1, n, smooth)
				checkConvergence(t, coarse, fine, n, order)
			})
		}
	}
}

// DPM-Solver-fast is of third order where its last step is of second: with 3k+2 steps. With 3k
// and 3k+1, whose last step is of first order, it is of second.
func TestOrderOfDPMFast(t *testing.T) {
	soft := mixture{{-0.4, 0.4, 0.7}, {0.6, 0.5, 0.3}}
	even := func(part float64) float64 { return 2 * math.Pow(0.05, part) }
	errorAt := func(n int) float64 {
		coarse, _ := convergence(t, Settings{Method: "dpm-fast"}, soft, 2, 0.1, n, even)
		return coarse
	}
	for _, c := range []struct{ from, to, order int }{{32, 62, 3}, {48, 96, 2}, {49, 97, 2}} {
		coarse, fine := errorAt(c.from), errorAt(c.to)
		order := math.Log(coarse/fine) / math.Log(float64(c.to)/float64(c.from))
		t.Logf("error %.3g in %d steps, %.3g in %d: order %.2f", coarse, c.from, fine, c.to, order)
		if !(math.Abs(order-float64(c.order)) <= 0.3) {
			t.Errorf("%d and %d steps: order is %.2f, want %d", c.from, c.to, order, c.order)
		}
	}
	for n, want := range map[int][]int{1: {1}, 2: {2}, 3: {2, 1}, 4: {3, 1}, 5: {3, 2}, 6: {3, 2, 1}, 10: {3, 3, 3, 1}, 12: {3, 3, 3, 2, 1}} {
		if got := fastOrders(n); !slices.Equal(got, want) {
			t.Errorf("%d steps: orders are %d, want %d", n, got, want)
		}
	}
}

// With γ = 1.5 gradient estimation is the Adams-Bashforth method of second order on evenly spaced levels.
func TestOrderOfGradientEstimation(t *testing.T) {
	s := Settings{Method: "gradient-estimation", Options: Options{Gamma: 1.5}}
	coarse, fine := convergence(t, s, mixture{{0, 1, 1}}, 20, 0.5, 96, func(part float64) float64 { return 20 - 19.5*part })
	checkConvergence(t, coarse, fine, 96, 2)
}

// The error of DPM-Solver-12 and -23 follows the tolerance, and a smaller one costs more
// evaluations.
func TestDPMAdaptiveKeepsItsTolerance(t *testing.T) {
	const low, high = 0.05, 20
	start := startPoints(9, high)
	want := make([]float64, len(start.Data))
	for i, v := range start.Data {
		want[i] = solution(two, float64(v), high, low)
	}
	for _, order := range []int{1, 2} {
		before := 0
		for _, tolerance := range []float64{1e-1, 1e-2, 1e-3, 1e-4} {
			denoise, calls := countCalls(two)
			x, err := DPMAdaptive(denoise, start, []float32{high, low}, order, Tolerance{tolerance, tolerance}, nil)
			if err != nil {
				t.Fatal(err)
			}
			off := distance(x, want)
			t.Logf("order %d, tolerance %g: error %.3g in %d evaluations", order, tolerance, off, *calls)
			if !(off <= 20*tolerance) || *calls <= before {
				t.Errorf("order %d, tolerance %g: error is %g, want at most %g; %d evaluations, a larger tolerance took %d", order, tolerance, off, 20*tolerance, *calls, before)
			}
			before = *calls
		}
	}
}

// With lower_order_final the last step of a schedule is of first order and the one before of second: the result
// is that of the orders taken one after the other. A stretch of the schedule that ends above its end is not lowered.
func TestLowerOrderFinal(t *testing.T) {
	levels := []float32{2, 1.5, 1, 0.6, 0.3, 0.1}
	start := startPoints(5, 2)
	for _, name := range []string{"dpmpp-multistep", "dpm-multistep", "deis", "lms", "ipndm", "unipc", "unipc-noise"} {
		run := func(o Options, whole, sigmas []float32, x *tensor.Tensor) *tensor.Tensor {
			x, err := RunStretch(Settings{Method: name, Options: o}, whole, two.denoise, x, sigmas, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		o := Options{Order: 3, LowerOrderFinal: true}
		plain := run(Options{Order: 3}, levels, levels, start)
		lower := run(o, levels, levels, start)
		if slices.Equal(plain.Data, lower.Data) {
			t.Errorf("%s: lower_order_final changes nothing", name)
		}
		if got := run(o, levels, levels[:4], start); !slices.Equal(got.Data, run(Options{Order: 3}, levels, levels[:4], start).Data) {
			t.Errorf("%s: lower_order_final changes a stretch that ends two steps before the end", name)
		}
		if name == "unipc" || name == "unipc-noise" {
			continue // whose corrector at the end of a step comes in the next
		}
		// The last step is of first order: Euler's, whatever the integral.
		before := run(o, levels, levels[:5], start)
		want, err := Euler(two.denoise, before, levels[4:], nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range lower.Data {
			if !(math.Abs(float64(v-want.Data[i])) <= 8*u32) {
				t.Errorf("%s: number %d is %g, want %g from a last step of first order", name, i, v, want.Data[i])
			}
		}
	}
}

// On a chain, σ_s of TCD is the level of the step at (1−γ)·t′, and x at every level has the variance of the forward
// process if the data are a single point.
func TestTCDOnAChain(t *testing.T) {
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		t, want int
		gamma   float64
	}{{799, 559, 0.3}, {99, 69, 0.3}, {499, 249, 0.5}} {
		got, err := strategicLevel(float32(chain.Sigmas[c.t]), c.gamma, chain)
		if err != nil || got != chain.Sigmas[c.want] {
			t.Errorf("t = %d, γ = %g: level is %g, %v, want %g of step %d", c.t, c.gamma, got, err, chain.Sigmas[c.want], c.want)
		}
	}
	sigmas, err := Timesteps(chain, 8, Trailing)
	if err != nil {
		t.Fatal(err)
	}
	for _, gamma := range []float64{0.3, 1} {
		noise := NewNoise(1, 0, numSamples, 1, 1, 1)
		_, err = Run(Settings{Method: "tcd", Options: Options{Gamma: gamma}, Chain: chain}, gaussian(0), Start(noise, sigmas), sigmas, noise, func(_ int, x *tensor.Tensor, sigma float32) error {
			if sigma > 0 {
				checkVariance(t, fmt.Sprintf("γ = %g, σ = %g", gamma, sigma), x.Data, float64(sigma)*float64(sigma))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// On data that are a single point x has the variance of the forward process at every level, whatever the noise of the method.
func TestStochasticSolversOnOnePoint(t *testing.T) {
	for _, s := range []Settings{{Method: "dpmpp3m-sde"}, {Method: "sa-solver"}, {Method: "sa-solver", Options: Options{Tau: 0.3}}, {Method: "er-sde"},
		{Method: "restart"}, {Method: "lcm"}, {Method: "euler", Options: Options{Churn: Churn{S: 3}}}, {Method: "dpm-singlestep", Options: Options{Churn: Churn{S: 3}}}} {
		sigmas := karras(t, 6, 0.05, 20)
		noise := NewNoise(1, 0, numSamples, 1, 1, 1)
		_, err := Run(s, gaussian(0), Start(noise, sigmas), sigmas, noise, func(_ int, x *tensor.Tensor, sigma float32) error {
			if sigma > 0 {
				checkVariance(t, fmt.Sprintf("%s, σ = %g", s.Method, sigma), x.Data, float64(sigma)*float64(sigma))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The corrector of pc stays in the range of the level on images of one number, where the score can be near 0.
func TestPredictorCorrectorOnImagesOfOneNumber(t *testing.T) {
	const n = 20000
	sigmas, noise := karras(t, 100, 0.02, 20), NewNoise(1, 0, n, 1, 1, 1)
	x, err := Run(Settings{Method: "pc"}, two.denoise, Start(noise, sigmas), sigmas, noise, func(_ int, x *tensor.Tensor, sigma float32) error {
		if got, most := variance(x.Data), 4*(0.5+float64(sigma)*float64(sigma)); !(got <= most) {
			t.Errorf("σ = %g: the mean square is %g, want at most %g", sigma, got, most)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x.Data {
		if !(math.Abs(float64(v)) < 2) {
			t.Fatalf("number %d is %g, far from all data", i, v)
		}
	}
}
