package evaluate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/internal/profile"
	"tweedie/weights"
)

// speed is one line of a benchmark.
type speed struct {
	Batch  int     `json:"batch"`
	MS     float64 `json:"ms"` // one evaluation of the whole batch, the fastest
	Images float64 `json:"images_per_second"`
	GFLOPS float64 `json:"gflops"` // 10⁹ additions and multiplications a second
}

func newBench() *cobra.Command {
	var c flags.Compute
	var asJSON, ops bool
	var batches []int
	var least time.Duration
	cmd := &cobra.Command{
		Use:   "bench MODEL",
		Short: "Measure the speed of a model",
		Long: `Bench evaluates the network of a model on batches of several sizes and prints the fastest
time of each: milliseconds per evaluation, images per second, GFLOP/s.

With --ops it prints a profile instead, on one core: for every kind of operation its time,
its work, and the fraction of the peak of the core's vector units that it reaches.`,
		Example: `  tweedie bench weights/models/mnist.json
  tweedie bench weights/models/mnist.json --ops --batch 1 --fast
  tweedie bench weights/models/mnist.json --batch 1,64 --workers 1 --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, n := range batches {
				if n < 1 || n > 4096 {
					return flags.Misused("--batch must be numbers from 1 to 4096 (got %d)", n)
				}
			}
			if least <= 0 || least > time.Hour {
				return flags.Misused("--time must be above 0 and at most 1h (got %v)", least)
			}
			if _, err := c.Options(); err != nil {
				return err
			}
			f, err := weights.Open(args[0])
			if err != nil {
				return err
			}
			m, err := model.Open(f)
			if err != nil {
				return err
			}
			if ops {
				return profileOps(cmd, m, batches, profile.Options{Fast: c.Fast, Time: least, Stop: func() bool { return cmd.Context().Err() != nil }}, asJSON)
			}
			e, err := modelfile.Engine(cmd, args[0], &c)
			if err != nil {
				return err
			}
			cost := graph.CostOf(m.Network().Program)
			var lines []speed
			for _, n := range batches {
				s, err := measure(cmd, e, m, n, least)
				if err != nil {
					return err
				}
				s.GFLOPS = float64(cost.FLOPs) * s.Images / 1e9
				lines = append(lines, s)
			}
			return reportBench(cmd, f, cost, lines, e.Info().SIMD, asJSON)
		},
	}
	cmd.Flags().IntSliceVar(&batches, "batch", []int{1, 4, 16}, "images per evaluation, with commas between several sizes")
	cmd.Flags().DurationVar(&least, "time", time.Second, "time to measure each batch size")
	cmd.Flags().BoolVar(&ops, "ops", false, "print a profile by operation")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	c.Add(cmd)
	return cmd
}

// profileOps prints a profile for every batch size.
func profileOps(cmd *cobra.Command, m *model.Model, batches []int, o profile.Options, asJSON bool) error {
	var reports []*profile.Report
	for _, o.Batch = range batches {
		r, err := profile.Measure(m, o)
		if err := cmp.Or(err, context.Cause(cmd.Context())); err != nil {
			return err
		}
		reports = append(reports, r)
	}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(reports)
	}
	for _, r := range reports {
		r.Print(cmd.OutOrStdout(), "native")
	}
	return nil
}

// measure times evaluations of n images for at least the given time.
func measure(cmd *cobra.Command, e *engine.Engine, m *model.Model, n int, least time.Duration) (speed, error) {
	shape := e.Info().Shape
	x, t := make([]float32, n*shape[0]*shape[1]*shape[2]), make([]float32, n)
	for i := range x {
		x[i] = float32(i%255)/127 - 1
	}
	var y []int
	if config := m.Config(); config.Labels() > 0 {
		y = make([]int, n)
	}
	best := time.Duration(1 << 62)
	for began := time.Now(); best == 1<<62 || time.Since(began) < least; {
		start := time.Now()
		if _, err := e.Forward(cmd.Context(), x, t, y); err != nil {
			return speed{}, err
		}
		best = min(best, time.Since(start))
	}
	return speed{Batch: n, MS: best.Seconds() * 1000, Images: float64(n) / best.Seconds()}, nil
}

// reportBench prints what was measured.
func reportBench(cmd *cobra.Command, f *weights.File, cost graph.Cost, lines []speed, simd, asJSON bool) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{
			"model": f.Manifest.Name, "parameters": f.Parameters(), "bytes": f.Manifest.Bytes(),
			"flops": cost.FLOPs, "go": runtime.Version(), "arch": runtime.GOARCH, "simd": simd, "speeds": lines,
		})
	}
	fmt.Fprintf(w, "%s: %d parameters, %d bytes, %.3f GFLOP an image; %s %s, vectors %v\n",
		output.Printable(f.Manifest.Name), f.Parameters(), f.Manifest.Bytes(), float64(cost.FLOPs)/1e9, runtime.Version(), runtime.GOARCH, simd)
	fmt.Fprintf(w, "%6s %12s %12s %10s\n", "batch", "ms", "images/s", "GFLOP/s")
	for _, s := range lines {
		fmt.Fprintf(w, "%6d %12.3f %12.1f %10.1f\n", s.Batch, s.MS, s.Images, s.GFLOPS)
	}
	return nil
}
