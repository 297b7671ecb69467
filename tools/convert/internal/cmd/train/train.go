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
		Long: `Train fits a model to pictures: idx files, or a folder of PNG or JPEG files whose
sub-folders are classes (tweedie data --help). RUN then holds config.json, the
state, sheets of samples, a plot of the loss, and the model as model.json.

A run that was stopped, however, goes on with --resume and ends in the same
weights. Without --config a configuration is made that suits the data; --print
shows it, to be changed and given with --config. What it makes small is its
objective, and --objective chooses another, with a model that goes with it:

` + objectiveHelp() + `
Further keys of a configuration: "snr_gamma", "importance" (levels drawn as often
as their loss is large, where they are those of a chain or an smld process), of a vdm
"fixed_gamma" (its γ is not learned), and of consistency models "levels_first",
"levels_last" and "target_decay".`,
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
	f := cmd.Flags()
	flags.Output(cmd, &o.out, "folder of the run")
	f.StringVar(&o.config, "config", "", "training configuration, JSON (default: one that suits the data)")
	f.StringVar(&o.arch, "arch", recipes[0].name, "without --config, the network: "+strings.Join(recipeNames(), ", "))
	f.StringVar(&o.objective, "objective", "edm", "without --config, what is made small: a name of the list above")
	f.StringVar(&o.teacher, "teacher", "", "without --config, the model that --objective consistency-distillation distils")
	f.StringVar(&o.process, "process", "", "without --config, what simple, min-snr, hybrid and vlb go along: "+strings.Join(processes, ", ")+" (default: the first)")
	f.StringVar(&o.name, "name", "", "name of the model (default: the name of RUN)")
	f.BoolVar(&o.resume, "resume", false, "go on with the run that RUN holds")
	f.BoolVar(&o.print, "print", false, "print the configuration and end")
	f.IntVar(&o.steps, "steps", 0, "optimiser steps, in place of the configuration's")
	f.IntVar(&o.batch, "batch", 0, "images a step, in place of the configuration's")
	f.Uint64Var(&o.seed, "seed", 0, "seed, in place of the configuration's")
	f.Float64Var(&o.rate, "rate", 0, "learning rate, in place of the configuration's")
	f.DurationVar(&o.saveEvery, "save-every", 2*time.Minute, "how often the state is saved")
	f.IntVar(&o.sampleEvery, "sample-every", 0, "steps between sheets of samples; 0 makes 20 in all, a negative number none")
	f.BoolVar(&o.json, "json", false, "print progress as JSON, an object a line")
	o.data.Add(cmd)
	cmd.RegisterFlagCompletionFunc("objective", cobra.FixedCompletions(objectiveNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("process", cobra.FixedCompletions(processes, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(recipeNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *training) run(cmd *cobra.Command, path string) error {
	if !o.print {
		if err := flags.NeedOutput(o.out, "RUN"); err != nil {
			return err
		}
	}
	if o.saveEvery <= 0 {
		return flags.Misused("--save-every is %v, need more than 0", o.saveEvery)
	}
	recipe, err := chooseRecipe(o.arch)
	if err != nil {
		return err
	}
	set, err := o.data.Load(path, dataset.Train)
	if err != nil {
		return err
	}
	config, err := o.configuration(cmd, recipe, set)
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

// configuration returns the configuration to train with, nil to go on with the
// run's own.
func (o *training) configuration(cmd *cobra.Command, r recipe, set *dataset.Dataset) (*train.Config, error) {
	given := cmd.Flags().Changed
	if o.resume && o.config == "" {
		for _, flag := range []string{"arch", "objective", "teacher", "process", "steps", "batch", "seed", "rate"} {
			if given(flag) {
				return nil, flags.Misused("--%s with --resume: a run goes on with its own configuration", flag)
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
			return nil, flags.Misused("--objective is %q, need one of %s", o.objective, strings.Join(objectiveNames(), ", "))
		}
		only := r.ngf > 0 // an NCSN is for one objective
		if only && (given("teacher") || given("process") || given("objective") && o.objective != "ncsn") {
			return nil, flags.Misused("--arch %s with --objective %q, a teacher or a process, need objective \"ncsn\" and none", r.name, o.objective)
		}
		if c, err = r.config(set); err == nil && !only {
			err = pursue(c, o.objective, o.teacher, o.process)
		}
	} else if given("arch") || given("objective") || given("teacher") || given("process") {
		return nil, flags.Misused("--arch, --objective, --teacher or --process with --config, need them without: the configuration says it")
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
