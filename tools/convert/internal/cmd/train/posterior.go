package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/core/quantize"
	"tweedie/core/rng"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights"
)

// measuring is the flags of posterior.
type measuring struct {
	out       string
	n, levels int
	data      flags.Data
	compute   flags.Compute
}

func newPosterior() *cobra.Command {
	var o measuring
	cmd := &cobra.Command{
		Use:   "posterior MODEL DATA -o MODEL.json",
		Short: "Measure posterior variances, for --sampler ddpm-analytic and --schedule optimised",
		Long: `Posterior measures, at several noise levels, the mean squared error of the denoiser of
MODEL on the pictures of DATA, and writes a copy of the model with these variances among
its settings; the weights stay as they are. Two settings of tweedie sample use them:
--sampler ddpm-analytic, which takes the optimal variance of each step from them
(Analytic-DPM, Bao et al. 2022), and --schedule optimised, which chooses noise levels
that minimise a bound on the error of a given number of steps (after Sabour et al. 2024).
A model of more than 64 million parameters is read from disk for every evaluation, unless
--fast is given.`,
		Example: `  tweedie posterior runs/mnist/model.json data/mnist -o mnist.json
  tweedie sample mnist.json -o out.png --sampler ddpm-analytic --steps 50
  tweedie sample mnist.json -o out.png --sampler sde-dpmpp --schedule optimised --sigma-min 0.05`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	flags.Output(cmd, &o.out, "manifest of the new model, a .json file")
	cmd.Flags().IntVarP(&o.n, "number", "n", 500, "number of pictures")
	cmd.Flags().IntVar(&o.levels, "levels", 20, "number of noise levels, evenly spaced in their logarithm")
	o.compute.Add(cmd)
	o.data.Add(cmd)
	return cmd
}

// run measures the model at path on a data set, and writes the copy.
func (o *measuring) run(cmd *cobra.Command, path, data string) error {
	if err := flags.NeedOutput(o.out, "MODEL.json"); err != nil {
		return err
	}
	if err := flags.NeedSuffix("-o", o.out, weights.ManifestSuffix); err != nil {
		return err
	}
	if o.n < 1 || o.levels < 2 || o.levels > 1000 {
		return flags.Misused("--number must be at least 1 and --levels from 2 to 1000 (got %d and %d)", o.n, o.levels)
	}
	defer modelfile.Sparing()()
	set, err := o.data.Load(data, dataset.Train)
	if err != nil {
		return err
	}
	m, r, err := modelfile.Read(path)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := output.Prepare(o.out); err != nil {
		return err
	}
	if err := creatable(o.out, m, r); err != nil {
		return err
	}
	variance, config, err := varianceOf(cmd.Context(), m, set, min(o.n, set.Len()), o.levels, &o.compute)
	if err != nil {
		return fmt.Errorf("model %q: %w", path, err)
	}
	for i, sigma := range variance.Sigmas {
		fmt.Fprintf(cmd.OutOrStdout(), "sigma %.4g: variance %.4g\n", sigma, variance.Variances[i])
	}
	w, err := weights.Create(o.out, &weights.Manifest{Name: m.Name(), Config: config, Card: r.Manifest.Card})
	if err != nil {
		return err
	}
	return modelfile.Finish(w, r.Each(w.Add))
}

// creatable returns an error if a model of that name could not be written, which is
// otherwise found out after the measurement.
func creatable(out string, m *model.Model, r *weights.Reader) error {
	manifest, err := m.Manifest(r.Manifest.Card)
	if err != nil {
		return err
	}
	w, err := weights.Create(out, manifest)
	if err != nil {
		return err
	}
	return w.Abandon()
}

// varianceOf measures the posterior variances of a model on the first n pictures of set,
// and returns them with the configuration that contains them.
func varianceOf(ctx context.Context, m *model.Model, set *dataset.Dataset, n, levels int, o *flags.Compute) (*diffusion.PosteriorVariance, minijson.RawMessage, error) {
	c := m.Config()
	if got := [3]int{set.C, set.H, set.W}; got != c.Shape || c.Prediction == model.Consistency || c.CheckDenoiser() != nil {
		return nil, nil, fmt.Errorf("the model must be a denoiser, and the pictures of its shape %v (channels, height, width; got pictures of %v, prediction %q)", c.Shape, got, c.Prediction)
	}
	options, err := o.Options()
	if err != nil {
		return nil, nil, err
	}
	runner, err := quantize.NewRunner(m, 32, infer.Options{Workers: cmp.Or(options.Workers, runtime.GOMAXPROCS(0)), Fast: options.Fast})
	if err != nil {
		return nil, nil, err
	}
	class, err := modelfile.ClassesOf(c, set, n)
	if err != nil {
		return nil, nil, err
	}
	x0 := tensor.New(n, set.H, set.W, set.C)
	for i := range n {
		for j, v := range set.Image(i) {
			x0.Row(i)[j] = float32(v)/127.5 - 1
		}
	}
	low, high := c.SigmaRange()
	sigmas, err := sampler.Exponential(levels, float64(low), float64(high))
	if err != nil {
		return nil, nil, err
	}
	rising := make([]float32, levels)
	for i := range rising {
		rising[i] = sigmas[levels-1-i]
	}
	mean := diffusion.MeanOnly(runner.Denoiser(class, 1))
	denoise := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return mean(x, sigma)
	}
	c.Posterior, err = diffusion.MeasurePosteriorVariance(denoise, x0, rising, func(level int) *tensor.Tensor {
		eps := tensor.New(x0.Shape...)
		for i := range n {
			rng.Normal(eps.Row(i), 0, uint64(i), uint32(level))
		}
		return eps
	})
	if err := errors.Join(err, m.Err()); err != nil {
		return nil, nil, err
	}
	text, err := minijson.Marshal(&c)
	return c.Posterior, text, err
}
