package diffusion

import (
	"math"
	"math/rand/v2"
	"testing"
)

// timesBetween returns times of a process at n+1 noise levels evenly spaced in ln σ, from
// 0.2 to 4 or to the end of the process.
func timesBetween(t *testing.T, p Process, n int) []float64 {
	t.Helper()
	first, last := p.Span()
	low, high := math.Max(0.2, 1.001*p.Kernel(first).Sigma), 4.0
	if most := p.Kernel(last).Sigma; most < 4 {
		high = most / 1.001
	}
	times := make([]float64, n+1)
	for i := range times {
		at, err := p.Time(float32(low * math.Pow(high/low, float64(i)/float64(n))))
		if err != nil {
			t.Fatal(err)
		}
		times[i] = at
	}
	return times
}

// eachProcess runs f for every process of the table in PROCESSES.md that has one.
func eachProcess(t *testing.T, f func(t *testing.T, r processRow)) {
	for _, r := range processRows(t) {
		t.Run(r.name, func(t *testing.T) { f(t, r) })
	}
}

// The rates are the derivatives of s and σ². Central differences have a relative error of
// the order h².
func TestRatesAreDerivatives(t *testing.T) {
	eachProcess(t, func(t *testing.T, r processRow) {
		for _, at := range timesBetween(t, r.process, 40) {
			if math.Abs(at-math.Round(at)) < 0.05 {
				at += 0.1 // a chain's rates jump at its steps
			}
			h := 2e-5 * at
			k, a, b := r.process.Kernel(at), r.process.Kernel(at-h), r.process.Kernel(at+h)
			scale := (math.Log(b.S) - math.Log(a.S)) / (2 * h)
			variance := (b.Sigma*b.Sigma - a.Sigma*a.Sigma) / (2 * h)
			// Rounding of ln s, and h² times a third derivative.
			if bound := 1e-5*math.Abs(scale) + 1e-15/h; !(math.Abs(k.ScaleRate-scale) <= bound) {
				t.Errorf("t=%g: d ln s/dt is %g, differences give %g ± %.2g", at, k.ScaleRate, scale, bound)
			}
			if bound := 1e-5 * math.Abs(variance); !(math.Abs(k.VarianceRate-variance) <= bound) {
				t.Errorf("t=%g: dσ²/dt is %g, differences give %g ± %.2g", at, k.VarianceRate, variance, bound)
			}
		}
	})
}

func TestTimeInvertsKernel(t *testing.T) {
	eachProcess(t, func(t *testing.T, r processRow) {
		for _, at := range timesBetween(t, r.process, 100) {
			sigma := r.process.Kernel(at).Sigma
			got, err := r.process.Time(float32(sigma))
			if err != nil {
				t.Fatal(err)
			}
			if back := r.process.Kernel(got).Sigma; !(math.Abs(back/float64(float32(sigma))-1) <= 4*u32) {
				t.Errorf("σ=%g: its time has σ=%g", sigma, back)
			}
		}
		for _, sigma := range []float32{-1, float32(math.NaN()), float32(math.Inf(1))} {
			if _, err := r.process.Time(sigma); err == nil {
				t.Errorf("time of %g: got no error", sigma)
			}
		}
		first, last := r.process.Span()
		for _, at := range []float64{first - 0.1, last * 1.01, math.NaN()} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("kernel at t=%g: got no panic", at)
					}
				}()
				r.process.Kernel(at)
			}()
		}
	})
}

// The transitions of a chain, composed step by step from the data, give the kernel.
func TestTransitionsCompose(t *testing.T) {
	eachProcess(t, func(t *testing.T, r processRow) {
		k, keep, variance := Kernel{S: 1}, 1.0, 0.0
		for i, at := range timesBetween(t, r.process, 200) {
			next := r.process.Kernel(at)
			a, sd := Transition(k, next)
			keep, variance = keep*a, a*a*variance+sd*sd
			noise := next.S * next.Sigma
			bound := 8 * float64(i+1) * 0x1p-52 // a few roundings a step
			if !(math.Abs(keep/next.S-1) <= bound) || !(math.Abs(variance/(noise*noise)-1) <= bound) {
				t.Fatalf("t=%g: the chain has s=%g and variance %g, the kernel %g and %g", at, keep, variance, next.S, noise*noise)
			}
			k = next
		}
	})
}

// A simulated discrete chain has the exact marginal. Chains take all their steps.
func TestSimulatedChainHasTheMarginal(t *testing.T) {
	const n = 4000
	eachProcess(t, func(t *testing.T, r processRow) {
		times := timesBetween(t, r.process, 50)
		if r.whole {
			_, last := r.process.Span()
			times = times[:0]
			for at := range int(last) + 1 {
				times = append(times, float64(at))
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		z := make([]float64, n)
		for i := range z {
			z[i] = two.quantile(rng.Float64())
		}
		k := Kernel{S: 1}
		for i, at := range times {
			next := r.process.Kernel(at)
			keep, sd := Transition(k, next)
			for j := range z {
				z[j] = keep*z[j] + sd*rng.NormFloat64()
			}
			if k = next; i == len(times)/3 || i == len(times)-1 {
				checkDistribution(t, "chain", append([]float64{}, z...), two.at(k))
			}
		}
	})
}

// The marginal satisfies the Fokker-Planck equation of the SDE,
// ∂p/∂t = −∂(f·z·p)/∂z + ½g²·∂²p/∂z², solved from one time to another by finite volumes,
// which are of second order.
func TestMarginalSolvesFokkerPlanck(t *testing.T) {
	eachProcess(t, func(t *testing.T, r processRow) {
		var off [2]float64
		for i, n := range []int{300, 600} {
			off[i] = fokkerPlanck(t, r.process, n)
		}
		if !(off[1] <= 2e-3) || !(off[1] <= 0.3*off[0]) {
			t.Errorf("∫|p − exact| is %.3g on 300 cells and %.3g on 600, want at most 0.002 and a quarter", off[0], off[1])
		}
	})
}

// fokkerPlanck evolves the marginal over the times of a process on n cells, in n
// Crank-Nicolson steps, and returns ∫|p − exact| at the end.
func fokkerPlanck(t *testing.T, p Process, n int) float64 {
	times := timesBetween(t, p, n)
	start, end := p.Kernel(times[0]), p.Kernel(times[n])
	edge := 0.0
	for _, k := range []Kernel{start, end} {
		edge = math.Max(edge, k.S*(0.6+6*math.Hypot(0.25, k.Sigma)))
	}
	dz := 2 * edge / float64(n)
	centre := func(i int) float64 { return -edge + (float64(i)+0.5)*dz }
	density := make([]float64, n)
	for i := range density {
		density[i] = two.at(start).density(centre(i))
	}
	low, mid, high, rhs := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for step := range n {
		dt := times[step+1] - times[step]
		k := p.Kernel((times[step] + times[step+1]) / 2)
		f, half := k.F(), k.G()*k.G()/2
		// dp_i/dt = low·p_{i−1} + mid·p_i + high·p_{i+1}, with no flux across the edges.
		for i := range n {
			left, right := f*(centre(i)-dz/2)/2, f*(centre(i)+dz/2)/2
			low[i], mid[i], high[i] = left/dz+half/dz/dz, (left-right)/dz-2*half/dz/dz, -right/dz+half/dz/dz
		}
		mid[0], mid[n-1] = mid[0]+low[0], mid[n-1]+high[n-1]
		for i := range n {
			rhs[i] = density[i] + dt/2*mid[i]*density[i]
			if i > 0 {
				rhs[i] += dt / 2 * low[i] * density[i-1]
			}
			if i < n-1 {
				rhs[i] += dt / 2 * high[i] * density[i+1]
			}
		}
		// (1 − dt/2·A)·density = rhs, by elimination.
		diagonal := make([]float64, n)
		for i := range n {
			diagonal[i] = 1 - dt/2*mid[i]
			if i > 0 {
				factor := -dt / 2 * low[i] / diagonal[i-1]
				diagonal[i] -= factor * (-dt / 2 * high[i-1])
				rhs[i] -= factor * rhs[i-1]
			}
		}
		for i := n - 1; i >= 0; i-- {
			density[i] = rhs[i]
			if i < n-1 {
				density[i] += dt / 2 * high[i] * density[i+1]
			}
			density[i] /= diagonal[i]
		}
	}
	off := 0.0
	for i, v := range density {
		off += math.Abs(v-two.at(end).density(centre(i))) * dz
	}
	return off
}

// The probability-flow ODE transports quantiles to quantiles exactly. It is solved by the
// classical Runge-Kutta method in 400 steps.
func TestODETransportsTheMarginal(t *testing.T) {
	eachProcess(t, func(t *testing.T, r processRow) {
		p := r.process
		times := timesBetween(t, p, 400)
		last := len(times) - 1
		start, end := two.at(p.Kernel(times[last])), two.at(p.Kernel(times[0]))
		slope := func(at, z float64) float64 {
			k := p.Kernel(at)
			return k.ODE().At(z, two.denoised(z/k.S, k.Sigma))
		}
		for u := 0.01; u < 1; u += 0.07 {
			z := start.quantile(u)
			for i := last; i > 0; i-- {
				at, h := times[i], times[i-1]-times[i]
				k1 := slope(at, z)
				k2 := slope(at+h/2, z+h/2*k1)
				k3 := slope(at+h/2, z+h/2*k2)
				k4 := slope(times[i-1], z+h*k3)
				z += h / 6 * (k1 + 2*k2 + 2*k3 + k4)
			}
			// The rates of a chain jump by a relative 1/T between steps.
			bound := 1e-6
			if r.whole {
				bound = 1e-4
			}
			if got := end.cdf(z); !(math.Abs(got-u) <= bound) {
				t.Errorf("quantile %.2f arrives at %.8f, bound %.0g", u, got, bound)
			}
		}
	})
}

// The exact marginals satisfy the Fokker-Planck equation of every backward process, run
// from the last time to the first: ∂p/∂t = −∂(b·p)/∂z − ½(λg)²·∂²p/∂z², checked by central
// differences.
func TestBackwardKeepsTheMarginal(t *testing.T) {
	eachProcess(t, func(t *testing.T, r processRow) {
		p := r.process
		for _, at := range timesBetween(t, p, 12) {
			if r.whole {
				_, last := p.Span()
				at = min(math.Floor(at), last-1) + 0.5 // its rates jump at the steps
			}
			k := p.Kernel(at)
			width := k.S * math.Hypot(0.3, k.Sigma)
			dt, dz := 1e-4*math.Min(at, 1), 1e-3*width
			for _, lambda := range []float64{0, 0.5, 1, 1.5} {
				drift, g := k.Backward(lambda)
				density := two.at(k).density
				flux := func(z float64) float64 { return drift.At(z, two.denoised(z/k.S, k.Sigma)) * density(z) }
				for _, z := range []float64{-1.5 * width, -0.4 * width, 0.1 * width, width} {
					left := (two.at(p.Kernel(at+dt)).density(z) - two.at(p.Kernel(at-dt)).density(z)) / (2 * dt)
					spread := g * g / 2 * (density(z+dz) - 2*density(z) + density(z-dz)) / (dz * dz)
					right := -(flux(z+dz)-flux(z-dz))/(2*dz) - spread
					// Differences of order dz²/width² and dt², of terms that cancel.
					size := math.Abs(spread) + math.Abs(left) + math.Abs(k.F())*density(z)
					if !(math.Abs(left-right) <= 2e-4*size) {
						t.Errorf("t=%g, λ=%g, z=%g: ∂p/∂t is %g, the equation gives %g", at, lambda, z, left, right)
					}
				}
			}
		}
	})
}

// The reverse SDE, and a backward process with less noise, transport the marginal: they
// are simulated by Euler-Maruyama from exact samples of the noisy marginal.
func TestReverseSDETransportsTheMarginal(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const n = 1000
	eachProcess(t, func(t *testing.T, r processRow) {
		p := r.process
		times := timesBetween(t, p, 250)
		last := len(times) - 1
		for _, lambda := range []float64{0.5, 1} {
			rng := rand.New(rand.NewPCG(3, 4))
			z := two.at(p.Kernel(times[last])).sample(n)
			for i := last; i > 0; i-- {
				k, h := p.Kernel(times[i]), times[i]-times[i-1]
				drift, diffusion := k.Backward(lambda)
				for j, v := range z {
					z[j] = v - h*drift.At(v, two.denoised(v/k.S, k.Sigma)) + math.Sqrt(h)*diffusion*rng.NormFloat64()
				}
			}
			checkDistribution(t, "reverse SDE", z, two.at(p.Kernel(times[0])))
		}
	})
}

// Given x₀, the steps of DDIM have the kernels of the process for every η; with η = 1
// they are the posterior of Transition by Bayes' rule.
func TestBridgeKeepsTheKernel(t *testing.T) {
	eachProcess(t, func(t *testing.T, r processRow) {
		times := timesBetween(t, r.process, 20)
		for i := range times[1:] {
			from, to := r.process.Kernel(times[i+1]), r.process.Kernel(times[i])
			for _, eta := range []float64{0, 0.3, 1} {
				step, sd := Bridge(from, to, eta)
				mean := step.Z*from.S + step.D // of z_to, for x₀ = 1
				variance := math.Pow(step.Z*from.S*from.Sigma, 2) + sd*sd
				if want := to.S * to.S * to.Sigma * to.Sigma; !(math.Abs(mean/to.S-1) <= 1e-14) || !(math.Abs(variance/want-1) <= 1e-14) {
					t.Errorf("η=%g: mean %g and variance %g, want %g and %g", eta, mean, variance, to.S, want)
				}
			}
			// Bayes: precisions add, with z_from = keep·z_to + noise.
			keep, noise := Transition(to, from)
			prior := math.Pow(to.S*to.Sigma, -2)
			precision := prior + keep*keep/(noise*noise)
			step, sd := Bridge(from, to, 1)
			wantZ, wantD := keep/(noise*noise)/precision, to.S*prior/precision
			if !(math.Abs(step.Z-wantZ) <= 1e-12) || !(math.Abs(step.D-wantD) <= 1e-12) || !(math.Abs(sd*sd*precision-1) <= 1e-12) {
				t.Errorf("posterior is %+v ± %g, Bayes gives %g, %g ± %g", step, sd, wantZ, wantD, 1/math.Sqrt(precision))
			}
		}
	})
}
