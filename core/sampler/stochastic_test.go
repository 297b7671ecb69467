package sampler

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/floattest"
	"tweedie/core/tensor"
)

// numSamples is the number of samples from which marginals are measured.
const numSamples = 10000

// linearChain returns the noise levels of the chain of Ho et al. 2020 shortened to T
// steps, and the chain.
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

// Ho et al. 2020, section 3.2: β is the exact variance for data N(0,I), β̃ for data that
// are a single point. Then x at every level has the distribution of the forward process,
// N(0, sd² + σ²), for any number of steps.
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
		{"analytic, N(0,½²)", 0.5, Settings{Method: "ddpm-analytic"}},
		{"learned, N(0,½²)", 0.5, Settings{Method: "ddpm-learned"}},
		{"consistency, N(0,½²)", 0.5, Settings{Method: "consistency"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sigmas := karras(t, 6, 0.05, 20)
			noise := NewNoise(1, 0, numSamples, 1, 1, 1)
			start := noise(StreamStart).Scaled(float32(math.Hypot(c.sd, 20)))
			denoise := gaussian(c.sd)
			switch c.s.Method {
			case "ddpm-analytic":
				c.s.Posterior = &diffusion.PosteriorVariance{}
				for i := range 6 {
					s := float64(sigmas[5-i])
					c.s.Posterior.Sigmas = append(c.s.Posterior.Sigmas, s)
					c.s.Posterior.Variances = append(c.s.Posterior.Variances, posteriorVarianceOf(c.sd, s))
				}
			case "ddpm-learned":
				denoise = learnedGaussian(c.sd, sigmas)
			case "consistency":
				denoise = gaussianConsistency(c.sd)
			}
			levels := 0
			_, err := Run(c.s, denoise, start, sigmas, noise, func(_ int, x *tensor.Tensor, sigma float32) error {
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

// posteriorVarianceOf is Var[x₀|x] of N(0, sd²) at a noise level.
func posteriorVarianceOf(sd, sigma float64) float64 {
	return sd * sd * sigma * sigma / (sd*sd + sigma*sigma)
}

// learnedGaussian is the denoiser of N(0, sd²) with the v of a perfect network for the
// steps of sigmas: the v for which Σ is β̃ + (1−r)²·Var[x₀|x].
func learnedGaussian(sd float64, sigmas []float32) diffusion.Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, err := gaussian(sd)(x, sigma)
		if err != nil {
			return nil, err
		}
		next := 0.0
		for i, s := range sigmas {
			if s == sigma {
				next = float64(sigmas[i+1])
			}
		}
		t := float64(sigma)
		r := next * next / (t * t)
		small := next * next * (1 - r)
		large := (t*t - next*next) * (1 + next*next) / (1 + t*t)
		u := math.Log((small+(1-r)*(1-r)*posteriorVarianceOf(sd, t))/small) / math.Log(large/small)
		out := tensor.New(x.Shape[0], x.Shape[1], x.Shape[2], 2*x.Shape[3])
		for i, v := range d.Data { // one channel
			out.Data[2*i], out.Data[2*i+1] = v, float32(2*u-1)
		}
		return out, nil
	}
}

// gaussianConsistency is the consistency function of N(0, sd²): the end of the ODE's path
// through x.
func gaussianConsistency(sd float64) diffusion.Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		return x.Scaled(float32(sd / math.Hypot(sd, float64(sigma)))), nil
	}
}

// Consistency applies the consistency function once, and adds noise in further steps.
func TestConsistency(t *testing.T) {
	noise := NewNoise(1, 0, numSamples, 1, 1, 1)
	for _, steps := range []int{1, 2, 5} {
		s := Settings{Method: "consistency", Steps: steps}
		sigmas, err := s.Sigmas(0.01, 20, nil)
		if err != nil || len(sigmas) != steps+1 || sigmas[0] != 20 || sigmas[steps] != 0 || !(sigmas[steps-1] > 0.01) {
			t.Fatalf("%d steps: levels are %g, %v, want as many from 20 on, above 0.01, and 0", steps, sigmas, err)
		}
		start := noise(StreamStart).Scaled(float32(math.Hypot(0.5, 20)))
		x, err := Run(s, gaussianConsistency(0.5), start, sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkVariance(t, "images", x.Data, 0.25)
		if want, _ := gaussianConsistency(0.5)(start, 20); steps == 1 {
			floattest.SameBits(t, "one step", x.Data, want.Data)
		}
	}
}

// Methods that need variances reject a model without them and name methods that work.
func TestMissingVariances(t *testing.T) {
	sigmas, noise := karras(t, 3, 0.01, 20), NewNoise(1, 0, 1, 1, 1, 1)
	_, err := Run(Settings{Method: "ddpm-learned"}, gaussian(1), Start(noise, sigmas), sigmas, noise, nil)
	if want := `sampler: method "ddpm-learned" needs a network with learned variances: use "ddpm" or "ddpm-large"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Run(Settings{Method: "ddpm-analytic"}, gaussian(1), Start(noise, sigmas), sigmas, noise, nil)
	if want := `sampler must be another, such as ddpm: the model file holds no posterior variances, which tweedie posterior measures (got "ddpm-analytic")`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Every other method uses only D of a network with learned variances.
func TestOtherMethodsIgnoreLearnedVariances(t *testing.T) {
	sigmas, noise := karras(t, 3, 0.01, 20), NewNoise(1, 0, 2, 2, 2, 3)
	learned := withVariances(Settings{Method: "ddpm-learned"}, two.denoise)
	for _, m := range Methods {
		want, err := Run(settingsOf(m), two.denoise, Start(noise, sigmas), sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Run(settingsOf(m), learned, Start(noise, sigmas), sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		floattest.SameBits(t, m.Name, got.Data, want.Data)
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
			// varianceOf returns the variance of the images that sigmas give.
			varianceOf := func(sigmas []float32) float64 {
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
			sigmas, noise := karras(t, 20, 0.01, 20), NewNoise(2, 0, numSamples, 1, 1, 1)
			x, err := Run(c.s, gaussian(sd), Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkVariance(t, "20 steps", x.Data, varianceOf(sigmas))
			last := varianceOf(karras(t, 400, 0.01, 20))
			t.Logf("variance is %.4g at 20 steps, %.4g at 400, of the data %g", varianceOf(sigmas), last, sd*sd)
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
