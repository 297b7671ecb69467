package train

import (
	"cmp"
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

func newPosterior() *cobra.Command {
	var out string
	var n, levels int
	var data flags.Data
	var c flags.Compute
	cmd := &cobra.Command{
		Use:   "posterior MODEL DATA -o MODEL.json",
		Short: "Measure how far data lie from what a model expects, for --sampler ddpm-analytic",
		Long: `Posterior measures, at some noise levels, how far the pictures of DATA lie on average
from what MODEL expects them to be, and writes the model again with that among its
settings, its weights as they are. From it Analytic-DPM (Bao et al. 2022) has the
variance of a step that is best on average: sampler ddpm-analytic. And from it follow
the noise levels that make a bound on the error of a number of steps the least, in the
manner of Sabour et al. 2024: --schedule optimised. A model of more than 64 million
parameters is read anew for every evaluation, unless --fast is given.`,
		Example: `  tweedie posterior runs/mnist/model.json data/mnist -o mnist.json
  tweedie sample mnist.json -o out.png --sampler ddpm-analytic --steps 50
  tweedie sample mnist.json -o out.png --sampler sde-dpmpp --schedule optimised --sigma-min 0.05`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.NeedOutput(out, "MODEL.json"); err != nil {
				return err
			}
			if err := flags.NeedSuffix("-o", out, weights.ManifestSuffix); err != nil {
				return err
			}
			if n < 1 || levels < 2 || levels > 1000 {
				return flags.Misused("-n is %d and --levels %d, need 1 or more pictures and 2 to 1000 levels", n, levels)
			}
			defer modelfile.Sparing()()
			set, err := data.Load(args[1], dataset.Train)
			if err != nil {
				return err
			}
			m, r, err := modelfile.Read(args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if err := output.Prepare(out); err != nil {
				return err
			}
			spread, config, err := spreadOf(m, set, min(n, set.Len()), levels, &c)
			if err != nil {
				return fmt.Errorf("model %q: %w", args[0], err)
			}
			for i, sigma := range spread.Sigmas {
				fmt.Fprintf(cmd.OutOrStdout(), "sigma %.4g: variance %.4g\n", sigma, spread.Variances[i])
			}
			w, err := weights.Create(out, &weights.Manifest{Name: m.Name(), Config: config, Card: r.Manifest.Card})
			if err != nil {
				return err
			}
			return modelfile.Finish(w, r.Each(w.Add))
		},
	}
	flags.Output(cmd, &out, "manifest of the model, a .json file")
	cmd.Flags().IntVarP(&n, "number", "n", 500, "how many pictures")
	cmd.Flags().IntVar(&levels, "levels", 20, "how many noise levels, evenly spaced in their logarithm")
	c.Add(cmd)
	data.Add(cmd)
	return cmd
}

// spreadOf measures a model's spread on the first n pictures of set, and returns it with
// the configuration that holds it.
func spreadOf(m *model.Model, set *dataset.Dataset, n, levels int, o *flags.Compute) (*diffusion.PosteriorVariance, minijson.RawMessage, error) {
	c := m.Config()
	if got := [3]int{set.C, set.H, set.W}; got != c.Shape || c.Prediction == model.Consistency || c.CheckDenoiser() != nil {
		return nil, nil, fmt.Errorf("pictures are %v (C, H, W) and the prediction is %q, need the model's %v, and a denoiser", got, c.Prediction, c.Shape)
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
	c.Posterior, err = diffusion.MeasurePosteriorVariance(diffusion.MeanOnly(runner.Denoiser(class, 1)), x0, rising, func(level int) *tensor.Tensor {
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
