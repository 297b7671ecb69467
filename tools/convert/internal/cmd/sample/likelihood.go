package sample

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/settings"
	"tweedie/core/tensor"
	"tweedie/core/unet"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/progress"
)

// likelihoods is the flags of likelihood.
type likelihoods struct {
	n             int
	split         string
	request       engine.LikelihoodRequest
	probes        int
	dequantize    int
	unconditional bool
	compute       flags.Compute
	data          flags.Data
	json          bool
}

func newLikelihood() *cobra.Command {
	var o likelihoods
	cmd := &cobra.Command{
		Use:   "likelihood MODEL DATA",
		Short: "Measure the likelihood of pictures under a model, in bits per dimension",
		Long: `Likelihood prints the negative log-likelihood of the pictures of DATA under MODEL, in bits
per dimension: the mean over pictures and its standard error. Lower means more likely;
uncompressed pixels take 8 bits.

The command integrates the probability-flow ODE from each picture to noise (Song et al.
2021) with the fourth-order Runge-Kutta method, and estimates the divergence from the
derivative of the network along random directions (Hutchinson). Pictures are dequantized:
each pixel is replaced by a uniform random value within its level. The result is therefore
an upper bound for the levels; it is exact for the density up to the error of the steps, so
check whether more --steps change it.

--bound computes the variational bound instead (Ho et al. 2020): on the chain that the
model was trained on, or on a chain of --steps noise levels (default 256), evenly spaced in
their logarithm. It takes one evaluation for each step; --json prints every term. Learned
variances are used if the model has them (Nichol & Dhariwal 2021).`,
		Example: `  tweedie likelihood weights/models/mnist.json data/mnist -n 100
  tweedie likelihood weights/models/mnist.json data/mnist -n 20 --steps 64 --probes 4 --noise gaussian --json
  tweedie likelihood weights/models/mnist.json data/mnist -n 20 --bound --steps 1000
  tweedie likelihood ddpm.json data/mnist -n 50 --bound --variance large`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: flags.Models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	f := cmd.Flags()
	f.IntVarP(&o.n, "number", "n", 100, "number of pictures: the first ones of the split")
	f.StringVar(&o.split, "split", "", "train or test (default: test if DATA has one)")
	flags.AddSettings(cmd, slices.DeleteFunc(o.request.Values(), func(v settings.Value) bool {
		return v.Name == "class" || v.Name == "first" || v.Name == "count"
	}))
	f.IntVar(&o.probes, "probes", 1, "random directions per picture; a whole number from 1 to 65536")
	f.IntVar(&o.dequantize, "dequantise", 1, "dequantizations per picture, over which the result is averaged; a whole number from 1 to 65536")
	f.Float64Var(&o.request.SigmaMin, "sigma-min", 0, "noise level at which a picture counts as data (default: the model's lowest)")
	f.Float64Var(&o.request.SigmaMax, "sigma-max", 0, "noise level at which a picture counts as noise (default: the model's highest)")
	f.BoolVar(&o.unconditional, "unconditional", false, "do not use the classes of the pictures")
	f.BoolVar(&o.json, "json", false, "print the result as JSON, with the bits of every picture")
	o.compute.Add(cmd)
	o.data.Add(cmd)
	return cmd
}

// run measures the model at path on a part of the data.
func (o *likelihoods) run(cmd *cobra.Command, path, data string) error {
	if err := o.check(cmd, data); err != nil {
		return err
	}
	m, err := modelfile.Open(path)
	if err != nil {
		return err
	}
	if o.data.Size != (unet.Size{}) {
		if m, err = m.Sized(o.data.Size); err != nil {
			return fmt.Errorf("model %q: %w", path, err)
		}
	}
	c := m.Config()
	if err := c.CheckDenoiser(); err != nil {
		return fmt.Errorf("model %q: %w", path, err)
	}
	set, err := o.data.Load(data, dataset.Split(o.split))
	if err != nil {
		return err
	}
	if got := [3]int{set.C, set.H, set.W}; got != c.Shape {
		return fmt.Errorf("model %q: pictures must have the model's shape %v (channels, height, width; got %v)", path, c.Shape, got)
	}
	o.n = min(o.n, set.Len())
	class, err := o.classes(c, set)
	if err != nil {
		return fmt.Errorf("model %q: %w", path, err)
	}
	show := progress.NewStage(cmd, "measure", "eval")
	r, err := o.measure(cmd.Context(), m, set, class, show.At)
	show.Finish()
	if err != nil {
		if field, ok := errors.AsType[*settings.FieldError](err); ok {
			return flags.AsMisuse(field)
		}
		return err
	}
	return r.print(cmd, o.json)
}

// check refuses flags that are out of range or do not go together. It fills in the split.
func (o *likelihoods) check(cmd *cobra.Command, data string) error {
	given, q := cmd.Flags().Changed, &o.request
	if !q.Bound {
		q.Count = &o.probes
	}
	const most = 1 << 16
	switch {
	case o.n < 1:
		return flags.Misused("--number must be at least 1 (got %d)", o.n)
	case o.probes < 1 || o.probes > most:
		return flags.Misused("--probes must be from 1 to %d (got %d)", most, o.probes)
	case o.dequantize < 1 || o.dequantize > most:
		return flags.Misused("--dequantise must be from 1 to %d (got %d)", most, o.dequantize)
	case given("sigma-min") && q.SigmaMin <= 0 || given("sigma-max") && q.SigmaMax <= 0:
		return flags.Misused("--sigma-min and --sigma-max must be above 0")
	case q.Noise == likelihood.Exact && given("probes"):
		return flags.Misused("--probes has no effect with --noise exact, which takes every axis as a direction: remove it")
	case q.Variance != "" && !q.Bound:
		return flags.Misused("--variance requires --bound: the ODE has no variances")
	case o.split == "" && flags.HasTestSplit(data):
		o.split = string(dataset.Test)
	case o.split == "":
		o.split = string(dataset.Train)
	case o.split != string(dataset.Train) && o.split != string(dataset.Test):
		return flags.Misused("--split must be %s or %s (got %q)", dataset.Train, dataset.Test, o.split)
	}
	for _, flag := range []string{"probes", "noise", "dequantise", "sigma-min", "sigma-max"} {
		if q.Bound && given(flag) {
			return flags.Misused("--%s has no effect with --bound, which follows no ODE: remove it", flag)
		}
	}
	_, err := o.compute.Options()
	return err
}

// classes returns the class of each picture, nil for none.
func (o *likelihoods) classes(c model.Config, set *dataset.Dataset) ([]engine.Classes, error) {
	class := make([]engine.Classes, o.n)
	if o.unconditional {
		if len(c.Classes) > 0 && c.NullClass == nil {
			return nil, flags.Misused("--unconditional requires a model that was trained without a class too: remove it")
		}
		return class, nil
	}
	numbers, err := modelfile.ClassesOf(c, set, o.n)
	if err != nil && c.NullClass != nil {
		err = fmt.Errorf("%w: --unconditional measures without classes", err)
	}
	for i, k := range numbers {
		if k >= 0 {
			class[i] = engine.Classes{engine.Class(c.Classes[k])}
		}
	}
	return class, err
}

// measure measures each picture, with as many engines as the flags allow threads.
func (o *likelihoods) measure(ctx context.Context, m *model.Model, set *dataset.Dataset, class []engine.Classes, show func(done, total int)) (*measured, error) {
	r := &measured{Model: m.Name(), N: o.n, Split: o.split, Unconditional: o.unconditional, Bits: make([]float64, o.n), terms: make([]engine.LikelihoodResult, o.n)}
	if !o.request.Bound {
		r.Dequantize, r.Settings = o.dequantize, o.settings(m.Config())
	}
	work := pool{ctx: ctx, jobs: o.n, show: show}
	err := work.run(min(o.compute.Threads(), o.n), func() (func(i int) error, error) {
		e, err := engine.Of(m, engine.Options{Fast: o.compute.Fast, Workers: 1, Chunk: 1})
		return func(i int) error { return o.picture(&work, e, set.Image(i), i, class[i], r) }, err
	})
	if err != nil {
		return nil, err
	}
	r.sum()
	return r, nil
}

// picture measures picture i.
func (o *likelihoods) picture(work *pool, e *engine.Engine, levels []uint8, i int, class engine.Classes, r *measured) error {
	shape := e.Info().Shape
	image := engine.Picture{Height: shape[1], Width: shape[2], Channels: shape[0], Data: levels}
	times := 1
	if !o.request.Bound {
		times = o.dequantize
	}
	evaluations := 0
	for k := range times {
		q := o.request
		q.Class, q.Index, q.Seed = class, uint64(i), q.Seed+engine.Seed(k)
		found, err := e.Likelihood(work.ctx, q, image, func(_, total int) { work.step(total * times) })
		if err != nil {
			return err
		}
		evaluations += found.Evaluations
		if o.request.Bound {
			r.terms[i], r.Bits[i] = found, found.Prior
			for _, v := range found.Bits {
				r.Bits[i] += v
			}
			continue
		}
		bits, _ := likelihood.Mean(found.Bits)
		r.Bits[i] += bits / float64(o.dequantize)
	}
	work.mu.Lock()
	r.Evaluations = evaluations
	work.mu.Unlock()
	return nil
}

// settings returns those of the ODE, for the result.
func (o *likelihoods) settings(c model.Config) *likelihood.Settings {
	low, high := c.SigmaRange()
	s := &likelihood.Settings{SigmaMin: float64(low), SigmaMax: float64(high), Steps: engine.ODESteps, Probe: likelihood.Rademacher, Probes: o.probes, Seed: uint64(o.request.Seed)}
	if o.request.SigmaMin != 0 {
		s.SigmaMin = o.request.SigmaMin
	}
	if o.request.SigmaMax != 0 {
		s.SigmaMax = o.request.SigmaMax
	}
	if o.request.Steps != nil {
		s.Steps = *o.request.Steps
	}
	if o.request.Noise != "" {
		s.Probe = o.request.Noise
	}
	if s.Probe == likelihood.Exact {
		s.Probes = tensor.Size(c.Shape[:])
	}
	return s
}
