package sampler

import (
	"math"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// run returns the final sample of a loop, in the scheduler's own scale.
func (l *schedulerLoop) run(t *testing.T) *tensor.Tensor {
	t.Helper()
	switch {
	case l.Class == "CMStochasticIterativeScheduler" || strings.HasPrefix(l.Class, "EDM"):
		return l.runPreconditioned(t)
	case strings.HasSuffix(l.Class, "DiscreteScheduler"):
		return l.runRescaled(t)
	}
	return l.runChain(t)
}

// settings returns the method, and its options, of a scheduler.
func (l *schedulerLoop) settings() Settings {
	s := Settings{Steps: l.Steps, Options: Options{Order: l.Config.Order, LowerOrderFinal: l.Config.LowerOrderFinal}}
	s.Method = map[string]string{
		"CMStochasticIterativeScheduler": "consistency", "EDMEulerScheduler": "euler", "EDMDPMSolverMultistepScheduler": "dpmpp-multistep",
		"DDIMScheduler": "ddim", "DDIMParallelScheduler": "ddim", "DEISMultistepScheduler": "deis", "DPMSolverMultistepScheduler": "dpmpp-multistep",
		"UniPCMultistepScheduler": "unipc", "EulerDiscreteScheduler": "euler", "HeunDiscreteScheduler": "heun", "KDPM2DiscreteScheduler": "dpm2", "LMSDiscreteScheduler": "lms",
		"LCMScheduler": "lcm", "TCDScheduler": "ddim", // whose test has γ = 0
	}[l.Class]
	if s.Method == "lms" {
		s.Order = 4
	}
	return s
}

// ramp returns the start and the noise of a loop.
func (l *schedulerLoop) ramp() (start, noise *tensor.Tensor) {
	start, noise = tensor.New(1, l.Numbers), tensor.New(1, l.Numbers)
	for i := range start.Data {
		start.Data[i] = float32(i) / float32(l.Numbers)
		noise.Data[l.Numbers-1-i] = start.Data[i]
	}
	return start, noise
}

// network is the network of the tests.
func network(z *tensor.Tensor, time float32) (*tensor.Tensor, error) {
	return z.Scaled(float32(float64(time) / (float64(time) + 1))), nil
}

// repeat ends levels with the last one again, as diffusers does with final_sigmas_type sigma_min: a
// float32 lower, since levels fall here.
func repeat(levels []float32) []float32 {
	return append(levels, math.Nextafter32(levels[len(levels)-1], 0))
}

func (l *schedulerLoop) chain(t *testing.T) *diffusion.Chain {
	t.Helper()
	start, end, power := l.Config.BetaStart, l.Config.BetaEnd, 1.0
	if l.Config.BetaSchedule == "scaled_linear" {
		start, end, power = math.Sqrt(start), math.Sqrt(end), 2
	}
	s := diffusion.Schedule{Kind: diffusion.Table, Betas: make([]float64, l.Config.Steps)}
	product, before := 1.0, 1.0
	for i := range s.Betas { // diffusers has β, 1 − β and ᾱ in float32, which shows in sums of large numbers
		beta := math.Pow(start+(end-start)*float64(i)/float64(l.Config.Steps-1), power)
		product *= float64(1 - float32(beta))
		s.Betas[i], before = 1-float64(float32(product))/before, float64(float32(product))
	}
	chain, err := diffusion.NewChain(s)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// wholeTimes is a chain whose network takes rounded times.
type wholeTimes struct{ *diffusion.Chain }

func (c wholeTimes) Input(sigma float32) (cIn, cNoise float64, err error) {
	cIn, cNoise, err = c.Chain.Input(sigma)
	return cIn, math.RoundToEven(cNoise), err
}

// runChain is for schedulers whose sample is z = √ᾱ·x.
func (l *schedulerLoop) runChain(t *testing.T) *tensor.Tensor {
	chain := l.chain(t)
	levels := l.chainLevels(t, chain)
	what := diffusion.PredictEpsilon
	if l.Config.Prediction == "v_prediction" {
		what = diffusion.PredictV
	}
	denoise := diffusion.Denoise(network, diffusion.Predictor{Prediction: what, Input: wholeTimes{chain}})
	if strings.HasPrefix(l.Class, "DDIM") {
		denoise = diffusion.Clipped(denoise)
	}
	z, noise := l.ramp()
	if l.From != nil {
		sigma := chain.Sigmas[int(*l.From)]
		alpha, sd := vpScale(sigma)
		z = z.Combine(float32(alpha), float32(sd), noise)
		for levels[0] != float32(sigma) {
			levels = levels[1:]
		}
	}
	alpha, _ := vpScale(float64(levels[0]))
	x, err := Run(l.settings(), denoise, z.Scaled(float32(1/alpha)), levels, NewNoise(1, 0, 1, l.Numbers), nil)
	if err != nil {
		t.Fatal(err)
	}
	alpha, _ = vpScale(float64(levels[len(levels)-1]))
	return x.Scaled(float32(alpha))
}

// chainLevels returns the noise levels of a scheduler on a chain.
func (l *schedulerLoop) chainLevels(t *testing.T, chain *diffusion.Chain) []float32 {
	t.Helper()
	low, high := chain.SigmaRange()
	var levels []float32
	var err error
	at := func(times []int) (levels []float32) {
		for i := len(times) - 1; i >= 0; i-- {
			levels = append(levels, float32(chain.Sigmas[times[i]]))
		}
		return levels
	}
	switch {
	case strings.HasPrefix(l.Class, "DDIM"):
		if levels, err = Timesteps(chain, l.Steps, Leading); !l.Config.SetAlphaToOne {
			levels = repeat(levels[:l.Steps])
		}
	case l.Class == "LCMScheduler":
		levels = append(at(Trailing(l.Steps, chain.Steps())), 0)
	case l.Class == "TCDScheduler":
		levels = append(at(Trailing(l.Steps, chain.Steps())), low)
	case l.Config.Karras:
		levels, err = Karras(l.Steps, float64(low), float64(high), 7)
		levels = repeat(levels[:l.Steps])
	case l.Config.Lu:
		levels, err = Exponential(l.Steps, float64(low), float64(high))
		levels = repeat(levels[:l.Steps])
	default: // linspace of a point more, the lowest of which is only an end
		levels = at(Linspace(l.Steps+1, chain.Steps()))
	}
	if err != nil {
		t.Fatal(err)
	}
	return levels
}

// preconditioned is the denoiser of Karras et al. 2022 for a network that takes x itself (raw), or c_in·x.
func (l *schedulerLoop) preconditioned(t *testing.T, raw bool) diffusion.Denoiser {
	p := diffusion.EDM{SigmaData: 0.5}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		c, err := p.Coefficients(sigma)
		if err != nil {
			return nil, err
		}
		z := x
		if !raw {
			z = x.Scaled(float32(c.CIn))
		}
		time := c.CNoise
		if l.Class == "CMStochasticIterativeScheduler" {
			time = 1000 * 0.25 * math.Log(float64(sigma)+1e-44)
		}
		out, err := network(z, float32(time))
		if err != nil {
			return nil, err
		}
		if l.Config.Prediction == "v_prediction" {
			c.COut = -c.COut
		}
		return x.Combine(float32(c.CSkip), float32(c.COut), out), nil
	}
}

// runPreconditioned is for schedulers with the preconditioning of Karras et al. 2022, whose sample is x.
func (l *schedulerLoop) runPreconditioned(t *testing.T) *tensor.Tensor {
	levels, err := Karras(l.Steps, 0.002, 80, 7)
	if err != nil {
		t.Fatal(err)
	}
	high := math.Hypot(80, 1)
	denoise := l.preconditioned(t, l.Class == "EDMDPMSolverMultistepScheduler")
	if l.Class == "CMStochasticIterativeScheduler" {
		high = 80
	}
	if l.Class == "CMStochasticIterativeScheduler" {
		denoise = diffusion.Clipped(denoise)
	}
	if l.Config.FinalSigmas == "sigma_min" {
		levels = repeat(levels[:l.Steps])
	}
	x, noise := l.ramp()
	if l.Class != "EDMDPMSolverMultistepScheduler" { // whose tests begin with the ramp itself
		x = x.Scaled(float32(high))
	}
	if l.From != nil {
		for math.Abs(math.Log(float64(levels[0]))/4-*l.From) > 1e-4 {
			levels = levels[1:]
		}
		x = x.AddScaled(levels[0], noise)
	}
	if x, err = Run(l.settings(), denoise, x, levels, NewNoise(1, 0, 1, l.Numbers), nil); err != nil {
		t.Fatal(err)
	}
	return x
}

// runRescaled is for schedulers in x whose tests replace the sample by the network's input x/√(1+σ²) before every
// step, and in the second stage of a step before its evaluation.
func (l *schedulerLoop) runRescaled(t *testing.T) *tensor.Tensor {
	chain := l.chain(t)
	levels, times := l.interpolated(t, chain)
	x, noise := l.ramp()
	x = x.Scaled(levels[0]) // init_noise_sigma
	if l.From != nil {
		for math.Abs(times[levels[0]]-*l.From) > 1e-3 {
			levels = levels[1:]
		}
		x = x.AddScaled(levels[0], noise)
	}
	scaled := func(x *tensor.Tensor, sigma float32) *tensor.Tensor {
		alpha, _ := vpScale(float64(sigma))
		return x.Scaled(float32(alpha))
	}
	first := true // stage of a step
	denoise := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		time, ok := times[sigma]
		if !ok {
			var err error
			if time, err = chain.Time(sigma); err != nil {
				return nil, err
			}
		}
		s := x
		if !first {
			s = scaled(x, sigma)
		}
		first = false
		out, err := network(s, float32(time))
		if err != nil {
			return nil, err
		}
		if l.Config.Prediction == "v_prediction" {
			v := float64(sigma) * float64(sigma)
			predicted := s.Combine(float32(1/(v+1)), float32(-float64(sigma)/math.Sqrt(v+1)), out)
			return x.Combine(1, -1, s).AddScaled(1, predicted), nil
		}
		return x.AddScaled(-sigma, out), nil
	}
	x, err := Run(l.settings(), denoise, scaled(x, levels[0]), levels, nil, func(_ int, x *tensor.Tensor, sigma float32) error {
		first = true
		copy(x.Data, scaled(x, sigma).Data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// interpolated returns the noise levels of a scheduler in x, and the times of those that are not at their place in ln σ.
func (l *schedulerLoop) interpolated(t *testing.T, chain *diffusion.Chain) ([]float32, map[float32]float64) {
	times := map[float32]float64{}
	if l.Config.Karras {
		low, high := chain.SigmaRange()
		levels, err := Karras(l.Steps, float64(low), float64(high), 7)
		if err != nil {
			t.Fatal(err)
		}
		levels[l.Steps] = l.end()
		return levels, times
	}
	levels := make([]float32, l.Steps+1)
	for i := range l.Steps {
		time := float64(chain.Steps()-1) * float64(l.Steps-1-i) / float64(l.Steps-1)
		whole := int(time)
		sigma := chain.Sigmas[whole]
		if part := time - float64(whole); part > 0 {
			sigma += part * (chain.Sigmas[whole+1] - sigma)
		}
		levels[i] = float32(sigma)
		times[levels[i]] = time
	}
	levels[l.Steps] = l.end()
	return levels, times
}

// end returns the last level: 0, or for LMS, whose step to 0 has all its values in diffusers, as good as 0. Here a step to 0
// is the denoised image, whatever the method.
func (l *schedulerLoop) end() float32 {
	if l.Class == "LMSDiscreteScheduler" {
		return 1e-30
	}
	return 0
}
