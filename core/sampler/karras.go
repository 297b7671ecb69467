package sampler

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// Karras returns n noise levels from sigmaMax to sigmaMin, evenly spaced in
// σ^(1/rho), and a final 0: Karras et al. 2022, arXiv:2206.00364, eq. 5. The ends
// are sigmaMax and sigmaMin exactly; one level is sigmaMax. rho is 7 in the paper;
// 1 spaces evenly in σ.
//
// The error wraps ErrSchedule: it names an argument out of range, or levels so
// close that float32 does not tell them apart.
func Karras(n int, sigmaMin, sigmaMax, rho float64) ([]float32, error) {
	if err := checkSteps(n); err != nil {
		return nil, err
	}
	if !(sigmaMin > 0 && sigmaMin < sigmaMax && sigmaMax <= math.MaxFloat32) {
		return nil, fmt.Errorf("sampler: %w: from %g to %g, need 0 < sigma_min < sigma_max, finite", ErrSchedule, sigmaMin, sigmaMax)
	}
	if !(rho >= 1 && rho <= 1000) {
		return nil, fmt.Errorf("sampler: %w: rho is %g, need 1 to 1000", ErrSchedule, rho)
	}
	low, high := num.Pow(sigmaMin, 1/rho), num.Pow(sigmaMax, 1/rho)
	sigmas := make([]float32, n+1)
	for i := range n {
		switch i {
		case 0:
			sigmas[i] = float32(sigmaMax)
		case n - 1:
			sigmas[i] = float32(sigmaMin)
		default:
			part := float64(float64(i) / float64(n-1) * (low - high))
			sigmas[i] = float32(num.Pow(high+part, rho))
		}
	}
	return sigmas, Check(sigmas)
}
