package sample

import (
	"context"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/tools/convert/internal/cmd/flags"
)

func newSample() *cobra.Command {
	var r images
	cmd := &cobra.Command{
		Use:   "sample MODEL",
		Short: "Generate images with a model",
		Long: `Sample generates images with a model and prints the SHA-256 of their pixels, uint8
[N,H,W,C]. The same model, seed and settings give the same bytes on every machine and in
every browser, whatever -n and --workers are, unless --fast is given.`,
		Example: `  tweedie sample weights/models/mnist.json -o digits.png -n 16 --seed 1
  tweedie sample weights/models/mnist.json -o 37.png -n 8 --class 3,7 --guidance 2
  tweedie sample MODEL.json -o strong.png -n 8 --guidance 6 --guidance-sigma-min 0.3 --guidance-sigma-max 5 --threshold dynamic
  tweedie sample MODEL.json -o auto.png -n 8 --guide WORSE.json --guidance 2
  tweedie sample weights/models/ncsn.json -o three.png -n 4 --class 3 --guide-classifier weights/models/mnist-classifier.json
  tweedie sample weights/models/mnist.json --npy x.npy -n 2000 --sampler ddim --steps 50`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.draw(cmd, args[0], false, func(ctx context.Context, e *engine.Engine, q engine.Request, frame func(engine.Frame)) (engine.Result, error) {
				return e.Sample(ctx, q, frame)
			})
		},
	}
	r.add(cmd)
	return cmd
}
