package sampler

import (
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/settings"
)

// Spacing chooses n of the T steps of a chain, in increasing order and counted from
// 0; 1 ≤ n ≤ T. Leading, Trailing and Linspace are the three choices of Lin et al.
// 2023, arXiv:2305.08891, Table 2.
type Spacing func(n, T int) []int

// Leading takes every ⌊T/n⌋-th step from 0 on. It rarely includes the noisiest step.
func Leading(n, T int) []int {
	times := make([]int, n)
	for i := range times {
		times[i] = i * (T / n)
	}
	return times
}

// Trailing counts back from the noisiest step in strides of T/n, rounded half to
// even. A single step is the noisiest.
func Trailing(n, T int) []int {
	times := make([]int, n)
	for i := range times {
		back := float64(i) * float64(T) / float64(n)
		times[n-1-i] = int(math.RoundToEven(float64(T)-back)) - 1
	}
	return times
}

// Linspace spaces n steps evenly and includes both ends, rounded half to even. A
// single step is the noisiest.
func Linspace(n, T int) []int {
	times := make([]int, n)
	for i := range times {
		times[i] = T - 1
		if n > 1 {
			times[i] = int(math.RoundToEven(float64(i) * float64(T-1) / float64(n-1)))
		}
	}
	return times
}

// Timesteps returns the noise levels of n steps of a chain, the noisiest first,
// and a final 0. With n = T it is the whole chain. The error wraps ErrSchedule.
func Timesteps(chain *diffusion.Chain, n int, spacing Spacing) ([]float32, error) {
	if chain == nil || spacing == nil {
		return nil, fmt.Errorf("sampler: %w: the chain and the spacing must not be nil", ErrSchedule)
	}
	if err := checkSteps(n); err != nil {
		return nil, err
	}
	if n > chain.Steps() {
		return nil, asSchedule(settings.Errorf("steps", n, "at most %d, the length of the model's chain", chain.Steps()))
	}
	sigmas := make([]float32, n+1)
	for i, t := range spacing(n, chain.Steps()) {
		sigmas[n-1-i] = float32(chain.Sigmas[t])
	}
	return sigmas, Check(sigmas)
}
