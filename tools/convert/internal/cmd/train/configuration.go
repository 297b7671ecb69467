package train

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/train"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/trainrun"
)

// check checks the flags before any work.
func (o *training) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	if o.saveEvery <= 0 {
		return flags.Misused("--save-every must be more than 0 (got %v)", o.saveEvery)
	}
	if given("time") && o.time <= 0 {
		return flags.Misused("--time must be more than 0, such as 45m or 3h (got %v)", o.time)
	}
	if given("time") && given("steps") {
		return flags.Misused("--time and --steps exclude each other: the run ends after either")
	}
	if o.finish && (!o.resume || given("time") || given("steps")) {
		return flags.Misused("--finish must be combined with --resume, without --time and --steps: it takes no steps")
	}
	if o.resume && o.config == "" {
		for _, flag := range []string{"arch", "objective", "teacher", "process", "augment", "init", "title", "batch", "seed", "rate"} {
			if given(flag) {
				return flags.Misused("--%s cannot be combined with --resume: a run continues with its own configuration", flag)
			}
		}
	}
	if o.config != "" {
		for _, flag := range []string{"arch", "objective", "teacher", "process", "augment", "init"} {
			if given(flag) {
				return flags.Misused("--arch, --objective, --teacher, --process, --augment and --init cannot be combined with --config: the configuration sets them (got --%s)", flag)
			}
		}
	}
	if o.init != "" {
		for _, flag := range []string{"arch", "objective", "teacher", "process"} {
			if given(flag) {
				return flags.Misused("--%s cannot be combined with --init: the model to start from sets it", flag)
			}
		}
	}
	if _, _, err := parseAugment(o.augment); err != nil {
		return err
	}
	if !slices.Contains(objectiveNames(), o.objective) {
		return flags.Misused("--objective must be one of %s (got %q)", strings.Join(objectiveNames(), ", "), o.objective)
	}
	if o.arch == "" {
		return nil
	}
	p, err := choosePreset(o.arch)
	if err == nil && p.ngf > 0 && (given("teacher") || given("process") || given("objective") && o.objective != "ncsn") {
		err = flags.Misused("--arch %s has an objective and a process of its own: remove --objective, --teacher and --process", p.name)
	}
	return err
}

// configuration returns the configuration to train with, nil to continue with the run's own, and
// the time to train for, 0 for until the steps are done.
func (o *training) configuration(cmd *cobra.Command, set *dataset.Dataset, data *train.Data) (*train.Config, time.Duration, error) {
	var c *train.Config
	var err error
	limit := o.time
	switch {
	case o.resume && o.config == "" && !o.print:
		return nil, limit, nil
	case o.resume && o.config == "":
		c, err = readConfig(filepath.Join(o.out, "config.json"))
	case o.config != "":
		c, err = readConfig(o.config)
		if err == nil && o.time > 0 && !o.resume {
			err = o.fill(cmd, c, data)
		}
	default:
		c, limit, err = o.planned(cmd, set, data)
	}
	if err != nil {
		return nil, 0, err
	}
	given := cmd.Flags().Changed
	if given("steps") {
		c.Steps, c.WarmUp = o.steps, min(c.WarmUp, max(0, o.steps))
		if o.config == "" && !o.resume {
			setWarmUp(c)
		}
	}
	if given("title") {
		c.Model.Title = o.title
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
		return nil, 0, flags.AsMisuse(err)
	}
	return c, limit, nil
}

// planned returns a configuration for the data, and the time to train for.
func (o *training) planned(cmd *cobra.Command, set *dataset.Dataset, data *train.Data) (*train.Config, time.Duration, error) {
	flip, shift, err := o.augmentation(cmd, set)
	if err != nil {
		return nil, 0, err
	}
	build := func(p preset) (*train.Config, error) {
		if o.from != nil {
			return o.tuned(set, flip, shift)
		}
		c, err := p.config(set)
		if err != nil {
			return nil, err
		}
		c.Flip, c.Shift = flip, shift
		if p.ngf > 0 {
			return c, nil
		}
		if err := setObjective(c, o.objective, o.teacher, o.process); err != nil {
			return nil, err
		}
		setSchedule(c, set.Len())
		if err := c.Validate(); err != nil {
			return nil, flags.AsMisuse(err)
		}
		return c, nil
	}
	choice := candidates()
	if o.from != nil {
		choice = []preset{{name: "of " + o.init, rate: tunedRate}}
	} else if o.arch != "" {
		p, err := choosePreset(o.arch)
		if err != nil {
			return nil, 0, err
		}
		choice = []preset{p}
	}
	given := cmd.Flags().Changed
	if given("steps") || o.time == 0 && len(choice) == 1 && choice[0].steps > 0 {
		p := choice[0]
		if len(choice) > 1 {
			p = presets[0]
		}
		c, err := build(p)
		if err == nil {
			setWarmUp(c)
		}
		return c, 0, err
	}
	limit := o.time
	if limit == 0 {
		limit = usualTime
	}
	o.say(cmd, "measuring how fast this machine trains")
	p, err := newPlan(cmd.Context(), trainrun.Measure, choice, build, data, limit, o.time > 0)
	if err != nil {
		return nil, 0, err
	}
	if given("batch") && o.batch > 0 {
		p.config.Steps = max(1, p.config.Steps*p.config.Batch/o.batch)
		p.config.Batch = o.batch
		setWarmUp(p.config)
	}
	o.say(cmd, p.words()...)
	return p.config, p.time, nil
}

// fill sets the steps of a configuration to those that --time allows.
func (o *training) fill(cmd *cobra.Command, c *train.Config, data *train.Data) error {
	image, err := trainrun.Measure(cmd.Context(), c, data)
	if err != nil {
		return err
	}
	c.Steps = max(1, int(forSteps*float64(o.time)/float64(max(1, image*time.Duration(c.Batch)))))
	c.WarmUp = min(c.WarmUp, c.Steps/2)
	p := plan{preset: preset{name: "of the configuration"}, config: c, data: data, image: image, time: o.time}
	if err := p.size(); err != nil {
		return err
	}
	o.say(cmd, p.words()...)
	return nil
}

// setSchedule gives a preset's configuration for n pictures a learning rate that does not depend
// on the number of steps, averages of several widths, and held-out pictures to choose from them,
// as far as its objective allows.
func setSchedule(c *train.Config, n int) {
	extendable := *c
	if extendable.Decay = "none"; !extendable.Extendable() {
		return // the noise levels depend on the number of steps
	}
	c.Decay, c.DecayFrom = "sqrt", max(1, c.Steps/4)
	if !c.CanHoldOut() {
		return
	}
	c.Average, c.Averages = 0, []float64{0.05, 0.1, 0.2}
	if n >= fewest {
		c.HeldOut = min(128, n/20)
	}
}

// fewest is the smallest number of pictures of which some are held out.
const fewest = 100

// say prints lines for people.
func (o *training) say(cmd *cobra.Command, lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(cmd.ErrOrStderr(), line)
	}
}

// resumedSteps returns the new number of steps of a run that continues with its own configuration,
// 0 for its own.
func resumedSteps(resumed bool, steps int) int {
	if !resumed {
		return 0
	}
	return steps
}
