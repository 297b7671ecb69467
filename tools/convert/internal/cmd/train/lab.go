package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/diffusion"
	"tweedie/core/engine"
	"tweedie/core/lab"
	"tweedie/core/sampler"
	"tweedie/core/settings"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/cmd/progress"
	"tweedie/weights"
)

// The samplers that the laboratory has in addition to those of models: for densities, and D3PM.
var (
	densitySamplers  = []string{"langevin", "mala", "hmc"}
	discreteSamplers = []string{"d3pm-uniform", "d3pm-absorbing"}
)

// exactScore is the value of --objective that learns nothing.
const exactScore = "exact"

// divergedAdvice says what helps where points diverge.
const divergedAdvice = "a smaller --step-size, fewer --steps or more --train-steps may help"

// laboratory is the flags of lab.
type laboratory struct {
	distribution, objective, out string
	request                      engine.Request // the settings of a sampler and of noise levels
	n, steps, trainSteps         int
	seed                         uint64
	size                         float64
	leaps                        int
	json                         bool
}

func newLab() *cobra.Command {
	var o laboratory
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Learn and sample 2-D toy distributions with known scores",
		Long: `Lab experiments with mixtures of Gaussians in the plane, whose scores are known exactly.
A small network learns the score in a few seconds, or the exact score is used, and points
are sampled with it. The command prints the relative error of the learned score, and the
sliced Wasserstein distance of the points from the distribution, next to an upper bound
of the mean distance of as many points drawn from the distribution itself. -o writes a
picture of both sets of points.

Distributions: ` + strings.Join(lab.Names, ", ") + `. Objectives, besides "exact", which learns nothing:

` + labObjectives() + `
Samplers are those of tweedie sample; langevin, mala and hmc, which sample from the density
of the distribution; and d3pm-uniform and d3pm-absorbing, which work on a grid of 32 values
per coordinate with the exact posterior of clean points. Objectives without noise levels
allow only langevin.`,
		Example: `  tweedie lab -o lab.png
  tweedie lab --sampler mala --step-size 0.05 --steps 300
  tweedie lab --objective sliced --sampler langevin --steps 500 -o sliced.png
  tweedie lab --distribution ring --objective flow --sampler flow-heun --steps 8 -o ring.png
  tweedie lab --sampler d3pm-absorbing --steps 50 -o discrete.png
  tweedie lab --sampler unipc --order 2 --steps 6 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.distribution, "distribution", lab.Names[0], "the distribution: "+strings.Join(lab.Names, ", "))
	f.StringVar(&o.distribution, "law", lab.Names[0], "old name of --distribution")
	f.MarkHidden("law")
	f.StringVar(&o.objective, "objective", exactScore, "how the score is learned: exact, or a name from the list above")
	f.IntVar(&o.trainSteps, "train-steps", 2000, "optimiser steps, each of 256 points")
	f.IntVarP(&o.n, "number", "n", 2000, "number of points")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the network, the training points and the noise")
	f.Float64Var(&o.size, "step-size", 0, "step size of langevin and mala (default 0.02), or of hmc's leapfrog steps (default 0.15)")
	f.IntVar(&o.leaps, "leaps", 5, "leapfrog steps per step of hmc")
	f.StringVarP(&o.out, "output", "o", "", "PNG file for a picture of the points")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.AddSettings(cmd, o.values())
	return cmd
}

// values are the settings of a request that lab has: its sampler, with the additional ones
// of the laboratory, and its noise levels.
func (o *laboratory) values() []settings.Value {
	var values []settings.Value
	for _, v := range o.request.Values() {
		switch v.Name {
		case "sampler":
			v.Choices = slices.Concat(densitySamplers, discreteSamplers, v.Choices)
			v.Default = sampler.Methods[0].Name + ", or langevin for objectives without noise levels"
		case "steps":
			v.Default = "30; 300 for langevin, mala and hmc; 100 for D3PM"
		case "eta":
			v.Default = "0"
		default:
			if v.Group != settings.GroupSampler && v.Group != settings.GroupLevels {
				continue
			}
		}
		values = append(values, v)
	}
	return values
}

// newPlane returns lab under its old name.
func newPlane() *cobra.Command {
	cmd := newLab()
	cmd.Use, cmd.Hidden = "plane", true
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: tweedie plane is now called tweedie lab")
	}
	return cmd
}

// labObjectives lists the objectives, one per line.
func labObjectives() string {
	var b strings.Builder
	for _, o := range lab.Objectives() {
		fmt.Fprintf(&b, "  %-15s %s\n", o.Name, o.About)
	}
	return b.String()
}

// objectiveNamed returns the objective with this name, nil if there is none.
func objectiveNamed(name string) *lab.Objective {
	for _, o := range lab.Objectives() {
		if o.Name == name {
			return &o
		}
	}
	return nil
}

// checkFlags refuses values that the flags of lab alone cannot have.
func (o *laboratory) checkFlags(cmd *cobra.Command) error {
	_, known := lab.Distributions[o.distribution]
	switch {
	case !known:
		return flags.Misused("--distribution must be one of %s (got %q)", strings.Join(lab.Names, ", "), o.distribution)
	case o.objective != exactScore && objectiveNamed(o.objective) == nil:
		return flags.Misused("--objective must be \"exact\" or one of the names that tweedie lab --help lists (got %q)", o.objective)
	case o.n < 1 || o.n > 1<<20:
		return flags.Misused("--number must be from 1 to %d (got %d)", 1<<20, o.n)
	case o.trainSteps < 1:
		return flags.Misused("--train-steps must be at least 1 (got %d)", o.trainSteps)
	case o.leaps < 1 || o.leaps > 1000:
		return flags.Misused("--leaps must be from 1 to 1000 (got %d)", o.leaps)
	case cmd.Flags().Changed("step-size") && !(o.size > 0 && o.size <= 10):
		return flags.Misused("--step-size must be above 0 and at most 10 (got %g)", o.size)
	}
	return flags.NeedSuffix("-o", o.out, ".png")
}

// run learns, samples and prints.
func (o *laboratory) run(cmd *cobra.Command) error {
	if cmd.Flags().Changed("law") {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: --law is now called --distribution")
	}
	if err := o.checkFlags(cmd); err != nil {
		return err
	}
	law := lab.Distributions[o.distribution]
	s := source{law: law, low: 0.01, high: 20, denoise: law.Denoise, density: law.Density}
	s.objective = objectiveNamed(o.objective)
	r := &labResult{Distribution: o.distribution, Objective: o.objective}
	if err := o.check(cmd, &s); err != nil {
		return err
	}
	if err := output.Prepare(o.out); err != nil {
		return err
	}
	if s.objective != nil {
		if err := o.learn(cmd, &s, r); err != nil {
			return err
		}
	}
	x, err := o.sample(&s, r)
	if err != nil {
		return err
	}
	if x, r.Diverged = withinReach(x); x.Shape[0] == 0 {
		return fmt.Errorf("lab: all %d points of %s diverged; %s", o.n, o.request.Sampler, divergedAdvice)
	}
	r.Distance, r.Expected = law.Distance(x)
	if o.out != "" {
		picture, err := labPlot(law, x)
		if err == nil {
			err = weights.WriteAtomic(o.out, picture)
		}
		if err != nil {
			return err
		}
	}
	return r.print(cmd, o.json, o.n)
}

// source is the distribution that is sampled.
type source struct {
	law       lab.Mixture
	objective *lab.Objective // nil if the exact score is used
	low, high float32        // noise levels
	denoise   diffusion.Denoiser
	density   sampler.Density
}

// check fills in the sampler, and refuses settings that do not go together.
func (o *laboratory) check(cmd *cobra.Command, s *source) error {
	still := s.objective != nil && s.objective.High <= s.objective.Low // it learns no range of levels
	if o.request.Sampler == "" {
		o.request.Sampler = sampler.Methods[0].Name
		if still {
			o.request.Sampler = densitySamplers[0]
		}
	}
	discrete := slices.Contains(discreteSamplers, o.request.Sampler)
	onDensity := discrete || slices.Contains(densitySamplers, o.request.Sampler)
	switch {
	case still && o.request.Sampler != densitySamplers[0]:
		return flags.Misused("--sampler must be langevin with --objective %s, which learns the score at a single noise level (got %s)", o.objective, o.request.Sampler)
	case onDensity && s.objective != nil && !still:
		return flags.Misused("--sampler must be one that uses noise levels, such as dpmpp2m, with --objective %s, which learns a denoiser (got %s)", o.objective, o.request.Sampler)
	case (!onDensity || discrete) && cmd.Flags().Changed("step-size"):
		return flags.Misused("--step-size requires the sampler langevin, mala or hmc (got %s)", o.request.Sampler)
	case o.request.Sampler != "hmc" && cmd.Flags().Changed("leaps"):
		return flags.Misused("--leaps requires the sampler hmc (got %s)", o.request.Sampler)
	}
	if !cmd.Flags().Changed("steps") {
		if o.steps = 30; discrete {
			o.steps = 100
		} else if onDensity {
			o.steps = 300
		}
	} else {
		o.steps = *o.request.Steps
	}
	if onDensity {
		if o.request.Options != (sampler.Options{}) || o.request.Schedule != (sampler.Schedule{}) || o.eta() != 0 {
			return flags.Misused("settings of noise levels have no effect with --sampler %s: remove them", o.request.Sampler)
		}
		return nil
	}
	if s.objective != nil {
		s.low, s.high = s.objective.Low, s.objective.High
	}
	if m, err := sampler.Lookup(o.request.Sampler); err == nil && m.Needs != "" {
		return flags.Misused("--sampler cannot be %s here: it requires a trained model", o.request.Sampler)
	}
	settings := o.settings()
	if err := settings.Validate(); err != nil {
		return flags.AsMisuse(err)
	}
	_, err := settings.Sigmas(s.low, s.high, nil)
	if err != nil {
		return flags.AsMisuse(err)
	}
	return nil
}

func (o *laboratory) settings() sampler.Settings {
	return sampler.Settings{Method: o.request.Sampler, Steps: o.steps, Eta: o.eta(), Options: o.request.Options, Schedule: o.request.Schedule}
}

// eta returns the share of fresh noise, by default none.
func (o *laboratory) eta() float64 {
	if o.request.Eta == nil {
		return 0
	}
	return *o.request.Eta
}

// learn replaces the exact score by a learned one.
func (o *laboratory) learn(cmd *cobra.Command, s *source, r *labResult) error {
	bar := progress.NewBar(cmd.ErrOrStderr(), "train", "step")
	l, err := lab.Learn(cmd.Context(), s.law, *s.objective, o.trainSteps, o.seed, bar.At)
	bar.Finish()
	if err != nil {
		return err
	}
	s.denoise, s.density = l.Denoise, l.Density
	r.ScoreOff = map[string]float64{}
	for _, sigma := range s.objective.ScoreLevels() {
		off, err := l.ScoreError(s.law, sigma)
		if err != nil {
			return err
		}
		r.ScoreOff[fmt.Sprintf("%.3g", sigma)] = off
	}
	return nil
}

// sample draws the points.
func (o *laboratory) sample(s *source, r *labResult) (x *tensor.Tensor, err error) {
	noise := sampler.NewNoise(o.seed, 0, o.n, 1, 1, 2)
	r.Sampler = o.request.Sampler
	size := o.size
	if size == 0 {
		if size = 0.02; o.request.Sampler == "hmc" {
			size = 0.15
		}
	}
	density := func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) {
		r.Evaluations++
		return s.density(x)
	}
	switch o.request.Sampler {
	case "langevin":
		return sampler.Langevin(density, noise(sampler.StreamStart), size, o.steps, noise)
	case "mala":
		x, r.Taken, err = sampler.MALA(density, noise(sampler.StreamStart), size, o.steps, noise)
		return x, err
	case "hmc":
		x, r.Taken, err = sampler.HMC(density, noise(sampler.StreamStart), size, o.leaps, o.steps, noise)
		return x, err
	}
	if slices.Contains(discreteSamplers, o.request.Sampler) {
		r.Evaluations = o.steps
		return lab.SampleDiscrete(s.law, o.request.Sampler == discreteSamplers[1], o.n, o.steps, o.seed)
	}
	settings := o.settings()
	sigmas, err := settings.Sigmas(s.low, s.high, nil)
	if err != nil {
		return nil, err
	}
	// The points are the pixels of one image: lengths that correctors and adaptive samplers
	// measure are over all of them.
	noise = sampler.NewNoise(o.seed, 0, 1, 1, o.n, 2)
	x, err = sampler.Run(settings, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		r.Evaluations++
		d, err := s.denoise(tensor.Of(x.Data, o.n, 1, 1, 2), sigma)
		if err != nil {
			return nil, err
		}
		return tensor.Of(d.Data, x.Shape...), nil
	}, sampler.Start(noise, sigmas), sigmas, noise, nil)
	if err != nil {
		return nil, err
	}
	return tensor.Of(x.Data, o.n, 1, 1, 2), nil
}
