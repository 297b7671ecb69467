package trainrun

import (
	"context"
	"time"

	"tweedie/core/train"
)

// Measure returns how long training takes for one picture of d with the configuration c. It
// trains a copy for at most a few seconds, at least three steps. The error is that of a step, or
// the cause of ctx.
func Measure(ctx context.Context, c *train.Config, d *train.Data) (time.Duration, error) {
	text, err := c.JSON()
	if err != nil {
		return 0, err
	}
	own, err := train.ParseConfig(text)
	if err != nil {
		return 0, err
	}
	own.Batch = min(own.Batch, measuredBatch)
	r := &run{Options: Options{Config: own, Data: d}}
	teacher, err := r.teacher()
	if err != nil {
		return 0, err
	}
	t, err := train.New(own, d, teacher)
	if err != nil {
		return 0, err
	}
	if _, err := t.StepContext(ctx); err != nil { // the first step allocates
		return 0, err
	}
	began, steps := time.Now(), 0
	for steps < 2 || time.Since(began) < measuredTime {
		if _, err := t.StepContext(ctx); err != nil {
			return 0, err
		}
		steps++
	}
	return time.Since(began) / time.Duration(steps*own.Batch), nil
}

// Steps of so many pictures are measured for so long.
const (
	measuredBatch = 64
	measuredTime  = 2 * time.Second
)
