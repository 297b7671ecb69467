package sampler

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/settings"
)

// ErrSchedule is wrapped by every error about noise levels. The remedy is to change
// the schedule, not the model.
var ErrSchedule = errors.New("invalid noise schedule")

// MaxSteps is the most steps of a schedule. It limits the work that a request can ask
// for.
const MaxSteps = 1 << 16

// Check returns an error unless sigmas has at least two and at most MaxSteps+1
// levels, which are finite, strictly decreasing and not negative.
func Check(sigmas []float32) error {
	if len(sigmas) < 2 || len(sigmas) > MaxSteps+1 {
		return fmt.Errorf("sampler: %w: the number of noise levels must be between 2 and %d (got %d)", ErrSchedule, MaxSteps+1, len(sigmas))
	}
	if !(sigmas[0] > 0 && sigmas[0] <= math.MaxFloat32) {
		return fmt.Errorf("sampler: %w: sigmas[0] must be positive and finite (got %g)", ErrSchedule, sigmas[0])
	}
	for i := 1; i < len(sigmas); i++ {
		if !(sigmas[i] >= 0 && sigmas[i] < sigmas[i-1]) {
			return fmt.Errorf("sampler: %w: sigmas must be strictly decreasing and not negative (got %g, then sigmas[%d] = %g)",
				ErrSchedule, sigmas[i-1], i, sigmas[i])
		}
	}
	return nil
}

// CheckRange returns an error unless sigmas passes Check and every level but a
// final 0 lies in [sigmaMin, sigmaMax], the range that a model supports.
func CheckRange(sigmas []float32, sigmaMin, sigmaMax float32) error {
	if err := Check(sigmas); err != nil {
		return err
	}
	for i, sigma := range sigmas {
		if sigma != 0 && !(sigma >= sigmaMin && sigma <= sigmaMax) {
			return fmt.Errorf("sampler: %w: noise levels must lie in the model's range [%g, %g] (got sigmas[%d] = %g)",
				ErrSchedule, sigmaMin, sigmaMax, i, sigma)
		}
	}
	return nil
}

func checkSteps(n int) error {
	if n < 1 || n > MaxSteps {
		return asSchedule(settings.Errorf("steps", n, "a whole number from 1 to %d", MaxSteps))
	}
	return nil
}
