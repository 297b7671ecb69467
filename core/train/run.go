package train

import (
	"context"
	"fmt"
)

// Run takes the steps that are left. onStep, if not nil, is called after each with the
// number of steps taken and the loss. When ctx is done the error wraps its cause; the
// trainer can go on later, and State keeps it.
func (t *Trainer) Run(ctx context.Context, onStep func(done int, loss float64)) error {
	for t.done < t.config.Steps {
		if ctx.Err() != nil {
			return fmt.Errorf("train: stopped after step %d of %d: %w", t.done, t.config.Steps, context.Cause(ctx))
		}
		loss, err := t.Step()
		if err != nil {
			return err
		}
		if onStep != nil {
			onStep(t.done, loss)
		}
	}
	return nil
}
