package sampler

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Samplers agree with their papers' algorithms number for number. The steps are few and
// long, which is where a wrong factor shows.
func TestSamplersMatchTheirPapers(t *testing.T) {
	diffuse := func(x, sigma, next, z float64) float64 { // Algorithm 2, lines 5 and 6
		fall := sigma*sigma - next*next
		return x + fall*score(x, sigma) + math.Sqrt(fall)*z
	}
	maruyama := func(x, sigma, next, z float64) float64 { // g = σ·√(2 ln(σ_max/σ_min)), in t from 0 to 1
		const rise = 6 // ln(σ_max/σ_min): of any process
		g, dt := sigma*math.Sqrt(2*rise), math.Log(sigma/next)/rise
		return x + g*g*score(x, sigma)*dt + g*math.Sqrt(dt)*z
	}
	ancestral := func(x, sigma, next, z float64) float64 { // appendix F
		fall := sigma*sigma - next*next
		return x + fall*score(x, sigma) + math.Sqrt(next*next*fall/(sigma*sigma))*z
	}
	churn, wide := Churn{S: 3, Min: 0.1, Max: 2, Noise: 1.1}, Churn{S: 1, Max: 9, Noise: 1}
	spread := settingsOf(Method{Needs: NeedsPosterior}).Posterior
	for _, c := range []struct {
		s  Settings
		by reference
	}{
		{Settings{Method: "ddim", Eta: 0.6}, ddimReference(0.6)},
		{Settings{Method: "ddim", Eta: 1}, ddimReference(1)},
		{Settings{Method: "sde-dpm", Options: Options{Order: 1}}, sdeReference(false, 1)},
		{Settings{Method: "sde-dpm"}, sdeReference(false, 2)},
		{Settings{Method: "sde-dpmpp", Options: Options{Order: 1}}, sdeReference(true, 1)},
		{Settings{Method: "sde-dpmpp"}, sdeReference(true, 2)},
		{Settings{Method: "sde-dpmpp-singlestep"}, dpmppSDEReference},
		{Settings{Method: "dpm2-ancestral"}, dpm2AncestralReference},
		{Settings{Method: "unipc", Options: Options{Order: 1}}, unipcReference(1, 2, false)},
		{Settings{Method: "unipc", Options: Options{Order: 1, BH: 1}}, unipcReference(1, 1, false)},
		{Settings{Method: "unipc", Options: Options{Order: 2}}, unipcReference(2, 2, false)},
		{Settings{Method: "unipc", Options: Options{Order: 2, BH: 1}}, unipcReference(2, 1, false)},
		{Settings{Method: "unipc", Options: Options{Order: 3}}, unipcReference(3, 2, false)},
		{Settings{Method: "unipc-noise", Options: Options{Order: 1}}, unipcReference(1, 2, true)},
		{Settings{Method: "unipc-noise", Options: Options{Order: 2, BH: 1}}, unipcReference(2, 1, true)},
		{Settings{Method: "unipc-noise", Options: Options{Order: 2}}, unipcReference(2, 2, true)},
		{Settings{Method: "unipc-noise", Options: Options{Order: 3}}, unipcReference(3, 2, true)},
		{Settings{Method: "res-multistep"}, resReference},
		{Settings{Method: "dpmpp2m", Options: Options{SolverType: SolverHeun}}, heunTypeReference(true, false)},
		{Settings{Method: "dpmpp-multistep", Options: Options{Order: 2, SolverType: SolverHeun}}, heunTypeReference(true, false)},
		{Settings{Method: "dpm-multistep", Options: Options{Order: 2, SolverType: SolverHeun}}, heunTypeReference(false, false)},
		{Settings{Method: "sde-dpmpp", Options: Options{SolverType: SolverHeun}}, heunTypeReference(true, true)},
		{Settings{Method: "sde-dpm", Options: Options{SolverType: SolverHeun}}, heunTypeReference(false, true)},
		{Settings{Method: "gradient-estimation"}, gradientReference(2)},
		{Settings{Method: "gradient-estimation", Options: Options{Gamma: 1.5}}, gradientReference(1.5)},
		{Settings{Method: "dpmpp3m-sde"}, threeMReference},
		{Settings{Method: "sa-solver", Options: Options{Order: 3}}, saReference(3, 1)},
		{Settings{Method: "sa-solver", Options: Options{Order: 2, Tau: 0.4}}, saReference(2, 0.4)},
		{Settings{Method: "sa-solver", Options: Options{Order: 1, Tau: 1.5}}, saReference(1, 1.5)},
		{Settings{Method: "er-sde", Options: Options{Order: 1}}, erReference(1)},
		{Settings{Method: "er-sde", Options: Options{Order: 2}}, erReference(2)},
		{Settings{Method: "er-sde"}, erReference(3)},
		{Settings{Method: "restart"}, restartReference(0.06, 0.3, 2, 3)},
		{Settings{Method: "restart", Options: Options{Restarts: Restarts{RestartCount: 3, RestartSteps: 2, RestartMin: 0.4, RestartMax: 4}}}, restartReference(0.4, 4, 3, 2)},
		{Settings{Method: "dpm-fast"}, fastReference(3, 2, 1)},
		{Settings{Method: "tcd"}, tcdReference(0.3)},
		{Settings{Method: "tcd", Options: Options{Gamma: 0.8}}, tcdReference(0.8)},
		{Settings{Method: "lcm"}, tcdReference(1)},
		{Settings{Method: "euler", Options: Options{Churn: churn}}, churnedReference(churn, eulerStep)},
		{Settings{Method: "flow-euler", Options: Options{Churn: churn}}, churnedReference(churn, eulerStep)},
		{Settings{Method: "dpm2", Options: Options{Churn: churn}}, churnedReference(churn, dpm2Step)},
		{Settings{Method: "dpm-singlestep", Options: Options{Order: 2, Churn: wide}}, churnedReference(wide, dpm2Step)},
		{Settings{Method: "pc", Options: Options{CorrectorSteps: 2}}, predictorCorrectorReference(diffuse, false, 0.16, 2)},
		{Settings{Method: "pc", Options: Options{Predictor: "euler-maruyama", Corrector: CorrectorAnnealed, SNR: 0.2}}, predictorCorrectorReference(maruyama, true, 0.2, 1)},
		{Settings{Method: "pc", Options: Options{Predictor: "ancestral", SNR: 0.05}}, predictorCorrectorReference(ancestral, false, 0.05, 1)},
		{Settings{Method: "pc", Options: Options{Predictor: "ancestral", Corrector: CorrectorNone}}, predictorCorrectorReference(ancestral, false, 1, 0)},
		{Settings{Method: "annealed-langevin", Options: Options{CorrectorSteps: 3, Epsilon: 2e-4}}, annealedReference(3, 2e-4)},
		{Settings{Method: "annealed-langevin", Options: Options{CorrectorSteps: 2}}, annealedReference(2, 0.2*0.05*0.05)},
		{Settings{Method: "heun", Options: Options{Churn: churn}}, heunReference(churn)},
		{Settings{Method: "heun", Options: Options{Churn: wide}}, heunReference(wide)},
		{Settings{Method: "flow-heun"}, flowHeunReference},
		{Settings{Method: "ddpm-large"}, ddpmReference(func(beta, _, _, _, _ float64) float64 { return beta })},
		{Settings{Method: "ddpm-learned"}, ddpmReference(func(beta, small, _, _, d float64) float64 {
			v := 2.2*math.Abs(float64(float32(d))) - 1.1 // as in withVariances
			u := (v + 1) / 2
			return math.Exp(u*math.Log(beta) + (1-u)*math.Log(small)) // Nichol & Dhariwal 2021, eq. 15
		})},
		{Settings{Method: "ddpm-analytic", Posterior: spread}, ddpmReference(func(beta, small, s, sigma, _ float64) float64 {
			// Bao et al. 2022, eq. 8: β̄ is 1 − ᾱ, α is 1 − β, and 1 − β̄·E‖∇‖²/d the spread over σ².
			bar := sigma * sigma / (1 + sigma*sigma)
			off := math.Sqrt(bar/(1-beta)) - math.Sqrt(1-s-small)
			return small + off*off*spread.At(float32(sigma))/(sigma*sigma)
		})},
	} {
		t.Run(c.s.Method+optionString(c.s.Options), func(t *testing.T) {
			const n, steps = 12, 7
			sigmas, noise := karras(t, steps, 0.05, 5), NewNoise(9, 0, n, 1, 1, 1)
			start := Start(noise, sigmas)
			got, err := Run(c.s, withVariances(c.s, two.denoise), start, sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			levels := make([]float64, len(sigmas))
			for i, s := range sigmas {
				levels[i] = float64(s)
			}
			for i, v := range got.Data {
				want := c.by(float64(start.Data[i]), levels, func(stream uint32) float64 { return float64(noise(stream).Data[i]) })
				// Some roundings a step of numbers up to 5·sigmas[0]; between the modes they
				// grow less than a hundredfold.
				if bound := steps * 100 * u32 * float64(sigmas[0]); !(math.Abs(float64(v)-want) <= bound) {
					t.Errorf("number %d is %g, the paper's algorithm gives %g ± %.2g", i, v, want, bound)
				}
			}
		})
	}
}

// Algorithm 1 of Jolicoeur-Martineau et al. 2021 for the variance-exploding process. The
// levels are so close that one step between two of them is always accepted.
func TestAdaptiveSDEMatchesItsPaper(t *testing.T) {
	const n, ratio, rise = 12, 1.05, 6
	noise := NewNoise(9, 0, n, 1, 1, 1)
	sigmas := make([]float32, 30)
	for i := range sigmas {
		sigmas[i] = float32(2 * math.Pow(ratio, -float64(i)))
	}
	start, path := Start(noise, sigmas), NewBrownian(noise)
	denoise, calls := countCalls(two)
	got, err := AdaptiveSDE(denoise, start, sigmas, Tolerance{1, 1}, noise, nil)
	if err != nil || *calls != 2*(len(sigmas)-1) {
		t.Fatalf("%v, %d calls, want a step a level", err, *calls)
	}
	for i, v := range got.Data {
		x := float64(start.Data[i])
		for k := range len(sigmas) - 1 {
			t, next := float64(sigmas[k]), float64(sigmas[k+1])
			h, z := math.Log(t/next)/rise, float64(path.Between(t, next).Data[i])
			g := func(sigma float64) float64 { return sigma * math.Sqrt(2*rise) }
			euler := x + h*g(t)*g(t)*score(x, t) + math.Sqrt(h)*g(t)*z
			other := x + h*g(next)*g(next)*score(euler, next) + math.Sqrt(h)*g(next)*z
			x = (euler + other) / 2
		}
		if bound := 30 * 100 * u32 * 2.; !(math.Abs(float64(v)-x) <= bound) {
			t.Errorf("number %d is %g, the paper's algorithm gives %g ± %.2g", i, v, x, bound)
		}
	}
}

// On data that are a single point, with a constant ratio u = σ/σ′, a step of SDE-DPM-Solver
// of order 1 multiplies the error of x, in units of the level, by 2 − u and adds noise of
// variance u² − 1. In the limit the variance is (u+1)/(3−u) times the correct one, and from
// u = 3 on it diverges. With order 2 the factor solves λ² − (3−2u)·λ − (u−1) = 0, and the
// error diverges from u = 5/3 on. SDE-DPM-Solver++ has the correct variance for every u.
func TestSDEDPMSolverDivergesInLongSteps(t *testing.T) {
	onePoint := mixture{{0, 0, 1}}
	normalisedError := func(name string, order int, u float64, steps int) *tensor.Tensor {
		sigmas := make([]float32, steps+1)
		for i := range sigmas {
			sigmas[i] = float32(math.Pow(u, float64(steps/2-i)))
		}
		noise := NewNoise(3, 0, 1, numSamples, 1, 1)
		x, err := Run(Settings{Method: name, Options: Options{Order: order}}, diffusion.Denoiser(onePoint.denoise), Start(noise, sigmas), sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		return x.Scaled(1 / sigmas[steps])
	}
	for _, u := range []float64{1.2, 1.6, 2, 2.5} {
		checkVariance(t, "order 1", normalisedError("sde-dpm", 1, u, 40).Data, (u+1)/(3-u))
	}
	for _, u := range []float64{1.2, 2, 4} {
		checkVariance(t, "sde-dpmpp", normalisedError("sde-dpmpp", 2, u, 20).Data, 1)
	}
	for _, c := range []struct {
		order     int
		u         float64
		growing   bool
		fewer, of int
	}{{1, 2.8, false, 20, 40}, {1, 3.2, true, 20, 40}, {2, 1.55, false, 60, 120}, {2, 1.8, true, 60, 120}} {
		few, more := variance(normalisedError("sde-dpm", c.order, c.u, c.fewer).Data), variance(normalisedError("sde-dpm", c.order, c.u, c.of).Data)
		if growing := more > 2*few; growing != c.growing {
			t.Errorf("order %d in steps of %g: variance is %g after %d steps, %g after %d: want it to grow: %v", c.order, c.u, few, c.fewer, more, c.of, c.growing)
		}
	}
}
