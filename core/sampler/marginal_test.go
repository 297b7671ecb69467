package sampler

import (
	"math"
	"slices"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// mixture2D is a two-dimensional mixture of normal distributions whose coordinates are
// not independent, so that sliced distances are needed. Images consist of independent
// pairs of pixels with this distribution.
type mixture2D []struct{ x, y, sd, weight float64 }

// three has a component on either side of the diagonal and a small one far away.
var three = mixture2D{{-0.6, 0.3, 0.15, 0.5}, {0.5, 0.5, 0.25, 0.35}, {0.2, -0.8, 0.1, 0.15}}

// posterior returns E[x₀|x] of a pair, and Var[x₀|x] of each of its numbers.
func (p mixture2D) posterior(a, b, sigma float64) (mean, variance [2]float64) {
	s := sigma * sigma
	log, largest := make([]float64, len(p)), math.Inf(-1)
	for k, q := range p {
		v := q.sd*q.sd + s
		log[k] = math.Log(q.weight/v) - ((a-q.x)*(a-q.x)+(b-q.y)*(b-q.y))/(2*v)
		largest = max(largest, log[k])
	}
	total, squares := 0.0, [2]float64{}
	for k, q := range p {
		w, v := num.Exp(log[k]-largest), q.sd*q.sd
		total += w
		for c, m := range [2]float64{(v*a + s*q.x) / (v + s), (v*b + s*q.y) / (v + s)} {
			mean[c] += w * m
			squares[c] += w * (m*m + v*s/(v+s))
		}
	}
	for c := range mean {
		mean[c] /= total
		variance[c] = squares[c]/total - mean[c]*mean[c]
	}
	return mean, variance
}

// denoise is the exact denoiser of images of such pairs.
func (p mixture2D) denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	out := tensor.New(x.Shape...)
	for i := 0; i < len(x.Data); i += 2 {
		mean, _ := p.posterior(float64(x.Data[i]), float64(x.Data[i+1]), float64(sigma))
		out.Data[i], out.Data[i+1] = float32(mean[0]), float32(mean[1])
	}
	return out, nil
}

// learnedVariance is denoise with the v of a perfect network for the steps of sigmas: the v
// for which Σ is β̃ + (1−r)²·Var[x₀|x].
func (p mixture2D) learnedVariance(sigmas []float32) diffusion.Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		next := float64(sigmas[slices.Index(sigmas, sigma)+1])
		keep, small := ddpmStep(float64(sigma), next, VarianceSmall)
		_, large := ddpmStep(float64(sigma), next, VarianceLarge)
		out := tensor.New(x.Shape[0], x.Shape[1], x.Shape[2], 2)
		for i := 0; i < len(x.Data); i += 2 {
			mean, variance := p.posterior(float64(x.Data[i]), float64(x.Data[i+1]), float64(sigma))
			for c, m := range mean {
				best := small*small + (1-keep)*(1-keep)*variance[c]
				out.Data[2*(i+c)], out.Data[2*(i+c)+1] = float32(m), float32(math.Log(best/small/small)/math.Log(large/small)-1)
			}
		}
		return out, nil
	}
}

// consistency is the consistency function: the end of the ODE's path through x.
func (p mixture2D) consistency(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	steps := make([]float32, 61)
	for i := range steps {
		steps[i] = float32(float64(sigma) * math.Pow(1e-3/float64(sigma), float64(i)/60))
	}
	return DPMpp2M(p.denoise, x, steps, nil)
}

// posteriorVariance returns the posterior variances, measured on n pairs.
func (p mixture2D) posteriorVariance(t *testing.T, sigmas []float32, n int) *diffusion.PosteriorVariance {
	t.Helper()
	s, err := diffusion.MeasurePosteriorVariance(p.denoise, p.samples(n), sigmas, func(level int) *tensor.Tensor {
		return NewNoise(4, 0, n, 1, 2, 1)(uint32(level))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// samples returns n pairs, divided among the components in proportion to their weights.
func (p mixture2D) samples(n int) *tensor.Tensor {
	z, out := NewNoise(3, 0, n, 1, 2, 1)(0), tensor.New(n, 1, 2, 1)
	for i := range n {
		u, k := (float64(i)+0.5)/float64(n), 0
		for ; u > p[k].weight; k++ {
			u -= p[k].weight
		}
		q := p[k]
		out.Row(i)[0], out.Row(i)[1] = float32(q.x+q.sd*float64(z.Row(i)[0])), float32(q.y+q.sd*float64(z.Row(i)[1]))
	}
	return out
}

// project returns the projection of p on a direction, with added noise of a level.
func (p mixture2D) project(cos, sin, sigma float64) mixture {
	m := make(mixture, len(p))
	for k, q := range p {
		m[k] = component{cos*q.x + sin*q.y, math.Hypot(q.sd, sigma), q.weight}
	}
	return m
}

// cdf returns the distribution function of m.
func (m mixture) cdf(x float64) float64 {
	sum := 0.0
	for _, p := range m {
		sum += p.weight * math.Erfc((p.mean-x)/(p.sd*math.Sqrt2)) / 2
	}
	return sum
}

// wasserstein returns W₁ between samples and m, ∫|F_n − F| dx, and an upper bound of
// its expectation for samples of m itself: ∫√(F·(1−F)/n) dx (Bobkov & Ledoux 2019,
// theorem 3.2).
func (m mixture) wasserstein(samples []float64) (distance, expected float64) {
	slices.Sort(samples)
	low, high := samples[0], samples[len(samples)-1]
	for _, p := range m {
		low, high = min(low, p.mean-6*p.sd), max(high, p.mean+6*p.sd)
	}
	const cells = 4000
	dx, n, below := (high-low)/cells, float64(len(samples)), 0
	for i := range cells {
		x := low + (float64(i)+0.5)*dx
		for below < len(samples) && samples[below] < x {
			below++
		}
		f := m.cdf(x)
		distance += math.Abs(float64(below)/n-f) * dx
		expected += math.Sqrt(f*(1-f)/n) * dx
	}
	return distance, expected
}

// checkSliced compares x, of noise level sigma, with the marginal of p in sliced W₁
// over eight directions. The bound is 1.5 times the upper bound of the expected
// distance of exact samples, plus allowed for the discretisation error.
func checkSliced(t *testing.T, x *tensor.Tensor, p mixture2D, sigma, allowed float64) {
	t.Helper()
	const directions = 8
	var got, expected float64
	for d := range directions {
		sin, cos := math.Sincos(math.Pi * float64(d) / directions)
		samples := make([]float64, len(x.Data)/2)
		for i := range samples {
			samples[i] = cos*float64(x.Data[2*i]) + sin*float64(x.Data[2*i+1])
		}
		w, e := p.project(cos, sin, sigma).wasserstein(samples)
		got, expected = got+w/directions, expected+e/directions
	}
	bound := 1.5*expected + allowed
	t.Logf("σ = %g: sliced W₁ is %.4f, of the marginal's own samples up to %.4f, bound %.4f", sigma, got, expected, bound)
	if !(got <= bound) {
		t.Errorf("σ = %g: sliced W₁ is %g, want at most %g", sigma, got, bound)
	}
}

// The test of the test: samples of the marginal pass, and those of a law that is
// off by a tenth of its width do not.
func TestSlicedDistanceTellsLaws(t *testing.T) {
	const n = 4000
	pick := three.samples(n)
	checkSliced(t, pick, three, 0, 0)
	for i := range n {
		pick.Row(i)[0] += 0.05
	}
	var off, expected float64
	samples := make([]float64, n)
	for i := range samples {
		samples[i] = float64(pick.Row(i)[0])
	}
	if off, expected = three.project(1, 0, 0).wasserstein(samples); !(off > 1.5*expected+0.01) {
		t.Errorf("a shift of 0.05 shows as %g, want more than %g", off, 1.5*expected+0.01)
	}
}

// Every method that draws noise, and some that do not, with steps enough draw the data's law,
// and at a level half way the law of the data with that level's noise.
func TestMarginalsAreExact(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const n, pixels, middle = 16, 160, 0.3
	cases := []struct {
		s       Settings
		steps   int
		allowed float64 // for the error of the steps, in the units of a pixel
	}{
		{Settings{Method: "ddim", Eta: 0.7}, 200, 0.01},
		{Settings{Method: "ddpm", Options: Options{Brownian: true}}, 200, 0.01},
		{Settings{Method: "ddpm-large"}, 400, 0.01},
		{Settings{Method: "heun", Options: Options{Churn: Churn{S: 20}}}, 100, 0.005},
		{Settings{Method: "heun", Options: Options{Churn: Churn{S: 200, Min: 0.05, Max: 5}}}, 200, 0.005},
		{Settings{Method: "euler-ancestral"}, 200, 0.01},
		{Settings{Method: "dpm2-ancestral"}, 100, 0.005},
		{Settings{Method: "dpm2-ancestral", Options: Options{Brownian: true}}, 100, 0.005},
		{Settings{Method: "sde-dpmpp", Options: Options{Order: 1}}, 200, 0.01},
		{Settings{Method: "sde-dpmpp"}, 60, 0.005},
		{Settings{Method: "sde-dpmpp", Options: Options{Brownian: true}}, 60, 0.005},
		{Settings{Method: "sde-dpmpp-singlestep"}, 60, 0.005},
		{Settings{Method: "sde-dpmpp", Options: Options{SolverType: SolverHeun}}, 60, 0.005},
		{Settings{Method: "dpmpp3m-sde"}, 60, 0.005},
		{Settings{Method: "dpmpp3m-sde", Options: Options{Brownian: true}}, 60, 0.005},
		{Settings{Method: "sa-solver"}, 60, 0.005},
		{Settings{Method: "sa-solver", Options: Options{Order: 2, Tau: 0.3}}, 60, 0.005},
		{Settings{Method: "er-sde"}, 60, 0.005},
		{Settings{Method: "er-sde", Options: Options{Order: 1}}, 200, 0.01},
		{Settings{Method: "restart"}, 40, 0.005},
		{Settings{Method: "restart", Options: Options{Restarts: Restarts{RestartMin: 0.5, RestartMax: 4, RestartSteps: 12}}}, 40, 0.005},
		{Settings{Method: "euler", Options: Options{Churn: Churn{S: 20}}}, 400, 0.01},
		{Settings{Method: "flow-euler", Options: Options{Churn: Churn{S: 20}}}, 400, 0.01},
		{Settings{Method: "flow-heun", Options: Options{Churn: Churn{S: 20}}}, 100, 0.005},
		{Settings{Method: "dpm2", Options: Options{Churn: Churn{S: 20}}}, 100, 0.005},
		{Settings{Method: "dpm-singlestep", Options: Options{Churn: Churn{S: 20}}}, 60, 0.005},
		{Settings{Method: "dpmpp-singlestep", Options: Options{Churn: Churn{S: 20}}}, 60, 0.005},
		{Settings{Method: "lcm"}, 4, 0.005},
		{Settings{Method: "tcd"}, 400, 0.01},
		{Settings{Method: "sde-dpm"}, 200, 0.01},
		{Settings{Method: "sde-dpm", Options: Options{Order: 1}}, 400, 0.01},
		{Settings{Method: "adaptive-sde"}, 4, 0.01},
		{Settings{Method: "pc", Options: Options{SNR: 0.1}}, 150, 0.01},
		{Settings{Method: "pc", Options: Options{Predictor: "euler-maruyama", Corrector: CorrectorAnnealed, SNR: 0.1}}, 150, 0.01},
		{Settings{Method: "pc", Options: Options{Predictor: "ancestral", Corrector: CorrectorAnnealed, CorrectorSteps: 2, SNR: 0.1}}, 100, 0.01},
		{Settings{Method: "pc", Options: Options{Corrector: CorrectorNone}}, 300, 0.01},
		{Settings{Method: "annealed-langevin", Options: Options{CorrectorSteps: 50}}, 30, 0.02},
		{Settings{Method: "consistency"}, 4, 0.005},
		{Settings{Method: "ddpm-learned"}, 60, 0.005},
		{Settings{Method: "ddpm-analytic"}, 60, 0.01},
		{Settings{Method: "unipc"}, 40, 0.005},
		{Settings{Method: "rk45", Options: Options{RTol: 1e-3, ATol: 1e-3}}, 4, 0.005},
	}
	tried := map[string]bool{}
	for _, c := range cases {
		tried[c.s.Method] = true
		t.Run(c.s.Method+optionString(c.s.Options), func(t *testing.T) {
			sigmas := karras(t, c.steps, 0.01, 20)
			at := slices.IndexFunc(sigmas, func(sigma float32) bool { return sigma < middle })
			sigmas = slices.Insert(sigmas, at, middle)
			noise, denoise := NewNoise(5, 0, n, 1, pixels, 1), diffusion.Denoiser(three.denoise)
			switch c.s.Method {
			case "consistency", "lcm":
				denoise = three.consistency
			case "ddpm-learned":
				denoise = three.learnedVariance(sigmas)
			case "ddpm-analytic":
				levels := slices.Clone(sigmas[:len(sigmas)-1])
				slices.Reverse(levels)
				c.s.Posterior = three.posteriorVariance(t, levels, 1000)
			}
			seen := false
			x, err := Run(c.s, denoise, Start(noise, sigmas), sigmas, noise, func(_ int, x *tensor.Tensor, sigma float32) error {
				if sigma == middle {
					seen = true
					checkSliced(t, x, three, middle, c.allowed)
				}
				return nil
			})
			if err != nil || !seen {
				t.Fatalf("%v; came to the middle: %v", err, seen)
			}
			checkSliced(t, x, three, 0, c.allowed)
		})
	}
	for _, m := range slices.Concat(Methods, Special) {
		if (m.Noise || m.Eta || slices.Contains(m.Takes, "s_churn")) && !tried[m.Name] {
			t.Errorf("%s draws noise, and no marginal of it is looked at", m.Name)
		}
	}
}
