package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
)

func newSample() *cobra.Command {
	var r request
	cmd := &cobra.Command{
		Use:   "sample MODEL",
		Short: "Draw images from a model",
		Long: `Sample draws images from a model and prints the SHA-256 of their pixels, uint8
[N,H,W,C]. The same model, seed and settings give the same bytes on every machine
and in every browser, unless --fast is given, whatever -n and --workers are.`,
		Example: `  tweedie sample weights/models/mnist.json -o digits.png -n 16 --seed 1
  tweedie sample weights/models/mnist.json -o 37.png -n 8 --class 3,7 --guidance 2
  tweedie sample MODEL.json -o strong.png -n 8 --guidance 6 --guidance-sigma-min 0.3 --guidance-sigma-max 5 --threshold dynamic
  tweedie sample MODEL.json -o auto.png -n 8 --guide WORSE.json --guidance 2
  tweedie sample weights/models/ncsn.json -o three.png -n 4 --class 3 --guide-classifier weights/models/mnist-classifier.json
  tweedie sample weights/models/mnist.json --npy x.npy -n 2000 --sampler ddim --steps 50`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: models,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.draw(cmd, args[0], false, func(ctx context.Context, e *engine.Engine, q engine.Request, frame func(engine.Frame)) (engine.Result, error) {
				return e.Sample(ctx, q, frame)
			})
		},
	}
	r.add(cmd)
	return cmd
}

// draw opens the model at path, has images drawn from it, writes them where the
// flags say and reports them.
func (r *request) draw(cmd *cobra.Command, path string, inpaint bool,
	draw func(context.Context, *engine.Engine, engine.Request, func(engine.Frame)) (engine.Result, error)) error {
	q, err := r.engine(cmd)
	if err != nil {
		return err
	}
	e, err := r.open(cmd, path)
	if err != nil {
		return err
	}
	if _, err := e.Check(q, inpaint); err != nil {
		return &misuse{err}
	}
	if r.writePNG != "" {
		if err := checkSheet(e.Info().Shape[0]); err != nil {
			return err
		}
	}
	if err := prepare(r.writePNG, r.writeNPY); err != nil {
		return err
	}
	progress := newBar(cmd.ErrOrStderr(), cmd.Name(), "eval")
	began := time.Now()
	result, err := draw(cmd.Context(), e, q, func(f engine.Frame) { progress.at(f.Done, f.Total) })
	progress.finish()
	if err != nil {
		return err
	}
	took := time.Since(began)
	classes := len(q.Class)
	if classes == 0 {
		classes = len(result.Names)
	}
	if err := r.write(result, classes); err != nil {
		return err
	}
	return r.report(cmd, result, took)
}

// write writes the files that the flags ask for. classes is how many classes were
// dealt out in turn.
func (r *request) write(result engine.Result, classes int) error {
	if r.writePNG != "" {
		columns := r.columns
		if columns == 0 {
			columns = chooseColumns(result.Shape[0], classes)
		}
		if err := writeSheet(r.writePNG, result.Pixels, result.Shape, columns); err != nil {
			return err
		}
	}
	if r.writeNPY != "" {
		shape := result.Shape
		return writeBytesNPY(r.writeNPY, result.Pixels, shape[:])
	}
	return nil
}

// report prints the hash, and what was done.
func (r *request) report(cmd *cobra.Command, result engine.Result, took time.Duration) error {
	if r.json {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
			"sha256":  result.SHA256(),
			"shape":   result.Shape,
			"class":   result.Class,
			"request": result.Plan,
			"ms":      float64(took.Microseconds()) / 1000,
		})
	}
	p := result.Plan
	fmt.Fprintf(cmd.ErrOrStderr(), "%d images, %s, %d steps, %d evaluations each, guidance %g, seed %d: %.2f s\n",
		result.Shape[0], p.Sampler, *p.Steps, p.NFE, *p.Guidance, uint64(p.Seed), took.Seconds())
	fmt.Fprintln(cmd.OutOrStdout(), result.SHA256())
	return nil
}
