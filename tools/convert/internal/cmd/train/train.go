package train

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/model"
	"tweedie/core/train"
	"tweedie/tools/convert/internal/await"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/trainrun"
	"tweedie/weights"
)

// training is the flags of train.
type training struct {
	out, config, arch, name string
	title                   string
	objective, teacher      string
	process                 string
	data                    flags.Data
	init, augment           string
	from                    *model.Config // of init; nil without one
	resume, finish          bool
	print, json             bool
	time                    time.Duration
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
		Long: `Train trains a model on pictures: idx files, or a folder or zip archive of pictures whose
sub-folders are classes (see tweedie data --help). The folder RUN receives config.json,
the state of the run, sheets of samples, a plot of the loss, and the model as model.json.

Without --config, train measures the machine for a few seconds and plans steps, batch and
size of the network: for --time 3h, or for at most an hour. --print prints the
configuration, so that you can edit it and pass it with --config. With a --time the run
ends in time whatever else the machine does; config.json then has the number of steps.

Stop a run at any time. --resume continues it and ends with the same weights as a run
that was never stopped; with --time or --steps it makes the run longer or shorter.
--finish takes no more steps, and writes the model of the last saved state with samples.

--objective selects the training objective, and with it the kind of model:

` + objectiveHelp() + `
A configuration may also set "snr_gamma"; "importance", which draws noise levels in
proportion to their loss (for chains and smld processes); "fixed_gamma", which keeps the
γ of a vdm fixed; and "levels_first", "levels_last" and "target_decay" of consistency
models.`,
		Example: `  tweedie data mnist -o data/mnist
  tweedie train data/mnist -o runs/mnist
  tweedie train data/mnist -o runs/mnist --resume
  tweedie train photos --size 32 -o runs/photos --time 3h
  tweedie train photos --size 32 -o runs/photos --resume --time 1h
  tweedie train photos --size 32 -o runs/photos --resume --finish
  tweedie train data/mnist -o runs/flow --objective flow
  tweedie train data/mnist -o runs/vp --objective simple --process vp
  tweedie train data/mnist -o runs/one-step --objective consistency-distillation --teacher runs/mnist/model.json
  tweedie train data/mnist -o runs/ncsn --arch ncsn
  tweedie train data/mnist -o runs/classifier --objective classes
  tweedie train hats -o runs/hats --init runs/photos/model.json --time 30m
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
	f.StringVar(&o.arch, "arch", "", "size of the network, without --config: "+strings.Join(presetNames(), ", ")+" (default: the largest that pays in the time)")
	f.StringVar(&o.objective, "objective", "edm", "training objective, without --config: a name from the list above")
	f.StringVar(&o.teacher, "teacher", "", "model to distil with --objective consistency-distillation, without --config")
	f.StringVar(&o.process, "process", "", "noising process for the objectives simple, min-snr, hybrid and vlb, without --config: "+strings.Join(processes, ", ")+" (default: ddpm)")
	f.StringVar(&o.name, "name", "", "name of the model (default: the name of RUN)")
	f.StringVar(&o.init, "init", "", "model to start from, for fine-tuning: its network, noise levels and weights, without --config; pictures get its size and channels")
	f.StringVar(&o.title, "title", "", "title of the model, for people (default: its name)")
	f.BoolVar(&o.resume, "resume", false, "continue the run in RUN")
	f.BoolVar(&o.finish, "finish", false, "with --resume: take no more steps, and write the model and samples of the last saved state")
	f.DurationVar(&o.time, "time", 0, "train for so long, such as 45m or 3h (default: at most an hour, less for few pictures)")
	f.StringVar(&o.augment, "augment", "auto", "without --config, change pictures at random: flip mirrors half of them, shift moves them by up to an eighth of a side, flip,shift, none, or auto, which mirrors pictures if mirrored ones are as much alike as others")
	f.BoolVar(&o.print, "print", false, "print the configuration and exit")
	f.IntVar(&o.steps, "steps", 0, "optimiser steps, instead of the plan's or the configuration's; with --resume, of the whole run")
	f.IntVar(&o.batch, "batch", 0, "images per step, instead of the configuration's")
	f.Uint64Var(&o.seed, "seed", 0, "seed, instead of the configuration's")
	f.Float64Var(&o.rate, "rate", 0, "learning rate, instead of the configuration's")
	f.DurationVar(&o.saveEvery, "save-every", 2*time.Minute, "time between saves of the state")
	f.IntVar(&o.sampleEvery, "sample-every", 0, "steps between sheets of samples; 0 draws up to 20 sheets in all, a negative number none")
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
	if err := o.check(cmd); err != nil {
		return err
	}
	began := time.Now()
	if !o.print {
		if err := trainrun.Check(o.out, o.resume); err != nil {
			return err
		}
	}
	if err := o.open(); err != nil {
		return err
	}
	set, err := await.Result(cmd.Context(), func() (*dataset.Dataset, error) { return o.data.Load(path, dataset.Train) })
	if err != nil {
		return err
	}
	if !o.resume && !o.print {
		o.say(cmd, found(path, set, &o.data)...)
	}
	data := &train.Data{N: set.Len(), H: set.H, W: set.W, C: set.C, Images: set.Images, Labels: set.Labels}
	config, limit, err := o.configuration(cmd, set, data)
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
		Dir: o.out, Name: name, Card: o.card(cmd, path, name), Config: config, Resume: o.resume, Finish: o.finish, Data: data,
		Time: limit, Spent: time.Since(began),
		Steps:     resumedSteps(o.resume && config == nil, o.steps),
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
