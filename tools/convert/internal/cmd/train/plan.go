package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"tweedie/core/graph"
	"tweedie/core/train"
)

// usualTime is how long a run takes at most if neither --time nor --steps says so.
const usualTime = time.Hour

// Without --time a run ends when it has drawn every picture so many times, but not before so many
// draws: more hardly helps, and memorises small sets.
const (
	usualPasses = 200
	usualDraws  = 64000
)

// plan is what a run will take on this machine.
type plan struct {
	preset preset
	config *train.Config
	data   *train.Data
	image  time.Duration // of training for one picture, measured
	time   time.Duration // to train for; 0 means until the steps are done
	params int
	flops  int64 // of one pass forward for one picture
	capped bool  // by passes over the data
}

// measureFunc returns how long training takes for one picture: trainrun.Measure.
type measureFunc func(context.Context, *train.Config, *train.Data) (time.Duration, error)

// newPlan returns a plan of steps, batch and network for a limit of time. candidates are the
// networks to choose from, and build makes a configuration of one. strict says that the time was
// asked for; otherwise the run also ends after usualPasses.
//
// The speed is measured on the first candidate, and estimated for the others by their operations;
// the one that is chosen is measured too.
func newPlan(ctx context.Context, measure measureFunc, candidates []preset, build func(preset) (*train.Config, error), d *train.Data, limit time.Duration, strict bool) (*plan, error) {
	p := &plan{data: d, time: limit}
	var first *plan
	for i, c := range candidates {
		next := &plan{preset: c}
		var err error
		if next.config, err = build(c); err != nil {
			return nil, err
		}
		if err := next.size(); err != nil {
			return nil, err
		}
		if i == 0 {
			if next.image, err = measure(ctx, next.config, d); err != nil {
				return nil, err
			}
			first = next
		} else {
			next.image = time.Duration(float64(first.image) * float64(next.flops) / float64(first.flops))
		}
		if i == 0 || next.suits(limit) {
			p.preset, p.config, p.image, p.params, p.flops = c, next.config, next.image, next.params, next.flops
		}
	}
	if p.preset.name != candidates[0].name {
		var err error
		if p.image, err = measure(ctx, p.config, d); err != nil {
			return nil, err
		}
	}
	draws := int(forSteps * float64(limit) / float64(max(1, p.image)))
	if most := max(usualPasses*d.N, usualDraws); !strict && draws > most {
		draws, p.capped, p.time = most, true, 0
	}
	p.setSteps(draws)
	return p, nil
}

// size counts parameters and operations.
func (p *plan) size() error {
	net, err := p.config.Model.Build()
	if err != nil {
		return err
	}
	cost := graph.CostOf(net.Program)
	p.params, p.flops = int(cost.Params), cost.FLOPs
	return nil
}

// drawsPerParameter is how many pictures a network is shown for each of its parameters, at least,
// before a larger one pays.
const drawsPerParameter = 0.4

// suits reports whether the network sees enough pictures within the limit.
func (p *plan) suits(limit time.Duration) bool {
	return forSteps*float64(limit)/float64(max(1, p.image)) >= drawsPerParameter*float64(p.params)
}

// A run has so many steps if batches of a size from smallest to largest allow it.
const (
	plannedSteps  = 4000
	smallestBatch = 16
	largestBatch  = 128
)

// forSteps is the part of the time for steps; the rest is for sheets of samples.
const forSteps = 0.9

// setSteps divides draws into steps.
func (p *plan) setSteps(draws int) {
	c := p.config
	if p.preset.ngf == 0 {
		c.Batch = smallestBatch
		for c.Batch < largestBatch && draws/(2*c.Batch) >= plannedSteps {
			c.Batch *= 2
		}
		c.LearningRate = cmp.Or(p.preset.rate, plannedRate)
	}
	c.Steps = max(1, draws/c.Batch)
	setWarmUp(c)
}

// plannedRate is the learning rate of networks that have none of their own.
const plannedRate = 2e-3

// setWarmUp sets the parts of the learning rate's schedule by the number of steps.
func setWarmUp(c *train.Config) {
	c.WarmUp = min(500, c.Steps/10)
	if c.Decay == "sqrt" {
		c.DecayFrom = max(1, c.Steps/4)
	}
}

// words says what the plan is, in one line each.
func (p *plan) words() []string {
	c := p.config
	draws := c.Steps * c.Batch
	took := time.Duration(float64(draws) / forSteps * float64(p.image))
	lines := []string{
		fmt.Sprintf("network %s: %.2g million parameters, %.0f pictures a second on %d cores (measured)", p.preset.name, float64(p.params)/1e6, float64(time.Second)/float64(max(1, p.image)), runtime.GOMAXPROCS(0)),
		fmt.Sprintf("plan: %d steps of %d pictures in about %s, %s over %d pictures", c.Steps, c.Batch, roughly(cmp.Or(p.time, took)), passes(draws, p.data.N), p.data.N),
	}
	if p.capped {
		lines = append(lines, fmt.Sprintf("which is all that %d pictures are good for; --time trains longer", p.data.N))
	}
	return append(lines, expectation(draws))
}

// expectation says what images look like after so many draws.
func expectation(draws int) string {
	switch {
	case draws < 100_000:
		return "expect colours and rough shapes; for more, give it more --time"
	case draws < 600_000:
		return "expect recognisable pictures of simple motifs, with errors; more --time improves them"
	}
	return "expect pictures close to the data, if these are many and alike"
}

// passes says how often every picture is drawn.
func passes(draws, n int) string {
	if v := float64(draws) / float64(max(1, n)); v < 10 {
		return fmt.Sprintf("%.1f passes", v)
	}
	return fmt.Sprintf("%d passes", draws/max(1, n))
}

// roughly rounds a duration for people.
func roughly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(math.Round(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(math.Round(d.Minutes())))
	}
	return fmt.Sprintf("%.1f hours", d.Hours())
}
