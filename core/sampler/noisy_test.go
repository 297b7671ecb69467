package sampler

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// many is the number of samples that marginals are measured on.
const many = 10000

// linearChain returns the noise levels of the whole chain of Ho et al. 2020 cut
// to T steps, and the chain.
func linearChain(t *testing.T, T int) ([]float32, *diffusion.Chain) {
	t.Helper()
	// β grows as T falls, so that the chain still ends in noise.
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear, Steps: T,
		BetaStart: 0.1 / float64(T), BetaEnd: 20 / float64(T)})
	if err != nil {
		t.Fatal(err)
	}
	sigmas, err := Timesteps(chain, T, Trailing)
	if err != nil {
		t.Fatal(err)
	}
	return sigmas, chain
}

// Ho et al. 2020, section 3.2: β is the right variance for data N(0,I), β̃ for data
// that are one point. Then x at every level has the forward process' own law,
// N(0, sd² + σ²), however few the steps.
func TestVarianceIsExactForItsData(t *testing.T) {
	for _, c := range []struct {
		name string
		sd   float64
		s    Settings
	}{
		{"large, N(0,1)", 1, Settings{Method: "ddpm-large"}},
		{"small, one point", 0, Settings{Method: "ddpm"}},
		{"eta 1, one point", 0, Settings{Method: "ddim", Eta: 1}},
		{"eta 0.3, one point", 0, Settings{Method: "ddim", Eta: 0.3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sigmas := karras(t, 6, 0.05, 20)
			noise := NewNoise(1, 0, many, 1, 1, 1)
			start := noise(StreamStart).Scaled(float32(math.Hypot(c.sd, 20)))
			levels := 0
			_, err := Run(c.s, gaussian(c.sd), start, sigmas, noise, func(_ int, x *tensor.Tensor, sigma float32) error {
				if sigma > 0 {
					levels++
					checkVariance(t, "level", x.Data, c.sd*c.sd+float64(sigma)*float64(sigma))
				}
				return nil
			})
			if err != nil || levels != 5 {
				t.Errorf("checked %d levels, %v, want 5", levels, err)
			}
		})
	}
}

// On Gaussian data a step is linear, and the variance of x obeys a recursion
// whose limit, for many steps, is the data's.
func TestGaussianDataAreSampled(t *testing.T) {
	const sd = 0.5
	for _, c := range []struct {
		s Settings
		// noise returns the variance that a step from σ_t to σ_s adds.
		noise func(t, s float64) float64
	}{
		{Settings{Method: "ddpm"}, func(t, s float64) float64 { return s * s * (t*t - s*s) / (t * t) }},
		{Settings{Method: "ddpm-large"}, func(t, s float64) float64 { return (t*t - s*s) * (1 + s*s) / (1 + t*t) }},
	} {
		t.Run(c.s.Method, func(t *testing.T) {
			// law returns the variance of the images that sigmas give.
			law := func(sigmas []float32) float64 {
				v := float64(sigmas[0]) * float64(sigmas[0])
				for i := range len(sigmas) - 1 {
					high, low := float64(sigmas[i]), float64(sigmas[i+1])
					r := low * low / (high * high)
					a := (1-r)*sd*sd/(sd*sd+high*high) + r
					v *= a * a
					if low > 0 {
						v += c.noise(high, low)
					}
				}
				return v
			}
			sigmas, noise := karras(t, 20, 0.01, 20), NewNoise(2, 0, many, 1, 1, 1)
			x, err := Run(c.s, gaussian(sd), Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkVariance(t, "20 steps", x.Data, law(sigmas))
			last := law(karras(t, 400, 0.01, 20))
			t.Logf("variance is %.4g at 20 steps, %.4g at 400, of the data %g", law(sigmas), last, sd*sd)
			if !(math.Abs(last/(sd*sd)-1) <= 0.05) {
				t.Errorf("variance at 400 steps is %g, want %g within 5 %%", last, sd*sd)
			}
		})
	}
}

// With eta 1 and along a whole chain, DDIM is DDPM with β̃ (Song et al. 2021,
// after eq. 16): the same arithmetic but for rounding. A step contracts, so the
// differences of its two coefficients, a rounding of each term, add up at most.
func TestDDIMWithEtaOneIsDDPM(t *testing.T) {
	sigmas, _ := linearChain(t, 1000)
	noise := NewNoise(3, 0, 4, 4, 4, 1)
	start := Start(noise, sigmas)
	largest := make([]float64, len(sigmas)-1)
	var path []*tensor.Tensor
	record := func(step int, x *tensor.Tensor, _ float32) error {
		for _, v := range x.Data {
			largest[step] = max(largest[step], math.Abs(float64(v)))
		}
		path = append(path, x.Clone())
		return nil
	}
	if _, err := DDPM(two.denoise, start, sigmas, VarianceSmall, noise, record); err != nil {
		t.Fatal(err)
	}
	bound := 0.0
	compare := func(step int, x *tensor.Tensor, _ float32) error {
		bound += 8 * u32 * (largest[step] + 1)
		for i, v := range x.Data {
			want := path[step].Data[i]
			if diff := math.Abs(float64(v) - float64(want)); !(diff <= bound) {
				t.Fatalf("step %d: number %d is %g, want %g ± %.2g", step, i, v, want, bound)
			}
		}
		return nil
	}
	if _, err := DDIM(two.denoise, start, sigmas, 1, noise, compare); err != nil {
		t.Fatal(err)
	}
}

// Algorithm 2 of Ho et al. 2020 line for line, in its own coordinates and in
// float64, follows the same path as DDPM here.
func TestDDPMIsAlgorithm2(t *testing.T) {
	for _, variance := range []Variance{VarianceSmall, VarianceLarge} {
		const T = 100
		sigmas, chain := linearChain(t, T)
		noise := NewNoise(4, 0, 1, 4, 4, 1)
		start := Start(noise, sigmas)
		got, err := DDPM(two.denoise, start, sigmas, variance, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range start.Data {
			z := float64(start.Data[i]) * math.Sqrt(chain.AlphasCumprod[T-1])
			for at := T - 1; at >= 0; at-- {
				a, beta, before := chain.AlphasCumprod[at], chain.Betas[at], 1.0
				if at > 0 {
					before = chain.AlphasCumprod[at-1]
				}
				sigma := math.Sqrt((1 - a) / a)
				eps := (z/math.Sqrt(a) - two.at(z/math.Sqrt(a), sigma)) / sigma
				z = (z - beta/math.Sqrt(1-a)*eps) / math.Sqrt(1-beta)
				if at > 0 {
					v := beta
					if variance == VarianceSmall {
						v *= (1 - before) / (1 - a)
					}
					z += math.Sqrt(v) * float64(noise(StreamStep + uint32(T-1-at)).Data[i])
				}
			}
			// float32 against float64 over 100 steps from σ ≈ 150.
			if bound := T * 2 * u32 * float64(sigmas[0]); !(math.Abs(float64(got.Data[i])-z) <= bound) {
				t.Errorf("variance %d: number %d is %g, want %g ± %.2g", variance, i, got.Data[i], z, bound)
			}
		}
	}
}
