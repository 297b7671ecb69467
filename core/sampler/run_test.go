package sampler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/floattest"
	"tweedie/core/tensor"
)

// variants are options that change a method's result; forEachMethod runs them too.
var variants = []Settings{
	{Method: "ddim", Eta: 0.7},
	{Method: "ddim", Eta: 0.7, Options: Options{Brownian: true}},
	{Method: "ddpm", Options: Options{Brownian: true}},
	{Method: "heun", Options: Options{Churn: Churn{S: 2}}},
	{Method: "heun", Options: Options{Churn: Churn{S: 40, Min: 0.05, Max: 50, Noise: 1.003}}},
	{Method: "unipc", Options: Options{Order: 1}},
	{Method: "unipc", Options: Options{Order: 2}},
	{Method: "unipc", Options: Options{Order: 2, BH: 1}},
	{Method: "unipc", Options: Options{LowerOrderFinal: true}},
	{Method: "unipc-noise", Options: Options{Order: 2, BH: 1}},
	{Method: "dpmpp2m", Options: Options{SolverType: SolverHeun}},
	{Method: "dpmpp-multistep", Options: Options{Order: 2}},
	{Method: "dpmpp-multistep", Options: Options{Order: 3, LowerOrderFinal: true, SolverType: SolverHeun}},
	{Method: "dpmpp-singlestep", Options: Options{SolverType: SolverHeun, Churn: Churn{S: 2}}},
	{Method: "euler", Options: Options{Churn: Churn{S: 2}}},
	{Method: "dpm2", Options: Options{Churn: Churn{S: 2}}},
	{Method: "flow-heun", Options: Options{Churn: Churn{S: 2}}},
	{Method: "dpm-adaptive", Options: Options{Order: 1}},
	{Method: "gradient-estimation", Options: Options{Gamma: 1.5}},
	{Method: "dpmpp3m-sde", Options: Options{Brownian: true}},
	{Method: "sa-solver", Options: Options{Order: 2, Tau: 0.3}},
	{Method: "er-sde", Options: Options{Order: 2}},
	{Method: "restart", Options: Options{Restarts: Restarts{RestartCount: 3, RestartSteps: 2, RestartMin: 0.4, RestartMax: 4}}},
	{Method: "tcd", Options: Options{Gamma: 1}},
	{Method: "dpmpp-singlestep", Options: Options{Order: 1}},
	{Method: "dpmpp-singlestep", Options: Options{Order: 2}},
	{Method: "dpm-multistep", Options: Options{Order: 2}},
	{Method: "deis", Options: Options{Order: 2}},
	{Method: "lms", Options: Options{Order: 3}},
	{Method: "ipndm", Options: Options{Order: 2}},
	{Method: "rk45", Options: Options{RTol: 1e-3, ATol: 1e-3}},
	{Method: "dpm2-ancestral", Options: Options{Brownian: true}},
	{Method: "sde-dpmpp", Options: Options{Order: 1}},
	{Method: "sde-dpmpp", Options: Options{Brownian: true}},
	{Method: "sde-dpmpp-singlestep", Options: Options{Brownian: true}},
	{Method: "sde-dpm", Options: Options{Order: 1, Brownian: true}},
	{Method: "adaptive-sde", Options: Options{RTol: 0.1, ATol: 0.1}},
	{Method: "pc", Options: Options{Predictor: "euler-maruyama", Corrector: CorrectorAnnealed, CorrectorSteps: 2}},
	{Method: "pc", Options: Options{Predictor: "ancestral", Corrector: CorrectorNone}},
	{Method: "pc", Options: Options{SNR: 0.05}},
	{Method: "annealed-langevin", Options: Options{CorrectorSteps: 3, Epsilon: 1e-5}},
	{Method: "ddpm-learned", Options: Options{Brownian: true}},
}

// optionString returns the options that are not defaults, as JSON.
func optionString(o Options) string {
	if o == (Options{}) {
		return ""
	}
	b, _ := json.Marshal(o)
	return " " + string(b)
}

// withVariances returns d; for ddpm-learned it adds variances, between the two of DDPM and a
// little beyond.
func withVariances(s Settings, d diffusion.Denoiser) diffusion.Denoiser {
	if s.Method != "ddpm-learned" {
		return d
	}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		denoised, err := d(x, sigma)
		if err != nil {
			return nil, err
		}
		c := x.Shape[3]
		out := tensor.New(x.Shape[0], x.Shape[1], x.Shape[2], 2*c)
		for i, v := range denoised.Data {
			j := i/c*2*c + i%c
			out.Data[j] = v
			out.Data[j+c] = float32(2.2*math.Abs(float64(v))) - 1.1
		}
		return out, nil
	}
}

// forEachMethod runs f for each method with default options, and for the variants.
func forEachMethod(t *testing.T, f func(t *testing.T, s Settings)) {
	for _, m := range slices.Concat(Methods, Special) {
		t.Run(m.Name, func(t *testing.T) { f(t, settingsOf(m)) })
		for _, s := range variants {
			if s.Method == m.Name {
				s.Steps = settingsOf(m).Steps
				t.Run(fmt.Sprintf("%s eta=%g%s", m.Name, s.Eta, optionString(s.Options)), func(t *testing.T) { f(t, s) })
			}
		}
	}
}

// drawsNoise reports whether s draws fresh noise.
func drawsNoise(s Settings) bool {
	m, _ := Lookup(s.Method)
	return m.Noise || s.Eta > 0 || s.Churn.S > 0
}

func TestSampleDoesNotDependOnItsBatch(t *testing.T) {
	forEachMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, s.Steps, 0.01, 80)
		sample := func(first uint64, n int) *tensor.Tensor {
			noise := NewNoise(7, first, n, 4, 4, 3)
			x, err := Run(s, withVariances(s, two.denoise), Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		if m, _ := Lookup(s.Method); m.Adaptive { // its steps are those of the batch
			floattest.SameBits(t, "sample 13 again", sample(13, 1).Data, sample(13, 1).Data)
			return
		}
		batch := sample(0, 16)
		floattest.SameBits(t, "sample 0", sample(0, 1).Data, batch.Row(0))
		floattest.SameBits(t, "sample 13", sample(13, 1).Data, batch.Row(13))
		if slices.Equal(batch.Row(0), batch.Row(1)) {
			t.Error("two samples are the same image")
		}
	})
}

func TestOneStepIsTheDenoiser(t *testing.T) {
	forEachMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, 1, 0.01, 5)
		noise := NewNoise(7, 0, 2, 4, 4, 1)
		start := Start(noise, sigmas)
		before := start.Clone()
		got, err := Run(s, withVariances(s, two.denoise), start, sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.Method != "annealed-langevin" { // which takes Langevin steps at the first level
			want, _ := two.denoise(before, 5)
			floattest.SameBits(t, "result", got.Data, want.Data)
		}
		floattest.SameBits(t, "argument", start.Data, before.Data)
	})
}

// An error of the denoiser ends the run and is returned unchanged. Stopping at every
// call also checks NFE.
func TestDenoiserErrorIsReturnedUnchanged(t *testing.T) {
	forEachMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, s.Steps, 0.01, 80)
		noise := NewNoise(7, 0, 1, 2, 2, 1)
		m, _ := Lookup(s.Method)
		for stop := range m.NFE(s.Options, s.Steps, true) {
			calls := 0
			x, err := Run(s, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
				if calls++; calls == stop+1 {
					return nil, context.Canceled
				}
				return withVariances(s, two.denoise)(x, sigma)
			}, Start(noise, sigmas), sigmas, noise, nil)
			if x != nil || err != context.Canceled || calls != stop+1 {
				t.Fatalf("stopped at call %d: got %v, %v after %d calls", stop+1, x, err, calls)
			}
		}
	})
}

func TestNFE(t *testing.T) {
	forEachMethod(t, func(t *testing.T, s Settings) {
		noise := NewNoise(7, 0, 1, 2, 2, 1)
		full := karras(t, s.Steps, 0.01, 80)
		for _, sigmas := range [][]float32{full, full[:s.Steps]} {
			calls := 0
			_, err := Run(s, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
				if calls++; sigma <= 0 {
					t.Errorf("called at σ = %g", sigma)
				}
				return withVariances(s, two.denoise)(x, sigma)
			}, Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, _ := Lookup(s.Method)
			if want := m.NFE(s.Options, len(sigmas)-1, sigmas[len(sigmas)-1] == 0); calls != want && !(m.Adaptive && calls > want) {
				t.Errorf("%d levels to %g: %d calls, want %d (adaptive: %v)", len(sigmas), sigmas[len(sigmas)-1], calls, want, m.Adaptive)
			}
		}
	})
}

// Every stream that is drawn is used, and only once: other numbers in any stream give
// another image. Brownian nodes are excepted: the deep ones are too small to show in
// float32.
func TestNoUnusedNoise(t *testing.T) {
	forEachMethod(t, func(t *testing.T, s Settings) {
		if s.Method == "annealed-langevin" && s.CorrectorSteps == 0 {
			s.CorrectorSteps = 9 // 100 steps at a level forget the first
		}
		sigmas := karras(t, 3, 0.01, 80)
		inner := NewNoise(7, 0, 1, 2, 2, 1)
		draw := func(other uint32) (drawn []uint32, x *tensor.Tensor) {
			noise := func(stream uint32) *tensor.Tensor {
				drawn = append(drawn, stream)
				if stream == other {
					return inner(stream - 1<<21)
				}
				return inner(stream)
			}
			x, err := Run(s, withVariances(s, two.denoise), Start(inner, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			return drawn, x
		}
		drawn, want := draw(StreamStart)
		if drawsNoise(s) != (len(drawn) > 0) {
			t.Errorf("drew %d streams, want some: %v", len(drawn), drawsNoise(s))
		}
		seen := map[uint32]bool{StreamStart: true}
		for _, stream := range drawn {
			if stream >= StreamPath {
				continue
			}
			if _, x := draw(stream); seen[stream] || slices.Equal(x.Data, want.Data) {
				t.Errorf("stream %d is drawn twice, or is not used", stream)
			}
			seen[stream] = true
		}
		if m, _ := Lookup(s.Method); m.Name != "heun" && m.Evaluations == 1 && m.Noise && !s.Brownian {
			if want := []uint32{StreamStep, StreamStep + 1}; !slices.Equal(drawn, want) { // none in the step to 0
				t.Errorf("drew streams %d, want %d", drawn, want)
			}
		}
	})
}

func TestHook(t *testing.T) {
	forEachMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, 4, 0.01, 80)
		noise := NewNoise(7, 0, 1, 2, 2, 1)
		next, at := 0, -2 // the expected step, and the last one
		if s.Method == "annealed-langevin" {
			next = -1
		}
		x, err := Run(s, withVariances(s, two.denoise), Start(noise, sigmas), sigmas, noise, func(step int, x *tensor.Tensor, sigma float32) error {
			if step == at && s.Method == "annealed-langevin" && sigma == sigmas[step+1] {
				return nil // another of its steps at that level
			}
			if step != next || sigma != sigmas[step+1] {
				t.Errorf("hook got step %d at σ = %g, want %d at %g", step, sigma, next, sigmas[next+1])
			}
			at, next = step, step+1
			x.Data[0] = 42
			return nil
		})
		if err != nil || next != 4 || x.Data[0] != 42 {
			t.Errorf("%d calls, %v, result %v: want 4 calls, and what the hook wrote", next, err, x)
		}
		stop := errors.New("stop")
		_, err = Run(s, withVariances(s, two.denoise), Start(noise, sigmas), sigmas, noise, func(int, *tensor.Tensor, float32) error { return stop })
		if err != stop {
			t.Errorf("got %v, want the hook's own error", err)
		}
	})
}

func TestSettingsValidate(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		s    Settings
		want string
	}{
		{"no method", Settings{Steps: 1}, `sampler must be one of dpmpp2m, ddim, ddpm, ddpm-large, heun, euler, unipc, unipc-noise, dpmpp-multistep, res-multistep, dpmpp-singlestep, dpm-multistep, dpm-singlestep, dpm-fast, dpm-adaptive, dpm2, deis, lms, ipndm, pndm, gradient-estimation, rk45, euler-ancestral, dpm2-ancestral, sde-dpmpp, dpmpp3m-sde, sa-solver, er-sde, restart, sde-dpmpp-singlestep, sde-dpm, adaptive-sde, pc, annealed-langevin, flow-euler, flow-heun, consistency, lcm, tcd, ddpm-learned or ddpm-analytic (got "")`},
		{"no steps", Settings{Method: "ddim"}, "steps must be a whole number from 1 to 65536 (got 0)"},
		{"many steps", Settings{Method: "ddim", Steps: 1 << 40}, "steps must be a whole number from 1 to 65536 (got 1099511627776)"},
		{"NaN eta", Settings{Method: "ddim", Steps: 1, Eta: nan}, "eta must be a number from 0 to 1 (got NaN)"},
		{"eta above 1", Settings{Method: "ddim", Steps: 1, Eta: 1.5}, "eta must be a number from 0 to 1 (got 1.5)"},
		{"eta elsewhere", Settings{Method: "heun", Steps: 1, Eta: 1}, "eta must be 0 with sampler heun: only ddim takes it (got 1)"},
		{"order elsewhere", Settings{Method: "euler", Steps: 9, Options: Options{Order: 2}}, "order must be left out with sampler euler: only unipc, unipc-noise, dpmpp-multistep, dpmpp-singlestep, dpm-multistep, dpm-singlestep, dpm-adaptive, deis, lms, ipndm, sde-dpmpp, sa-solver, er-sde and sde-dpm take it (got 2)"},
		{"order above all", Settings{Method: "unipc", Steps: 9, Options: Options{Order: 4}}, "order must be a whole number from 1 to 3 (got 4)"},
		{"order above the steps", Settings{Method: "lms", Steps: 1, Options: Options{Order: 3}}, "order must be at most the number of steps, 1 (got 3)"},
		{"negative order", Settings{Method: "lms", Steps: 9, Options: Options{Order: -1}}, "order must be a whole number from 1 to 4 (got -1)"},
		{"bh", Settings{Method: "unipc", Steps: 9, Options: Options{BH: 3}}, "bh must be a whole number from 1 to 2 (got 3)"},
		{"NaN churn", Settings{Method: "heun", Steps: 9, Options: Options{Churn: Churn{S: nan}}}, "s_churn must be a number of at least 0 (got NaN)"},
		{"churn elsewhere", Settings{Method: "dpmpp2m", Steps: 9, Options: Options{Churn: Churn{S: 1}}}, "s_churn must be left out with sampler dpmpp2m: only heun, euler, dpmpp-singlestep, dpm-singlestep, dpm2, flow-euler and flow-heun take it (got 1)"},
		{"gamma of TCD", Settings{Method: "tcd", Steps: 9, Options: Options{Gamma: 2}}, "gamma must be a number above 0 and at most 1 (got 2)"},
		{"gamma of gradient estimation", Settings{Method: "gradient-estimation", Steps: 9, Options: Options{Gamma: 0.5}}, "gamma must be a number from 1 to 5 (got 0.5)"},
		{"restart upwards only", Settings{Method: "restart", Steps: 9, Options: Options{Restarts: Restarts{RestartMin: 2, RestartMax: 1}}}, "restart_tmax must be a number above restart_tmin, 2 (got 1)"},
		{"order of a second-order method", Settings{Method: "dpm-adaptive", Steps: 9, Options: Options{Order: 3}}, "order must be a whole number from 1 to 2 (got 3)"},
		{"corrector of an ODE", Settings{Method: "dpmpp2m", Steps: 9, Options: Options{CorrectorSteps: 2}}, "corrector_steps must be left out with sampler dpmpp2m: only pc and annealed-langevin take it (got 2)"},
		{"corrector by name", Settings{Method: "ddim", Steps: 9, Options: Options{Corrector: "langevin"}}, `corrector must be left out with sampler ddim: only pc takes it (got "langevin")`},
		{"unknown corrector", Settings{Method: "pc", Steps: 9, Options: Options{Corrector: "x"}}, `corrector must be one of langevin, annealed-langevin or none (got "x")`},
		{"unknown predictor", Settings{Method: "pc", Steps: 9, Options: Options{Predictor: "x"}}, `predictor must be one of reverse-diffusion, euler-maruyama or ancestral (got "x")`},
		{"steps of no corrector", Settings{Method: "pc", Steps: 9, Options: Options{Corrector: "none", CorrectorSteps: 2}}, "corrector_steps must be left out unless corrector is langevin or annealed-langevin (got 2)"},
		{"snr of no corrector", Settings{Method: "pc", Steps: 9, Options: Options{Corrector: "none", SNR: 0.2}}, "snr must be left out unless corrector is langevin or annealed-langevin (got 0.2)"},
		{"range of no churn", Settings{Method: "heun", Steps: 9, Options: Options{Churn: Churn{Min: 0.2}}}, "s_tmin must be left out unless s_churn is above 0 (got 0.2)"},
		{"many corrector steps", Settings{Method: "pc", Steps: 9, Options: Options{CorrectorSteps: 256}}, "corrector_steps must be a whole number from 1 to 255 (got 256)"},
		{"tolerance below float32's", Settings{Method: "rk45", Steps: 9, Options: Options{RTol: 1e-9}}, "rtol must be a number from 1e-06 to 1 (got 1e-09)"},
		{"path of an ODE", Settings{Method: "euler", Steps: 9, Options: Options{Brownian: true}}, "brownian must be left out with sampler euler: only ddim, ddpm, euler-ancestral, dpm2-ancestral, sde-dpmpp, dpmpp3m-sde, sde-dpmpp-singlestep, sde-dpm, ddpm-learned and ddpm-analytic take it (got 1)"},
		{"schedule", Settings{Method: "heun", Steps: 1, Schedule: Schedule{Kind: "x"}}, `schedule must be one of karras, linear, quadratic, exponential, log-snr, polyexponential, cosine, vp, beta, flow, optimised, leading, trailing or linspace (got "x")`},
		{"NaN rho", Settings{Method: "heun", Steps: 1, Schedule: Schedule{Rho: nan}}, "rho must be a number from 0.1 to 1000 (got NaN)"},
		{"shift of karras", Settings{Method: "flow-euler", Steps: 1, Schedule: Schedule{Kind: "karras", Shift: 3}}, "shift must be left out unless schedule is flow (got 3)"},
		{"negative shift", Settings{Method: "flow-euler", Steps: 1, Schedule: Schedule{Shift: -3}}, "shift must be a number above 0 and at most 1000 (got -3)"},
		{"NaN level", Settings{Method: "heun", Steps: 1, Schedule: Schedule{SigmaMax: nan}}, "sigma_max must be a number above 0 (got NaN)"},
		{"rho of a chain", Settings{Method: "heun", Steps: 1, Schedule: Schedule{Kind: "leading", Rho: 7}}, "rho must be left out unless schedule is karras or polyexponential (got 7)"},
		{"rho elsewhere", Settings{Method: "heun", Steps: 1, Schedule: Schedule{Kind: "cosine", Rho: 7}}, "rho must be left out unless schedule is karras or polyexponential (got 7)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.s.Validate(); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := Run(Settings{Method: "dpm"}, nil, nil, nil, nil, nil); err == nil {
		t.Error("Run took an unknown method")
	}
}

func TestSettingsAreFlatJSON(t *testing.T) {
	want := Settings{Method: "ddim", Steps: 20, Eta: 0.5, Schedule: Schedule{Kind: "karras", SigmaMax: 40}}
	const text = `{"sampler":"ddim","steps":20,"eta":0.5,"schedule":"karras","sigma_max":40}`
	b, err := json.Marshal(want)
	if err != nil || string(b) != text {
		t.Fatalf("got %s, %v, want %s", b, err, text)
	}
	var got Settings
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
