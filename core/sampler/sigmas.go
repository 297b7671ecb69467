package sampler

import (
	"errors"
	"fmt"
	"math"
)

// ErrSchedule is wrapped by every error about noise levels: it is the schedule
// that has to change, not the model.
var ErrSchedule = errors.New("invalid noise schedule")

// MaxSteps bounds the steps of a schedule, so that no request asks for an absurd
// amount of work.
const MaxSteps = 1 << 16

// Check returns an error unless sigmas has at least two and at most MaxSteps+1
// levels, the first finite, strictly falling, the last not below 0.
func Check(sigmas []float32) error {
	if len(sigmas) < 2 || len(sigmas) > MaxSteps+1 {
		return fmt.Errorf("sampler: %w: %d noise levels, need 2 to %d", ErrSchedule, len(sigmas), MaxSteps+1)
	}
	if !(sigmas[0] > 0 && sigmas[0] <= math.MaxFloat32) {
		return fmt.Errorf("sampler: %w: sigmas[0] = %g, need a positive finite number", ErrSchedule, sigmas[0])
	}
	for i := 1; i < len(sigmas); i++ {
		if !(sigmas[i] >= 0 && sigmas[i] < sigmas[i-1]) {
			return fmt.Errorf("sampler: %w: sigmas[%d] = %g does not lie in [0, sigmas[%d] = %g)",
				ErrSchedule, i, sigmas[i], i-1, sigmas[i-1])
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
			return fmt.Errorf("sampler: %w: sigmas[%d] = %g is outside the model's range, need [%g, %g]",
				ErrSchedule, i, sigma, sigmaMin, sigmaMax)
		}
	}
	return nil
}

func checkSteps(n int) error {
	if n < 1 || n > MaxSteps {
		return fmt.Errorf("sampler: %w: %d steps, need 1 to %d", ErrSchedule, n, MaxSteps)
	}
	return nil
}
