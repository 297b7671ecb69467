package sampler

import (
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Restarts are the settings of Restart. A zero means the default, which is the paper's for CIFAR-10
// (Xu et al. 2023, Table 3).
type Restarts struct {
	RestartCount int     `json:"restarts,omitempty"`      // K, the times that sampling goes back, 1 to 100; 0 means 2
	RestartSteps int     `json:"restart_steps,omitempty"` // steps of each return, 1 to 100; 0 means 3
	RestartMin   float64 `json:"restart_tmin,omitempty"`  // noise level from which it goes back; 0 means 0.06
	RestartMax   float64 `json:"restart_tmax,omitempty"`  // noise level to which it goes back, above RestartMin; 0 means 5·RestartMin
}

// withDefaults returns r with its defaults.
func (r Restarts) withDefaults() Restarts {
	if r.RestartCount == 0 {
		r.RestartCount = 2
	}
	if r.RestartSteps == 0 {
		r.RestartSteps = 3
	}
	if r.RestartMin == 0 {
		r.RestartMin = 0.06
	}
	if r.RestartMax == 0 {
		r.RestartMax = 5 * r.RestartMin
	}
	return r
}

// nfe returns the evaluations of all returns.
func (r Restarts) nfe() int {
	r = r.withDefaults()
	return 2 * r.RestartCount * r.RestartSteps
}

// Restart is the sampler of Xu et al. 2023, arXiv:2306.14878, Algorithm 2: Heun's method, and at one low
// level t_min, K times, noise up to t_max and Heun's method back,
//
//	x ← x + √(t_max² − t_min²)·z,   then the ODE from t_max to t_min along Karras' levels
//
// The noise contracts the errors of earlier steps, and the ODE adds few in so short an interval. t_min
// is the level of sigmas above 0 that is nearest to restarts.RestartMin in ln σ, but not the first; t_max is
// restarts.RestartMax, or where that is not above t_min, t_min·RestartMax/RestartMin, and sigmas[0] at most.
//
//	x         [N,H,W,C]: noise of standard deviation sigmas[0]; left unchanged
//	sigmas    [K+1]: see Check
//	noise     StreamStep+i+k·StreamInner is drawn for return k, from 1, after step i, which ends at t_min
//
// It calls denoise 2K times, once fewer when sigmas ends in 0, and twice more for each step of a
// return. Errors of denoise and of the hook are returned unchanged; an error about sigmas wraps
// ErrSchedule.
func Restart(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, restarts Restarts, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return restart(denoise, x, sigmas, sigmas, restarts, noise, hook)
}

// restart is Restart for a stretch of the schedule whole: t_min is a level of whole.
func restart(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas, whole []float32, restarts Restarts, noise Noise, hook Hook) (*tensor.Tensor, error) {
	noise, err := noise.checked(x)
	if err != nil {
		return nil, err
	}
	r := restarts.withDefaults()
	if !(r.RestartMin > 0 && r.RestartMax > r.RestartMin) || r.RestartCount < 1 || r.RestartSteps < 1 || r.RestartCount > maxInner {
		return nil, fmt.Errorf("sampler: restarts must be 1 to %d returns of 1 or more steps, from a level above 0 to a higher one (got %+v)", maxInner, restarts)
	}
	low := r.level(whole)
	high := r.RestartMax
	if !(high > low) {
		high = low * r.RestartMax / r.RestartMin
	}
	return walk(denoise, x, sigmas, hook, func(i int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		x, err := heunStep(denoise, x, denoised, sigma, sigmaNext)
		if err != nil || float64(sigmaNext) != low {
			return x, err
		}
		levels, err := Karras(r.RestartSteps+1, low, min(high, float64(whole[0])), defaultRho)
		if err != nil {
			return nil, err
		}
		levels = levels[:r.RestartSteps+1]
		up := math.Sqrt((float64(levels[0]) - low) * (float64(levels[0]) + low))
		for k := range uint32(r.RestartCount) {
			x = x.AddScaled(float32(up), noise(StreamStep+uint32(i)+(k+1)*StreamInner))
			if x, err = Heun(denoise, x, levels, Churn{}, nil, nil); err != nil {
				return nil, err
			}
		}
		return x, nil
	})
}

// level returns t_min for a schedule, or 0 if it has none: no level above 0 but the first.
func (r Restarts) level(whole []float32) float64 {
	nearest, least := 0.0, math.Inf(1)
	for _, s := range whole[min(1, len(whole)):] {
		level := float64(s)
		if ratio := max(level/r.RestartMin, r.RestartMin/level); level > 0 && ratio < least {
			nearest, least = level, ratio
		}
	}
	return nearest
}
