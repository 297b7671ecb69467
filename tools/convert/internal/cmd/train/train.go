package train

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/core/tensor"
	"tweedie/core/train"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/trainrun"
	"tweedie/weights"
)

// training is the flags of train.
type training struct {
	out, config, arch, name string
	objective, teacher      string
	process                 string
	data                    flags.Data
	resume, print, json     bool
	steps, batch            int
	seed                    uint64
	rate                    float64
	saveEvery               time.Duration
	sampleEvery             int
}

func newTrain() *cobra.Command {
	var o training
	cmd := &cobra.Command{
		Use:   "train DATA -o RUN",
		Short: "Train a model on pictures",
		Long: `Train trains a model on pictures: idx files, or a folder of PNG or JPEG files whose
sub-folders are classes (see tweedie data --help). The folder RUN receives config.json,
the state of the run, sheets of samples, a plot of the loss, and the model as model.json.

A run that was interrupted continues with --resume and ends with the same weights.
Without --config, train chooses a configuration for the data. --print prints it, so that
you can edit it and pass it with --config. --objective selects the training objective,
and with it the kind of model:

` + objectiveHelp() + `
A configuration may also set "snr_gamma"; "importance", which draws noise levels in
proportion to their loss (for chains and smld processes); "fixed_gamma", which keeps the
γ of a vdm fixed; and "levels_first", "levels_last" and "target_decay" of consistency
models.`,
		Example: `  tweedie data mnist -o data/mnist
  tweedie train data/mnist -o runs/mnist
  tweedie train data/mnist -o runs/mnist --resume
  tweedie train data/mnist -o runs/flow --objective flow
  tweedie train data/mnist -o runs/vp --objective simple --process vp
  tweedie train data/mnist -o runs/one-step --objective consistency-distillation --teacher runs/mnist/model.json
  tweedie train data/mnist -o runs/ncsn --arch ncsn
  tweedie train data/mnist -o runs/classifier --objective classes
  tweedie train photos --size 32 --arch base --print > photos.json
  tweedie train photos --size 32 -o runs/photos --config photos.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	o.declare(cmd)
	return cmd
}

// declare declares the flags of train.
func (o *training) declare(cmd *cobra.Command) {
	f := cmd.Flags()
	flags.Output(cmd, &o.out, "folder of the run")
	f.StringVar(&o.config, "config", "", "training configuration, JSON (default: one that suits the data)")
	f.StringVar(&o.arch, "arch", presets[0].name, "size of the network, without --config: "+strings.Join(presetNames(), ", "))
	f.StringVar(&o.objective, "objective", "edm", "training objective, without --config: a name from the list above")
	f.StringVar(&o.teacher, "teacher", "", "model to distil with --objective consistency-distillation, without --config")
	f.StringVar(&o.process, "process", "", "noising process for the objectives simple, min-snr, hybrid and vlb, without --config: "+strings.Join(processes, ", ")+" (default: ddpm)")
	f.StringVar(&o.name, "name", "", "name of the model (default: the name of RUN)")
	f.BoolVar(&o.resume, "resume", false, "continue the run in RUN")
	f.BoolVar(&o.print, "print", false, "print the configuration and exit")
	f.IntVar(&o.steps, "steps", 0, "optimiser steps, instead of the configuration's")
	f.IntVar(&o.batch, "batch", 0, "images per step, instead of the configuration's")
	f.Uint64Var(&o.seed, "seed", 0, "seed, instead of the configuration's")
	f.Float64Var(&o.rate, "rate", 0, "learning rate, instead of the configuration's")
	f.DurationVar(&o.saveEvery, "save-every", 2*time.Minute, "time between saves of the state")
	f.IntVar(&o.sampleEvery, "sample-every", 0, "steps between sheets of samples; 0 draws 20 sheets in all, a negative number none")
	f.BoolVar(&o.json, "json", false, "print progress as JSON, one object per line")
	o.data.Add(cmd)
	cmd.RegisterFlagCompletionFunc("objective", cobra.FixedCompletions(objectiveNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("process", cobra.FixedCompletions(processes, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(presetNames(), cobra.ShellCompDirectiveNoFileComp))
}

func (o *training) run(cmd *cobra.Command, path string) error {
	if !o.print {
		if err := flags.NeedOutput(o.out, "RUN"); err != nil {
			return err
		}
	}
	if o.saveEvery <= 0 {
		return flags.Misused("--save-every must be more than 0 (got %v)", o.saveEvery)
	}
	p, err := choosePreset(o.arch)
	if err != nil {
		return err
	}
	set, err := o.data.Load(path, dataset.Train)
	if err != nil {
		return err
	}
	config, err := o.configuration(cmd, p, set)
	if err != nil {
		return err
	}
	if o.print {
		text, err := config.JSON()
		if err == nil {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
		}
		return err
	}
	name := o.name
	if name == "" {
		name = filepath.Base(filepath.Clean(o.out))
	}
	meter := newMeter(cmd, o.json)
	defer meter.finish()
	err = trainrun.Run(cmd.Context(), trainrun.Options{
		Dir: o.out, Name: name, Config: config, Resume: o.resume,
		Data:      &train.Data{N: set.Len(), H: set.H, W: set.W, C: set.C, Images: set.Images, Labels: set.Labels},
		SaveEvery: o.saveEvery, SampleEvery: o.sampleEvery,
		Sheet: trainingSheet, Progress: meter.show, Log: meter.log,
	})
	if err != nil {
		return err
	}
	meter.finish()
	if !o.json {
		fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(o.out, "model.json"))
	}
	return nil
}

// configuration returns the configuration to train with, nil to continue with the
// run's own.
func (o *training) configuration(cmd *cobra.Command, p preset, set *dataset.Dataset) (*train.Config, error) {
	given := cmd.Flags().Changed
	if o.resume && o.config == "" {
		for _, flag := range []string{"arch", "objective", "teacher", "process", "steps", "batch", "seed", "rate"} {
			if given(flag) {
				return nil, flags.Misused("--%s cannot be combined with --resume: a run continues with its own configuration", flag)
			}
		}
		if !o.print {
			return nil, nil
		}
		o.config = filepath.Join(o.out, "config.json")
	}
	var c *train.Config
	var err error
	if o.config == "" {
		if !slices.Contains(objectiveNames(), o.objective) {
			return nil, flags.Misused("--objective must be one of %s (got %q)", strings.Join(objectiveNames(), ", "), o.objective)
		}
		only := p.ngf > 0 // an NCSN has a single objective
		if only && (given("teacher") || given("process") || given("objective") && o.objective != "ncsn") {
			return nil, flags.Misused("--arch %s has an objective and a process of its own: remove --objective, --teacher and --process", p.name)
		}
		if c, err = p.config(set); err == nil && !only {
			err = setObjective(c, o.objective, o.teacher, o.process)
		}
	} else if given("arch") || given("objective") || given("teacher") || given("process") {
		return nil, flags.Misused("--arch, --objective, --teacher and --process cannot be combined with --config: the configuration sets them")
	} else {
		c, err = readConfig(o.config)
	}
	if err != nil {
		return nil, err
	}
	if given("steps") {
		c.Steps, c.WarmUp = o.steps, min(c.WarmUp, max(0, o.steps))
	}
	if given("batch") {
		c.Batch = o.batch
	}
	if given("seed") {
		c.Seed = o.seed
	}
	if given("rate") {
		c.LearningRate = o.rate
	}
	if err := c.Validate(); err != nil {
		return nil, flags.AsMisuse(err)
	}
	return c, nil
}

// readConfig reads the training configuration at path.
func readConfig(path string) (*train.Config, error) {
	text, err := weights.ReadFile(path, modelfile.MaxText)
	if err != nil {
		return nil, err
	}
	c, err := train.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// trainingSheet writes images [N,H,W,C] in [−1,1] on a sheet.
func trainingSheet(path string, x *tensor.Tensor, columns int) error {
	pixels, err := engine.Pixels(x)
	if err != nil {
		return err
	}
	return output.WriteSheet(path, pixels, [4]int(x.Shape), columns)
}
