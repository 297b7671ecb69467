package trainrun

import (
	"context"
	"time"

	"tweedie/core/train"
)

// Measure returns how long training takes for one picture of d with the configuration c. It
// trains a copy for a few seconds, or as long as three small steps take. The error is that of a
// step, or the cause of ctx.
func Measure(ctx context.Context, c *train.Config, d *train.Data) (image time.Duration, err error) {
	for _, batch := range measuredBatches {
		if image, err = measure(ctx, c, d, batch); err != nil || image*time.Duration(batch) > measuredTime/4 {
			return image, err
		}
	}
	return image, nil
}

// measure is Measure with steps of a batch of at most so many pictures.
func measure(ctx context.Context, c *train.Config, d *train.Data, batch int) (time.Duration, error) {
	text, err := c.JSON()
	if err != nil {
		return 0, err
	}
	own, err := train.ParseConfig(text)
	if err != nil {
		return 0, err
	}
	own.Batch = min(own.Batch, batch)
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

// Steps are measured for so long, two of them at least.
const measuredTime = 2 * time.Second

// measuredBatches are batches for slow networks and for others, whose cores are used better.
var measuredBatches = []int{16, 64}
