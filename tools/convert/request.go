package main

import (
	"math"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/sampler"
)

// request is the flags that ask an engine for images.
type request struct {
	n, steps  int
	seed      uint64
	sampler   string
	classes   string
	guide     guide
	eta       float64
	options   sampler.Options
	schedule  sampler.Schedule
	compute   compute
	json      bool
	writeNPY  string
	writePNG  string
	columns   int
	resamples int
	jump      int
}

// compute is the flags that say how to compute.
type compute struct {
	fast    bool
	workers int
}

// add declares the flags of compute.
func (c *compute) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.fast, "fast", false, "fused arithmetic in any order: quicker, and the last bits differ between machines")
	cmd.Flags().IntVar(&c.workers, "workers", 0, "threads to compute with; 0 takes every core (images do not depend on it)")
}

// options returns c as an engine takes it.
func (c *compute) options() (engine.Options, error) {
	if c.workers < 0 || c.workers > 1024 {
		return engine.Options{}, misused("--workers is %d, need 0 to 1024", c.workers)
	}
	return engine.Options{Fast: c.fast, Workers: c.workers}, nil
}

// add declares the flags of r. What is not given is the model's to decide.
func (r *request) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVarP(&r.n, "number", "n", 1, "how many images")
	f.Uint64Var(&r.seed, "seed", 0, "seed of the noise; image i of a seed is the same whatever -n is")
	f.StringVar(&r.sampler, "sampler", "", "sampler, see tweedie inspect MODEL (default: the model's)")
	f.IntVar(&r.steps, "steps", 0, "steps of the sampler (default: the model's)")
	f.StringVar(&r.classes, "class", "", "class by number or name, or \"none\"; a comma list is dealt out in turn (default: all of them in turn)")
	r.guide.add(cmd)
	f.Float64Var(&r.eta, "eta", 0, "fresh noise of samplers that have it, 0 to 1 (default: the model's)")
	addOptions(cmd, &r.options)
	addSchedule(cmd, &r.schedule)
	f.StringVarP(&r.writePNG, "output", "o", "", "PNG file for all images on one sheet")
	f.StringVar(&r.writeNPY, "npy", "", "npy file for the pixels, uint8 [N,H,W,C]")
	f.IntVar(&r.columns, "columns", 0, "columns of the sheet; 0 chooses")
	f.BoolVar(&r.json, "json", false, "print the result as JSON")
	r.compute.add(cmd)
}

// addOptions declares the flags of what only some samplers have. The defaults are
// the samplers' own.
func addOptions(cmd *cobra.Command, o *sampler.Options) {
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

// addSchedule declares the flags of the noise levels.
func addSchedule(cmd *cobra.Command, s *sampler.Schedule) {
	f := cmd.Flags()
	f.StringVar(&s.Kind, "schedule", "", "noise levels: "+strings.Join(sampler.Kinds, ", ")+"; the last three of models with a chain, optimised of those that tweedie posterior measured (default: karras)")
	f.Float64Var(&s.SigmaMin, "sigma-min", 0, "lowest noise level but 0 (default: the model's)")
	f.Float64Var(&s.SigmaMax, "sigma-max", 0, "highest noise level (default: the model's)")
	f.Float64Var(&s.Rho, "rho", 0, "rho of karras' levels (default 7)")
}

// addInpaint declares the flags that only inpainting has.
func (r *request) addInpaint(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.resamples, "resample", 1, "how often each stretch of steps is walked (RePaint), 1 for once")
	cmd.Flags().IntVar(&r.jump, "jump", 0, "steps of a stretch that is walked again (default: 10)")
}

// engine returns the request as the engine takes it: only flags that were given
// are in it. The error names a flag that no model could serve.
func (r *request) engine(cmd *cobra.Command) (engine.Request, error) {
	given := cmd.Flags().Changed
	q := r.guide.request(cmd)
	q.N, q.Seed, q.Sampler, q.Options, q.Schedule = &r.n, engine.Seed(r.seed), r.sampler, r.options, r.schedule
	if given("steps") {
		q.Steps = &r.steps
	}
	if given("eta") {
		q.Eta = &r.eta
	}
	if given("resample") {
		q.Resample = &r.resamples
	}
	if given("jump") {
		q.Jump = &r.jump
	}
	if given("class") {
		for name := range strings.SplitSeq(r.classes, ",") {
			q.Class = append(q.Class, engine.Class(strings.TrimSpace(name)))
		}
	}
	if r.columns < 0 || r.columns > math.MaxInt16 {
		return q, misused("--columns is %d, need 0 to %d", r.columns, math.MaxInt16)
	}
	if err := needSuffix("-o", r.writePNG, ".png"); err != nil {
		return q, err
	}
	if err := needSuffix("--npy", r.writeNPY, ".npy"); err != nil {
		return q, err
	}
	if err := q.Validate(); err != nil {
		return q, &misuse{err}
	}
	return q, nil
}
