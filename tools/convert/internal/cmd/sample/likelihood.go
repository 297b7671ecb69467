package sample

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/cmd/progress"
)

// likelihoods is the flags of likelihood.
type likelihoods struct {
	n             int
	split         string
	settings      likelihood.Settings
	noise         string
	dequantise    int
	bound         bool
	variance      string
	levels        int // of --bound; 0 means those of the model's chain, or 256
	unconditional bool
	compute       flags.Compute
	data          flags.Data
	json          bool
}

func newLikelihood() *cobra.Command {
	var o likelihoods
	cmd := &cobra.Command{
		Use:   "likelihood MODEL DATA",
		Short: "Measure how probable a model finds pictures, in bits per dimension",
		Long: `Likelihood prints how many bits MODEL needs for a number of a picture of DATA, the
mean over pictures and its standard error; fewer are better, 8 are what bytes take.

It follows the probability-flow ODE from each picture to noise (Song et al. 2021) in
steps of Runge and Kutta's fourth order, and takes the divergence on the way by the
network's own derivative along random directions (Hutchinson). Pictures are
dequantised: each pixel is moved to a place drawn evenly from its level's interval.
What comes out is an upper bound of the bits of the levels, and exact for the density
but for the steps: see whether more of them change it.

--bound measures the variational bound instead (Ho et al. 2020), on the chain that the
model was trained on, or in a thousand steps along the γ that a VDM has learned; with
--steps, or of a model without either, on a chain of that many noise levels over the
model's range, even in their logarithm: one evaluation for every step, and with --json
every term. A network that learned variances is measured with them (Nichol & Dhariwal
2021).`,
		Example: `  tweedie likelihood weights/models/mnist.json data/mnist -n 100
  tweedie likelihood weights/models/mnist.json data/mnist -n 20 --steps 64 --probes 4 --noise gaussian --json
  tweedie likelihood weights/models/mnist.json data/mnist -n 20 --bound --steps 1000
  tweedie likelihood ddpm.json data/mnist -n 50 --bound --variance large`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: flags.Models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	f := cmd.Flags()
	f.IntVarP(&o.n, "number", "n", 100, "how many pictures, the first of the split")
	f.StringVar(&o.split, "split", "", "train or test (default: test where DATA has one)")
	f.IntVar(&o.settings.Steps, "steps", 32, "steps of the integration, even in the logarithm of the noise level; levels of --bound")
	f.IntVar(&o.settings.Probes, "probes", 1, "random directions a picture")
	f.StringVar(&o.noise, "noise", "rademacher", "directions: rademacher, gaussian, or exact for every axis in turn")
	f.IntVar(&o.dequantise, "dequantise", 1, "places drawn for the pixels of a picture, each followed")
	f.Float64Var(&o.settings.SigmaMin, "sigma-min", 0, "noise level at which a picture counts as data (default: the model's lowest)")
	f.Float64Var(&o.settings.SigmaMax, "sigma-max", 0, "noise level at which it counts as noise (default: the model's highest)")
	f.Uint64Var(&o.settings.Seed, "seed", 0, "seed of directions, places and the bound's noise; picture i of a seed is the same whatever -n is")
	f.BoolVar(&o.bound, "bound", false, "the variational bound of the model's chain in place of the ODE")
	f.StringVar(&o.variance, "variance", "", "with --bound, of a step: small (the posterior's), large (β) or learned (default: learned if the model has it, else small)")
	f.BoolVar(&o.unconditional, "unconditional", false, "do not tell the model the pictures' classes")
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
	if c := m.Config(); c.CheckDenoiser() != nil {
		return fmt.Errorf("model %q: %w", path, c.CheckDenoiser())
	}
	set, err := o.data.Load(data, dataset.Split(o.split))
	if err != nil {
		return err
	}
	o.n = min(o.n, set.Len())
	s, err := o.subject(m, set)
	if err != nil {
		return fmt.Errorf("model %q: %w", path, err)
	}
	show := progress.NewStage(cmd, "measure", "eval")
	r, err := o.measure(cmd.Context(), s, show.At)
	show.Finish()
	if err != nil {
		return err
	}
	r.Model = m.Name()
	return r.print(cmd, o.json)
}

// check reports flags that are out of range or do not go together. It fills in the split.
func (o *likelihoods) check(cmd *cobra.Command, data string) error {
	given := cmd.Flags().Changed
	o.settings.Probe = likelihood.Probe(o.noise)
	settings := o.settings
	settings.SigmaMin, settings.SigmaMax = cmp.Or(settings.SigmaMin, 1), cmp.Or(settings.SigmaMax, math.MaxFloat32) // the model's are not known yet
	if err := settings.Validate(); err != nil {
		return flags.AsMisuse(err)
	}
	switch {
	case o.n < 1:
		return flags.Misused("--number is %d, need 1 or more", o.n)
	case o.settings.Probes < 1:
		return flags.Misused("--probes is %d, need 1 or more", o.settings.Probes)
	case o.dequantise < 1 || o.dequantise > 1<<16:
		return flags.Misused("--dequantise is %d, need 1 to %d", o.dequantise, 1<<16)
	case o.settings.Probe == likelihood.Exact && given("probes"):
		return flags.Misused("--probes with --noise exact: every axis is a direction, need one or the other")
	case o.variance != "" && !o.bound:
		return flags.Misused("--variance without --bound, need both: the ODE has no variance of steps")
	case !slices.Contains([]string{"", "small", "large", model.Learned}, o.variance):
		return flags.Misused("--variance is %q, need \"small\", \"large\" or %q", o.variance, model.Learned)
	case o.split == "" && flags.HasTestSplit(data):
		o.split = string(dataset.Test)
	case o.split == "":
		o.split = string(dataset.Train)
	case o.split != string(dataset.Train) && o.split != string(dataset.Test):
		return flags.Misused("--split is %q, need %q or %q", o.split, dataset.Train, dataset.Test)
	}
	if o.bound && given("steps") {
		o.levels = o.settings.Steps
	}
	for _, flag := range []string{"probes", "noise", "dequantise", "sigma-min", "sigma-max"} {
		if o.bound && given(flag) {
			return flags.Misused("--%s with --bound: the bound follows no flow, need one or the other", flag)
		}
	}
	return nil
}

// measure has each picture measured, by as many workers as the flags say.
func (o *likelihoods) measure(ctx context.Context, s *subject, progress func(done, total int)) (*measured, error) {
	options, err := o.compute.Options()
	if err != nil {
		return nil, err
	}
	const batch = 8
	workers := min(cmp.Or(options.Workers, runtime.GOMAXPROCS(0)), (o.n+batch-1)/batch)
	r := &measured{N: o.n, Split: o.split, Unconditional: o.unconditional, Evaluations: o.evaluations(s), Bits: make([]float64, o.n)}
	if !o.bound {
		r.Settings = &o.settings
		r.Dequantise = o.dequantise
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next, done atomic.Int64
	var lock sync.Mutex
	var wait sync.WaitGroup
	r.terms = make([]likelihood.Terms, o.n)
	for range workers {
		w, err := s.worker(batch, options.Fast)
		if err != nil {
			return nil, err
		}
		w.tick = func(pictures int) error {
			lock.Lock()
			defer lock.Unlock()
			progress(int(done.Add(int64(pictures))), o.n*r.Evaluations)
			return context.Cause(ctx)
		}
		wait.Go(func() {
			for {
				start := int(next.Add(batch)) - batch
				if start >= o.n || ctx.Err() != nil {
					return
				}
				if err := o.pictures(w, start, min(start+batch, o.n), r); err != nil {
					stop(err)
				}
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	r.sum()
	return r, nil
}

// evaluations returns how many of the network a picture takes.
func (o *likelihoods) evaluations(s *subject) int {
	if o.bound {
		return s.chain.Steps()
	}
	probes := o.settings.Probes
	if o.settings.Probe == likelihood.Exact {
		probes = tensor.Size(s.config.Shape[:])
	}
	return 4 * o.settings.Steps * probes * o.dequantise * s.passes
}

// pictures measures pictures [start, end) and writes what it finds to r.
func (o *likelihoods) pictures(w *worker, start, end int, r *measured) error {
	d := tensor.Size(w.config.Shape[:])
	shape := []int{end - start, w.config.Shape[1], w.config.Shape[2], w.config.Shape[0]}
	levels := w.set.Images[start*d : end*d]
	w.class = w.subject.class[start:end]
	if o.bound {
		x0 := tensor.New(shape...)
		for i, v := range levels {
			x0.Data[i] = likelihood.Level(v)
		}
		terms, err := likelihood.Bound(w.denoise, w.chain, x0, likelihood.BoundSettings{Large: o.variance == "large", FirstBeta: w.made, Seed: o.settings.Seed, First: uint64(start)})
		copy(r.terms[start:], terms)
		for i, t := range terms {
			r.Bits[start+i] = likelihood.NatsToBits(t.Total(), d)
		}
		return err
	}
	for k := range o.dequantise {
		s := o.settings
		s.Seed, s.First = s.Seed+uint64(k), uint64(start)
		found, err := likelihood.LogDensity(w.product, likelihood.Dequantise(levels, s.Seed, s.First, shape...), s)
		if err != nil {
			return err
		}
		for i, v := range found {
			bits, _ := likelihood.Mean(v.Bits(d))
			r.Bits[start+i] += bits / float64(o.dequantise)
		}
	}
	return nil
}

// matching returns the model's number of each picture's class, -1 for none.
func (o *likelihoods) matching(c *model.Config, set *dataset.Dataset) ([]int, error) {
	if !o.unconditional {
		class, err := modelfile.ClassesOf(*c, set, o.n)
		if err != nil && c.NullClass != nil {
			err = fmt.Errorf("%w: --unconditional measures without classes", err)
		}
		return class, err
	}
	if len(c.Classes) > 0 && c.NullClass == nil {
		return nil, flags.Misused("--unconditional has no effect on a model that was not trained without a class: remove it")
	}
	return slices.Repeat([]int{-1}, o.n), nil
}

// print prints r, for people or as JSON.
func (r *measured) print(cmd *cobra.Command, asJSON bool) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	what := "bits per dimension"
	if r.Bound != nil {
		what += ", at most"
	}
	fmt.Fprintf(w, "%s: %.4f", what, r.Mean)
	if r.Error != nil {
		fmt.Fprintf(w, " ± %.4f", *r.Error)
	}
	fmt.Fprintln(w)
	if b := r.Bound; b != nil {
		fmt.Fprintf(w, "prior %.4g, steps %.4f, data %.4f\n", b.Prior, r.Mean-b.Prior-b.Data, b.Data)
		for _, part := range b.parts() {
			fmt.Fprintf(w, "  steps %d to %d: %.4f\n", part.from, part.to, part.bits)
		}
	}
	fmt.Fprintf(w, "%s: %d pictures, %d evaluations each\n", output.Printable(r.Model), r.N, r.Evaluations)
	return nil
}
