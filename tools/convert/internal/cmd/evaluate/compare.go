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
	sampling flags.Sampling
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
		Short: "Compare the samplers of a model at equal numbers of network evaluations",
		Long: `Compare generates images with every sampler of MODEL, for several numbers of network
evaluations, and measures their distance to the pictures of DATA as eval does. DIR
receives a table (table.md), a plot of it (plot.svg), and a file for each cell of the
table; an interrupted comparison continues where it stopped.

A cell is the ratio of the Fréchet distance to that of an equal number of real pictures; 1
is as good as real ones. A sampler takes as many steps as the evaluations allow. Annealed
Langevin takes a third of the square root of the evaluations as steps per level; adaptive
samplers take the smallest of several tolerances with which eight images stay within the
evaluations. A cell is empty if the sampler needs more evaluations.`,
		Example: `  tweedie compare weights/models/mnist.json data/mnist -o compare
  tweedie compare weights/models/mnist.json data/mnist -o try -n 100 --evaluations 5,10 --samplers dpmpp2m,ddim`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: flags.Models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	f := cmd.Flags()
	flags.Output(cmd, &o.out, "folder for the table, the plot and the cells")
	f.IntSliceVar(&o.budgets, "evaluations", []int{5, 8, 10, 20, 50, 1000}, "numbers of network evaluations, in ascending order")
	f.StringSliceVar(&o.samplers, "samplers", nil, "samplers to compare (default: all that the model supports)")
	o.sampling.AddGuidance(cmd, 1000)
	o.judging.add(cmd)
	return cmd
}

func (o *comparison) run(cmd *cobra.Command, path, data string) error {
	if err := o.check(); err != nil {
		return err
	}
	e, err := modelfile.Guided(cmd, path, &o.sampling.Guides, &o.judging.compute)
	if err != nil {
		return err
	}
	if o.asked, err = o.sampling.Request(cmd); err != nil {
		return err
	}
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

// check refuses values of flags that are wrong for every model.
func (o *comparison) check() error {
	if err := flags.NeedOutput(o.out, "DIR"); err != nil {
		return err
	}
	if err := o.judging.check(); err != nil {
		return err
	}
	if n := o.sampling.N(); n <= 3 {
		return flags.Misused("--number must be at least 4 (got %d)", n)
	}
	if len(o.budgets) == 0 || !slices.IsSorted(o.budgets) || o.budgets[0] < 1 {
		return flags.Misused("--evaluations must be numbers of at least 1 in ascending order (got %d)", o.budgets)
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
			return nil, flags.Misused("--samplers must name samplers that the model supports, see tweedie inspect MODEL (got %q)", name)
		}
		out = append(out, info.Samplers[i])
	}
	return out, nil
}

// key identifies everything that a cell depends on except its sampler and steps.
func (o *comparison) key(cmd *cobra.Command, path, data string) (string, error) {
	manifest, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	guidance := "the model's"
	if cmd.Flags().Changed("guidance") {
		guidance = cmd.Flag("guidance").Value.String()
	}
	for _, flag := range flags.GuidanceFlags[1:] {
		if cmd.Flags().Changed(flag) {
			guidance += fmt.Sprintf(", %s %s", flag, cmd.Flag(flag).Value)
		}
	}
	return fmt.Sprintf("model %.12s, data %s, %d images of seed %d, guidance %s", engine.Digest(manifest), filepath.Base(data), o.sampling.N(), o.sampling.Seed(), guidance), nil
}

// cell is one number of the table and how it was measured.
type cell struct {
	Sampler   string          `json:"sampler"`
	Budget    int             `json:"budget"`  // evaluations allowed
	NFE       int             `json:"nfe"`     // evaluations taken; for an adaptive sampler the mean over some images
	Steps     int             `json:"steps"`   //
	Options   sampler.Options `json:"options"` //
	Key       string          `json:"key"`     // see comparison.key
	Ratio     float64         `json:"ratio"`   // of the Fréchet distance to that of real pictures
	Frechet   float64         `json:"frechet"`
	Agreement float64         `json:"agreement"`
}

// restore reads a cell from file, if it was measured with the settings of c.
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

// tolerances are those that adaptive samplers are tried with.
var tolerances = []float64{1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1}

// plan returns the settings with which a sampler uses its evaluations, nil if it needs more.
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

// planAdaptive looks for the smallest tolerance with which images stay within the
// evaluations.
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

// request returns the request for n images of a cell.
func (o *comparison) request(c *cell, n int) engine.Request {
	q := o.asked
	q.N, q.Sampler, q.Steps, q.Options = &n, c.Sampler, &c.Steps, c.Options
	return q
}

// measurer returns the function that generates and evaluates the images of a cell. It opens
// or trains the classifier when it is first called.
func (o *comparison) measurer(cmd *cobra.Command, e *engine.Engine, m *yardstick) func(c *cell) error {
	var judge *eval.Judge
	return func(c *cell) (err error) {
		if judge == nil {
			if judge, err = o.judging.judge(cmd, m); err != nil {
				return err
			}
		}
		drawn, err := drawImages(cmd, e, o.request(c, o.sampling.N()), m, &report{})
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
