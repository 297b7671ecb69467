package sample

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/cmd/progress"
)

// images is the flags of commands that generate images and write them.
type images struct {
	sampling flags.Sampling
	compute  flags.Compute
	png      string
	npy      string
	columns  int
	json     bool
}

// add declares the flags of r.
func (r *images) add(cmd *cobra.Command) {
	r.sampling.Add(cmd, 1)
	f := cmd.Flags()
	f.StringVarP(&r.png, "output", "o", "", "PNG file for a sheet of all images")
	f.StringVar(&r.npy, "npy", "", "npy file for the pixels, uint8 [N,H,W,C]")
	f.IntVar(&r.columns, "columns", 0, "columns of the sheet; 0 chooses a number")
	f.BoolVar(&r.json, "json", false, "print the result as JSON")
	r.compute.Add(cmd)
	r.compute.AddSize(cmd)
}

// request returns the request of the flags. The error names a flag with a value that no
// model allows.
func (r *images) request(cmd *cobra.Command) (engine.Request, error) {
	if r.columns < 0 || r.columns > math.MaxInt16 {
		return engine.Request{}, flags.Misused("--columns must be from 0 to %d (got %d)", math.MaxInt16, r.columns)
	}
	if err := flags.NeedSuffix("-o", r.png, ".png"); err != nil {
		return engine.Request{}, err
	}
	if err := flags.NeedSuffix("--npy", r.npy, ".npy"); err != nil {
		return engine.Request{}, err
	}
	return r.sampling.Request(cmd)
}

// draw opens the model at path, calls draw to generate images with it, and writes and
// reports them.
func (r *images) draw(cmd *cobra.Command, path string, inpaint bool,
	draw func(context.Context, *engine.Engine, engine.Request, func(engine.Frame)) (engine.Result, error)) error {
	q, err := r.request(cmd)
	if err != nil {
		return err
	}
	e, err := modelfile.Guided(cmd, path, &r.sampling.Guides, &r.compute)
	if err != nil {
		return err
	}
	if _, err := e.Check(q, inpaint); err != nil {
		return flags.AsMisuse(err)
	}
	if r.png != "" {
		if err := output.CheckSheet(e.Info().Shape[0]); err != nil {
			return err
		}
	}
	if err := output.Prepare(r.png, r.npy); err != nil {
		return err
	}
	bar := progress.NewBar(cmd.ErrOrStderr(), cmd.Name(), "eval")
	began := time.Now()
	result, err := draw(cmd.Context(), e, q, func(f engine.Frame) { bar.At(f.Done, f.Total) })
	bar.Finish()
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

// write writes the files of the flags. classes is the number of classes that the images
// take in turn.
func (r *images) write(result engine.Result, classes int) error {
	if r.png != "" {
		columns := r.columns
		if columns == 0 {
			columns = output.Columns(result.Shape[0], classes)
		}
		if err := output.WriteSheet(r.png, result.Pixels, result.Shape, columns); err != nil {
			return err
		}
	}
	if r.npy != "" {
		shape := result.Shape
		return output.WriteNPY(r.npy, result.Pixels, shape[:])
	}
	return nil
}

// report prints the hash, and the settings on standard error.
func (r *images) report(cmd *cobra.Command, result engine.Result, took time.Duration) error {
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
