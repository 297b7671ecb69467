package flags

import (
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/sampler"
)

// Sampling is the flags that ask an engine for images.
type Sampling struct {
	N, Steps int
	Seed     uint64
	Sampler  string
	Classes  string
	Eta      float64
	Guidance Guidance
	Options  sampler.Options
	Schedule sampler.Schedule
	Resample int
	Jump     int
}

// Add declares the flags of s but those of samplers and schedules. n is how many images
// there are if -n is absent. What is not given is the model's to decide.
func (s *Sampling) Add(cmd *cobra.Command, n int) {
	f := cmd.Flags()
	f.IntVarP(&s.N, "number", "n", n, "how many images")
	f.Uint64Var(&s.Seed, "seed", 0, "seed of the noise; image i of a seed is the same whatever -n is")
	f.StringVar(&s.Sampler, "sampler", "", "sampler, see tweedie inspect MODEL (default: the model's)")
	f.IntVar(&s.Steps, "steps", 0, "steps of the sampler (default: the model's)")
	f.StringVar(&s.Classes, "class", "", "class by number or name, or \"none\"; a comma list is dealt out in turn (default: all of them in turn)")
	s.Guidance.Add(cmd)
	f.Float64Var(&s.Eta, "eta", 0, "fresh noise of samplers that have it, 0 to 1 (default: the model's)")
}

// AddOptions declares the flags of what only some samplers have. The defaults are
// the samplers' own.
func AddOptions(cmd *cobra.Command, o *sampler.Options) {
	f := cmd.Flags()
	f.IntVar(&o.Order, "order", 0, "order of samplers that come in several, at most the steps (default: the highest)")
	f.IntVar(&o.BH, "bh", 0, "B(h) of unipc, 1 or 2 (default 2)")
	f.Float64Var(&o.S, "s-churn", 0, "churn of heun: noise added in all")
	f.Float64Var(&o.Min, "s-tmin", 0, "noise level below which heun does not churn")
	f.Float64Var(&o.Max, "s-tmax", 0, "noise level above which heun does not churn (default: none)")
	f.Float64Var(&o.Churn.Noise, "s-noise", 0, "standard deviation of heun's noise (default 1)")
	f.StringVar(&o.Predictor, "predictor", "", "predictor of pc: "+strings.Join(sampler.Predictors, ", "))
	f.StringVar(&o.Corrector, "corrector", "", "corrector of pc: "+strings.Join(sampler.Correctors, ", "))
	f.IntVar(&o.CorrectorSteps, "corrector-steps", 0, "Langevin steps at a noise level, of pc and annealed-langevin (default 1 and 100)")
	f.Float64Var(&o.SNR, "snr", 0, "signal-to-noise ratio of pc's corrector (default 0.16)")
	f.Float64Var(&o.Epsilon, "epsilon", 0, "step of annealed-langevin at the lowest level (default: a fifth of its variance)")
	f.Float64Var(&o.RTol, "rtol", 0, "relative error that adaptive samplers allow a step (default: the sampler's)")
	f.Float64Var(&o.ATol, "atol", 0, "absolute error that adaptive samplers allow a step (default: the sampler's)")
	f.BoolVar(&o.Brownian, "brownian", false, "noise of one path, the same for any number of steps")
}

// AddSchedule declares the flags of the noise levels.
func AddSchedule(cmd *cobra.Command, s *sampler.Schedule) {
	f := cmd.Flags()
	f.StringVar(&s.Kind, "schedule", "", "noise levels: "+strings.Join(sampler.Kinds, ", ")+"; the last three of models with a chain, optimised of those that tweedie posterior measured (default: karras)")
	f.Float64Var(&s.SigmaMin, "sigma-min", 0, "lowest noise level but 0 (default: the model's)")
	f.Float64Var(&s.SigmaMax, "sigma-max", 0, "highest noise level (default: the model's)")
	f.Float64Var(&s.Rho, "rho", 0, "rho of karras' levels (default 7)")
}

// AddInpaint declares the flags that only inpainting has.
func (s *Sampling) AddInpaint(cmd *cobra.Command) {
	cmd.Flags().IntVar(&s.Resample, "resample", 1, "how often each stretch of steps is walked (RePaint), 1 for once")
	cmd.Flags().IntVar(&s.Jump, "jump", 0, "steps of a stretch that is walked again (default: 10)")
}

// Request returns what the flags ask of an engine: only flags that were given
// are in it. The error names a flag that no model could serve.
func (s *Sampling) Request(cmd *cobra.Command) (engine.Request, error) {
	given := cmd.Flags().Changed
	q := s.Guidance.Request(cmd)
	q.N, q.Seed, q.Sampler, q.Options, q.Schedule = &s.N, engine.Seed(s.Seed), s.Sampler, s.Options, s.Schedule
	if given("steps") {
		q.Steps = &s.Steps
	}
	if given("eta") {
		q.Eta = &s.Eta
	}
	if given("resample") {
		q.Resample = &s.Resample
	}
	if given("jump") {
		q.Jump = &s.Jump
	}
	if given("class") {
		for name := range strings.SplitSeq(s.Classes, ",") {
			q.Class = append(q.Class, engine.Class(strings.TrimSpace(name)))
		}
	}
	return q, AsMisuse(q.Validate())
}
