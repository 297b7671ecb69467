package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"tweedie/core/diffusion"
	"tweedie/core/lab"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/cmd/progress"
	"tweedie/weights"
)

// The samplers that plane has beside those of every model: for densities, and D3PM.
var (
	densitySamplers  = []string{"langevin", "mala", "hmc"}
	discreteSamplers = []string{"d3pm-uniform", "d3pm-absorbing"}
)

// planar is the flags of plane.
type planar struct {
	law, objective, sampler, out string
	n, steps, trainSteps         int
	seed                         uint64
	eta, size                    float64
	leaps                        int
	options                      sampler.Options
	schedule                     sampler.Schedule
	json                         bool
}

// planarResult is what plane prints.
type planarResult struct {
	Law         string             `json:"law"`
	Objective   string             `json:"objective"`
	ScoreOff    map[string]float64 `json:"score_off,omitempty"` // part of its size, by noise level; learned scores only
	Sampler     string             `json:"sampler"`
	Evaluations int                `json:"evaluations"`     // of D or of the density, a point
	Taken       float64            `json:"taken,omitempty"` // part of the steps, mala and hmc
	Distance    float64            `json:"sliced_wasserstein"`
	Expected    float64            `json:"expected"` // the most that as many points of the law have on average
}

func newPlane() *cobra.Command {
	var o planar
	cmd := &cobra.Command{
		Use:   "plane",
		Short: "Learn and sample laws of two dimensions whose score is known",
		Long: `Plane is a laboratory: a mixture of normal laws in the plane, whose score is known in
closed form, is learned by a small network in some seconds, or is taken as it is, and
sampled. It prints how far the learned score is off, as a part of its size, and how
far the points are from the law: the sliced Wasserstein distance, beside the most that as
many points of the law itself have on average. -o draws the points over the law's.

Laws: ` + strings.Join(lab.Names, ", ") + `. Objectives, beside "exact", which learns nothing:

` + planeObjectives() + `
Samplers are those of tweedie sample, langevin, mala and hmc on the law's density, and
d3pm-uniform and d3pm-absorbing on a grid of 32 values a coordinate, with the exact law
of clean points given noisy ones. What was learned by an objective without noise levels
has langevin.`,
		Example: `  tweedie plane -o plane.png
  tweedie plane --sampler mala --step-size 0.05 --steps 300
  tweedie plane --objective sliced --sampler langevin --steps 500 -o sliced.png
  tweedie plane --law ring --objective flow --sampler flow-heun --steps 8 -o ring.png
  tweedie plane --sampler d3pm-absorbing --steps 50 -o discrete.png
  tweedie plane --sampler unipc --order 2 --steps 6 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.law, "law", lab.Names[0], "the law: "+strings.Join(lab.Names, ", "))
	f.StringVar(&o.objective, "objective", "exact", "how its score is learned, a name of the list above")
	f.IntVar(&o.trainSteps, "train-steps", 2000, "optimiser steps of 256 points")
	f.StringVar(&o.sampler, "sampler", "", "sampler (default: dpmpp2m, or langevin)")
	f.IntVar(&o.steps, "steps", 0, "steps of the sampler (default: 30, 300 of langevin, mala and hmc, 100 of D3PM)")
	f.IntVarP(&o.n, "number", "n", 2000, "how many points")
	f.Uint64Var(&o.seed, "seed", 1, "seed of network, draws and noise")
	f.Float64Var(&o.eta, "eta", 0, "fresh noise of samplers that have it, 0 to 1")
	f.Float64Var(&o.size, "step-size", 0, "step of langevin and mala (default 0.02), or of hmc's leaps (default 0.15)")
	f.IntVar(&o.leaps, "leaps", 5, "leapfrog steps of a step of hmc")
	f.StringVarP(&o.out, "output", "o", "", "PNG file for the points")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.AddOptions(cmd, &o.options)
	flags.AddSchedule(cmd, &o.schedule)
	return cmd
}

// planeObjectives lists plane's objectives, a line each.
func planeObjectives() string {
	var b strings.Builder
	for _, o := range lab.Objectives() {
		fmt.Fprintf(&b, "  %-15s %s\n", o.Name, o.About)
	}
	return b.String()
}

// run learns, samples and prints.
func (o *planar) run(cmd *cobra.Command) error {
	law, ok := lab.Distributions[o.law]
	all := lab.Objectives()
	at := slices.IndexFunc(all, func(p lab.Objective) bool { return p.Name == o.objective })
	switch {
	case !ok:
		return flags.Misused("--law is %q, need one of %s", o.law, strings.Join(lab.Names, ", "))
	case at < 0 && o.objective != "exact":
		return flags.Misused("--objective is %q, need \"exact\" or a name that tweedie plane --help lists", o.objective)
	case o.n < 1 || o.n > 1<<20 || o.trainSteps < 1 || o.leaps < 1 || o.leaps > 1000 || !(o.size >= 0 && o.size <= 10):
		return flags.Misused("-n is %d, --train-steps %d, --leaps %d and --step-size %g, need 1 to 2^20, at least 1, 1 to 1000 and 0 to 10", o.n, o.trainSteps, o.leaps, o.size)
	}
	s := source{law: law, low: 0.01, high: 20, denoise: law.Denoise, density: law.Density}
	r := &planarResult{Law: o.law, Objective: o.objective}
	if at >= 0 {
		s.objective = &all[at]
	}
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
	r.Distance, r.Expected = law.Distance(x)
	if o.out != "" {
		picture, err := planePlot(law, x)
		if err == nil {
			err = weights.WriteAtomic(o.out, picture)
		}
		if err != nil {
			return err
		}
	}
	return r.print(cmd, o.json, o.n)
}

// source is what is sampled.
type source struct {
	law       lab.Mixture
	objective *lab.Objective // nil: the law is known
	low, high float32        // noise levels
	denoise   diffusion.Denoiser
	density   sampler.Density
}

// check fills in the sampler, and says what does not go together.
func (o *planar) check(cmd *cobra.Command, s *source) error {
	still := s.objective != nil && s.objective.High <= s.objective.Low // it teaches no range of levels
	if o.sampler == "" {
		o.sampler = sampler.Methods[0].Name
		if still {
			o.sampler = densitySamplers[0]
		}
	}
	discrete := slices.Contains(discreteSamplers, o.sampler)
	onDensity := discrete || slices.Contains(densitySamplers, o.sampler)
	switch {
	case still && o.sampler != densitySamplers[0]:
		return flags.Misused("--sampler %s with --objective %s, need langevin: it teaches the score at one noise level", o.sampler, o.objective)
	case onDensity && s.objective != nil && !still:
		return flags.Misused("--sampler %s with --objective %s, need a sampler of noise levels, as dpmpp2m: what is learned is a denoiser", o.sampler, o.objective)
	case (!onDensity || discrete) && cmd.Flags().Changed("step-size"), o.sampler != "hmc" && cmd.Flags().Changed("leaps"):
		return flags.Misused("--step-size or --leaps with --sampler %s, need neither: they are of langevin and mala, or of hmc", o.sampler)
	case onDensity && cmd.Flags().Changed("steps") && (o.steps < 1 || o.steps > 1<<20):
		return flags.Misused("--steps is %d, need 1 to 2^20", o.steps)
	}
	if !cmd.Flags().Changed("steps") {
		if o.steps = 30; discrete {
			o.steps = 100
		} else if onDensity {
			o.steps = 300
		}
	}
	if onDensity {
		if o.options != (sampler.Options{}) || o.schedule != (sampler.Schedule{}) || o.eta != 0 {
			return flags.Misused("settings of noise levels with --sampler %s, need --steps, and of langevin, mala and hmc --step-size", o.sampler)
		}
		return nil
	}
	if s.objective != nil {
		s.low, s.high = s.objective.Low, s.objective.High
	}
	if m, err := sampler.Lookup(o.sampler); err == nil && m.Needs != "" {
		return flags.Misused("--sampler %s, need another: it is for models that know more than D", o.sampler)
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

func (o *planar) settings() sampler.Settings {
	return sampler.Settings{Method: o.sampler, Steps: o.steps, Eta: o.eta, Options: o.options, Schedule: o.schedule}
}

// learn puts what is learned in the law's place.
func (o *planar) learn(cmd *cobra.Command, s *source, r *planarResult) error {
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
func (o *planar) sample(s *source, r *planarResult) (x *tensor.Tensor, err error) {
	noise := sampler.NewNoise(o.seed, 0, o.n, 1, 1, 2)
	r.Sampler = o.sampler
	size := o.size
	if size == 0 {
		if size = 0.02; o.sampler == "hmc" {
			size = 0.15
		}
	}
	density := func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) {
		r.Evaluations++
		return s.density(x)
	}
	switch o.sampler {
	case "langevin":
		return sampler.Langevin(density, noise(sampler.StreamStart), size, o.steps, noise)
	case "mala":
		x, r.Taken, err = sampler.MALA(density, noise(sampler.StreamStart), size, o.steps, noise)
		return x, err
	case "hmc":
		x, r.Taken, err = sampler.HMC(density, noise(sampler.StreamStart), size, o.leaps, o.steps, noise)
		return x, err
	}
	if slices.Contains(discreteSamplers, o.sampler) {
		r.Evaluations = o.steps
		return lab.SampleDiscrete(s.law, o.sampler == discreteSamplers[1], o.n, o.steps, o.seed)
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

// print prints r, for people or as JSON.
func (r *planarResult) print(cmd *cobra.Command, asJSON bool, n int) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	var levels []string
	for level := range r.ScoreOff {
		levels = append(levels, level)
	}
	slices.Sort(levels)
	for _, level := range levels {
		fmt.Fprintf(w, "the score at noise level %s is off by %.1f %%\n", level, 100*r.ScoreOff[level])
	}
	if r.Taken > 0 {
		fmt.Fprintf(w, "%.0f %% of the steps taken\n", 100*r.Taken)
	}
	_, err := fmt.Fprintf(w, "%d points, %s, %d evaluations each: sliced Wasserstein distance %.4f, of as many points of the law up to %.4f on average\n",
		n, r.Sampler, r.Evaluations, r.Distance, r.Expected)
	return err
}

// planePlot draws points over as many of the law.
func planePlot(law lab.Mixture, x *tensor.Tensor) ([]byte, error) {
	p := plot.New()
	for _, layer := range []struct {
		name string
		x    *tensor.Tensor
		c    color.Color
	}{{"the law", law.Sample(x.Shape[0], 7), color.Gray{0xC0}}, {"points", x, output.Hue(5)}} {
		points := make(plotter.XYs, x.Shape[0])
		for i := range points {
			points[i] = plotter.XY{X: float64(layer.x.Row(i)[0]), Y: float64(layer.x.Row(i)[1])}
		}
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return nil, fmt.Errorf("plot: %w", err)
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: layer.c, Radius: vg.Points(0.8), Shape: draw.CircleGlyph{}}
		p.Add(dots)
		p.Legend.Add(layer.name, dots)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -1.6, 1.6, -1.6, 1.6
	p.Legend.Top = true
	w, err := p.WriterTo(14*vg.Centimeter, 14*vg.Centimeter, "png")
	if err != nil {
		return nil, fmt.Errorf("plot: %w", err)
	}
	var b bytes.Buffer
	_, err = w.WriteTo(&b)
	return b.Bytes(), err
}
