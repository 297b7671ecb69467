package evaluate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/sampler"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/eval"
	"tweedie/weights"
)

// comparison is the flags of compare.
type comparison struct {
	n        int
	seed     uint64
	guidance flags.Guidance
	judging  judging
	out      string
	budgets  []int
	samplers []string
	asked    engine.Request // guidance, the same for all cells
}

func newCompare() *cobra.Command {
	var o comparison
	cmd := &cobra.Command{
		Use:   "compare MODEL DATA -o DIR",
		Short: "Measure every sampler of a model by its evaluations of the network",
		Long: `Compare draws images from MODEL with every sampler, at as many steps as some numbers of
evaluations of the network allow, and measures their distance to the pictures of DATA
as eval does. DIR gets the table (table.md), a picture of it (plot.svg), and what was
measured, a file a cell: a comparison that was stopped goes on where it was.

A cell is the ratio of the Fréchet distance to what as many real pictures have; 1 is as
good as real ones. Annealed Langevin takes as many steps at a level as a third of the
root of the evaluations; an adaptive sampler the smallest tolerance, of some, with which
eight images take no more. A sampler that cannot do with so few is left out.`,
		Example: `  tweedie compare weights/models/mnist.json data/mnist -o compare
  tweedie compare weights/models/mnist.json data/mnist -o try -n 100 --evaluations 5,10 --samplers dpmpp2m,ddim`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: flags.Models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	f := cmd.Flags()
	flags.Output(cmd, &o.out, "folder for the table, the picture and the cells")
	f.IntSliceVar(&o.budgets, "evaluations", []int{5, 8, 10, 20, 50, 1000}, "evaluations of the network, rising")
	f.StringSliceVar(&o.samplers, "samplers", nil, "samplers (default: all that suit the model)")
	f.IntVarP(&o.n, "number", "n", 1000, "how many images a cell")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the noise")
	o.guidance.Add(cmd)
	o.judging.add(cmd)
	return cmd
}

func (o *comparison) run(cmd *cobra.Command, path, data string) error {
	if err := o.check(); err != nil {
		return err
	}
	e, err := modelfile.Guided(cmd, path, &o.guidance, &o.judging.compute)
	if err != nil {
		return err
	}
	o.asked = o.guidance.Request(cmd)
	if _, err := e.Check(o.asked, false); err != nil {
		return flags.AsMisuse(err)
	}
	methods, err := o.methods(e.Info())
	if err != nil {
		return err
	}
	key, err := o.key(cmd, path, data)
	if err != nil {
		return err
	}
	if err := output.Prepare(filepath.Join(o.out, tableName)); err != nil {
		return err
	}
	m, err := o.judging.yardstick(data)
	if err != nil {
		return err
	}
	if err := m.suits(e.Info(), nil); err != nil {
		return err
	}
	measure := o.measurer(cmd, e, m)
	var cells []cell
	for _, method := range methods {
		for _, budget := range o.budgets {
			c, err := o.plan(cmd, e, method, budget)
			if err != nil {
				return err
			}
			if c == nil {
				continue
			}
			c.Key = key
			file := filepath.Join(o.out, "cells", fmt.Sprintf("%s-%d.json", method.Name, budget))
			if !c.restore(file) {
				if err := measure(c); err != nil {
					return fmt.Errorf("%s at %d evaluations: %w", method.Name, budget, err)
				}
				if err := c.save(file); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s, %d evaluations: %d steps, ratio %.3g\n", method.Name, c.NFE, c.Steps, c.Ratio)
			}
			cells = append(cells, *c)
		}
	}
	return o.write(methods, cells)
}

// check refuses flags that no model could go with.
func (o *comparison) check() error {
	if err := flags.NeedOutput(o.out, "DIR"); err != nil {
		return err
	}
	if err := o.judging.check(); err != nil {
		return err
	}
	if o.n <= 3 || len(o.budgets) == 0 || !slices.IsSorted(o.budgets) || o.budgets[0] < 1 {
		return flags.Misused("-n is %d and --evaluations %d, need at least 4 images and rising numbers from 1 on", o.n, o.budgets)
	}
	return nil
}

// methods returns the samplers to compare.
func (o *comparison) methods(info engine.Info) ([]sampler.Method, error) {
	if o.samplers == nil {
		return info.Samplers, nil
	}
	var out []sampler.Method
	for _, name := range o.samplers {
		i := slices.IndexFunc(info.Samplers, func(m sampler.Method) bool { return m.Name == name })
		if i < 0 {
			return nil, flags.Misused("--samplers has %q, which the model has not: see tweedie inspect", name)
		}
		out = append(out, info.Samplers[i])
	}
	return out, nil
}

// key names what a cell depends on beside its sampler and steps.
func (o *comparison) key(cmd *cobra.Command, path, data string) (string, error) {
	manifest, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	guidance := "the model's"
	if cmd.Flags().Changed("guidance") {
		guidance = fmt.Sprint(o.guidance.Weight)
	}
	for _, flag := range flags.GuidanceFlags[1:] {
		if cmd.Flags().Changed(flag) {
			guidance += fmt.Sprintf(", %s %s", flag, cmd.Flag(flag).Value)
		}
	}
	return fmt.Sprintf("model %.12s, data %s, %d images of seed %d, guidance %s", engine.Digest(manifest), filepath.Base(data), o.n, o.seed, guidance), nil
}

// cell is one number of the table and how it came about.
type cell struct {
	Sampler   string          `json:"sampler"`
	Budget    int             `json:"budget"`  // evaluations allowed
	NFE       int             `json:"nfe"`     // evaluations taken; of an adaptive sampler the mean of some images
	Steps     int             `json:"steps"`   //
	Options   sampler.Options `json:"options"` //
	Key       string          `json:"key"`     // what else it depends on
	Ratio     float64         `json:"ratio"`   // of the Fréchet distance to that of real pictures
	Frechet   float64         `json:"frechet"`
	Agreement float64         `json:"agreement"`
}

// restore takes what file holds if it was measured as c would be.
func (c *cell) restore(file string) bool {
	text, err := os.ReadFile(file)
	var kept cell
	if err != nil || json.Unmarshal(text, &kept) != nil {
		return false
	}
	if kept.Key != c.Key || kept.Steps != c.Steps || kept.Options != c.Options {
		return false
	}
	*c = kept
	return true
}

func (c *cell) save(file string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return weights.WriteAtomic(file, text)
}

// tolerances are what adaptive samplers are tried with.
var tolerances = []float64{1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1}

// plan returns how a sampler spends its evaluations, nil if it cannot do with so few.
func (o *comparison) plan(cmd *cobra.Command, e *engine.Engine, m sampler.Method, budget int) (*cell, error) {
	c := &cell{Sampler: m.Name, Budget: budget}
	if m.Adaptive {
		return o.planAdaptive(cmd, e, c)
	}
	if m.Name == "annealed-langevin" {
		for c.Options.CorrectorSteps = 1; 9*(c.Options.CorrectorSteps+1)*(c.Options.CorrectorSteps+1) <= budget; c.Options.CorrectorSteps++ {
		}
	}
	for m.NFE(c.Options, c.Steps+1, true) <= budget && c.Steps < sampler.MaxSteps {
		c.Steps++
	}
	if c.Steps == 0 {
		return nil, nil
	}
	c.NFE = m.NFE(c.Options, c.Steps, true)
	return c, nil
}

// planAdaptive looks for the smallest tolerance with which some images take no more
// evaluations than allowed.
func (o *comparison) planAdaptive(cmd *cobra.Command, e *engine.Engine, c *cell) (*cell, error) {
	c.Steps = 2 // from the highest level to the lowest, and to 0
	const images = 8
	for _, tolerance := range tolerances {
		c.Options.RTol, c.Options.ATol = tolerance, tolerance
		spent := 0
		ctx, stop := context.WithCancel(cmd.Context())
		_, err := e.Sample(ctx, o.request(c, images), func(engine.Frame) {
			if spent++; spent > images*c.Budget {
				stop()
			}
		})
		stop()
		if cmd.Context().Err() != nil || err != nil && spent <= images*c.Budget {
			return nil, err
		}
		if err == nil && spent <= images*c.Budget {
			c.NFE = (spent + images/2) / images
			return c, nil
		}
	}
	return nil, nil
}

// request asks an engine for n images of a cell.
func (o *comparison) request(c *cell, n int) engine.Request {
	q := o.asked
	q.N, q.Seed, q.Sampler, q.Steps, q.Options = &n, engine.Seed(o.seed), c.Sampler, &c.Steps, c.Options
	return q
}

// measurer returns what draws a cell's images and judges them. The classifier is opened,
// or trained, when the first cell asks.
func (o *comparison) measurer(cmd *cobra.Command, e *engine.Engine, m *yardstick) func(c *cell) error {
	var judge *eval.Judge
	return func(c *cell) (err error) {
		if judge == nil {
			if judge, err = o.judging.judge(cmd, m); err != nil {
				return err
			}
		}
		drawn, err := drawImages(cmd, e, o.request(c, o.n), m, &verdict{})
		if err != nil {
			return err
		}
		r, err := judge.Judge(cmd.Context(), drawn.pixels, drawn.class, nil)
		if err != nil {
			return err
		}
		c.Ratio, c.Frechet, c.Agreement = r.Ratio, r.Drawn.Frechet, r.Agreement
		return nil
	}
}
