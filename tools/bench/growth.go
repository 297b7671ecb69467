package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/nn"
	"tweedie/core/unet"
)

// point is a measurement: the cost for one size of the work.
type point struct {
	Size int     // the varied quantity
	Work float64 // to which the cost should be proportional, in any unit
	Cost float64
}

// series is how a cost grows. Growth is at most proportional if each point's cost, relative to
// the previous point, is at most its relative work.
type series struct {
	File          string // name of the plot's file, without extension
	Title         string
	Varied, Costs string // axes
	Proportional  string // description of Work
	points        []point
}

// slack is the factor by which a step may exceed proportional growth before it is called worse,
// since measurements on a shared machine vary by that much.
const slack = 1.1

// excess returns the relative cost of the step from point i−1 to point i, divided by its
// relative work.
func (s *series) excess(i int) float64 {
	a, b := s.points[i-1], s.points[i]
	return b.Cost / a.Cost / (b.Work / a.Work)
}

// worse returns the number of steps whose cost grows more than proportionally.
func (s *series) worse() int {
	n := 0
	for i := 1; i < len(s.points); i++ {
		if !(s.excess(i) <= slack) {
			n++
		}
	}
	return n
}

// print writes the points and the verdict on each step.
func (s *series) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, work is %s\n", s.Title, s.Costs, s.Proportional)
	for i, p := range s.points {
		fmt.Fprintf(w, "  %s %4d: %10.3f", s.Varied, p.Size, p.Cost)
		if i > 0 {
			verdict := "no worse than proportional"
			if !(s.excess(i) <= slack) {
				verdict = "WORSE than proportional"
			}
			fmt.Fprintf(w, "  × %.2f for %.2f times the work: %s", p.Cost/s.points[i-1].Cost, p.Work/s.points[i-1].Work, verdict)
		}
		fmt.Fprintln(w)
	}
}

func newGrowth() *cobra.Command {
	var out string
	var least time.Duration
	cmd := &cobra.Command{
		Use:   "growth",
		Short: "Plot how time and memory grow with the work",
		Long: `Growth measures one evaluation against the batch, the resolution and the channels,
on one core with exact arithmetic, and the memory of training against the batch. It
prints every step, and writes plots and a page with them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := os.MkdirAll(out, 0o777); err != nil {
				return err
			}
			all, err := measureGrowth(cmd.Context(), least, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			worse, steps := 0, 0
			for _, s := range all {
				s.print(cmd.OutOrStdout())
				if err := s.plot(out); err != nil {
					return err
				}
				worse, steps = worse+s.worse(), steps+len(s.points)-1
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d of %d steps worse than proportional; plots in %s\n", worse, steps, filepath.Join(out, "index.html"))
			return writeIndex(out, all)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "bench-report", "folder of the report")
	cmd.Flags().DurationVar(&least, "time", time.Second, "how long to measure each point")
	return cmd
}

// variedConfig is the network that is varied: three levels, with attention on the last.
func variedConfig(size, channels int) model.Config {
	d, u := "DownBlock2D", "UpBlock2D"
	return model.Config{
		Arch: model.UNet2D, Prediction: model.EDM, SigmaData: 0.5, SigmaMin: 0.01, SigmaMax: 40, Shape: [3]int{3, size, size},
		UNet: &unet.Config{SampleSize: unet.Square(size), InChannels: 3, OutChannels: 3, BlockOutChannels: []int{channels, 2 * channels, 2 * channels},
			DownBlockTypes: []string{d, d, "Attn" + d}, UpBlockTypes: []string{"Attn" + u, u, u},
			LayersPerBlock: 1, NormNumGroups: 8, NormEps: 1e-5, DownsamplePadding: 1},
	}
}

// The sizes of the points. What is not varied has its usual value.
const (
	usualSize     = 32
	usualChannels = 32
)

var (
	batches     = []int{1, 2, 4, 8, 16, 32, 64}
	resolutions = []int{16, 32, 64, 128}
	widths      = []int{16, 32, 64, 128}
)

func measureGrowth(ctx context.Context, least time.Duration, log io.Writer) ([]*series, error) {
	batch := &series{File: "batch", Title: "Evaluation against batch", Varied: "batch", Costs: "ms", Proportional: "images"}
	resolution := &series{File: "resolution", Title: "Evaluation against resolution", Varied: "side", Costs: "ms", Proportional: "operations"}
	channels := &series{File: "channels", Title: "Evaluation against channels", Varied: "channels", Costs: "ms", Proportional: "operations"}
	memory := &series{File: "memory", Title: "Memory of training against batch", Varied: "batch", Costs: "MB", Proportional: "images"}
	add := func(s *series, size int, measure func() (work, cost float64, err error)) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(log, "%s %d\n", s.File, size)
		work, cost, err := measure()
		s.points = append(s.points, point{size, work, cost})
		return err
	}
	for _, n := range batches {
		if err := add(batch, n, func() (float64, float64, error) {
			_, ms, err := evaluation(usualSize, usualChannels, n, least)
			return float64(n), ms, err
		}); err != nil {
			return nil, err
		}
		if err := add(memory, n, func() (float64, float64, error) {
			mb, err := trainingMemory(n)
			return float64(n), mb, err
		}); err != nil {
			return nil, err
		}
	}
	for _, n := range resolutions {
		if err := add(resolution, n, func() (float64, float64, error) { return evaluation(n, usualChannels, 1, least) }); err != nil {
			return nil, err
		}
	}
	for _, n := range widths {
		if err := add(channels, n, func() (float64, float64, error) { return evaluation(usualSize, n, 1, least) }); err != nil {
			return nil, err
		}
	}
	return []*series{batch, resolution, channels, memory}, nil
}

// evaluation returns the operations of a batch and its milliseconds on one core: the fastest
// time, because other users of the machine can only add to it.
func evaluation(size, channels, batch int, least time.Duration) (flops, ms float64, err error) {
	config := variedConfig(size, channels)
	net, err := config.Build()
	if err != nil {
		return 0, 0, err
	}
	params := graph.NewParams(net.Program)
	nn.Initialize(params, 1)
	weights, err := infer.Load(net.Program, net.Out, params, batch, infer.Options{})
	if err != nil {
		return 0, 0, err
	}
	plan := weights.NewPlan()
	x, t := make([]float32, batch*3*size*size), make([]float32, batch)
	y := make([]float32, len(x))
	for i := range x {
		x[i] = float32(i%255)/127 - 1
	}
	evaluate := func() error {
		plan.Run(y, batch, x, t)
		return nil
	}
	evaluate() // warms up memory
	times, err := timed(1, least, evaluate)
	return float64(graph.CostOf(net.Program).FLOPs) * float64(batch), slices.Min(times), err
}

// trainingMemory returns the megabytes of heap that a training run with this batch keeps after
// a step.
func trainingMemory(batch int) (float64, error) {
	before := heap()
	t, err := trainer(variedConfig(usualSize, usualChannels), batch, runtime.NumCPU())
	if err != nil {
		return 0, err
	}
	if _, err := t.Step(); err != nil {
		return 0, err
	}
	mb := float64(heap()-before) / 1e6
	runtime.KeepAlive(t)
	return mb, nil
}

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
