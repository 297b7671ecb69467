package diffusion

import (
	"fmt"
	"math"
	"sort"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Chain is a variance-preserving process in discrete time, computed from a Schedule:
// z_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε for t = 0 … T−1 (Ho et al. 2020, eq. 4, where t counts
// from 1). It is read only.
type Chain struct {
	Betas         []float64 // β_t, the variance that step t adds
	AlphasCumprod []float64 // ᾱ_t = Π (1−β_i), i ≤ t
	Sigmas        []float64 // σ_t = √((1−ᾱ_t)/ᾱ_t), increasing

	logSigmas []float64 // ln σ_t
}

// NewChain computes the chain of a schedule. The error is one of Validate, or names
// the first step whose noise level is not above the previous one in float32.
func NewChain(s Schedule) (*Chain, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	c, alphaCumprod := &Chain{}, 1.0
	for _, beta := range s.betas() {
		alphaCumprod = float64(alphaCumprod * (1 - beta)) // the conversion prevents a fused 1 − ᾱ
		if err := c.add(beta, alphaCumprod, math.Sqrt((1-alphaCumprod)/alphaCumprod)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Chain returns the chain of T ≥ 2 steps at evenly spaced times of p, from the noise
// level low to high. The discrete-time bound and sampler of Kingma et al. 2021, section
// 3.2, are those of such a chain. The error names a level outside p, or the first step
// whose level is not above the previous one in float32.
func (p Variational) Chain(T int, low, high float32) (*Chain, error) {
	if T < 2 {
		return nil, fmt.Errorf("diffusion: a chain of a process must have at least 2 steps (got %d)", T)
	}
	first, err := p.Time(low)
	if err != nil {
		return nil, err
	}
	last, err := p.Time(high)
	if err != nil {
		return nil, err
	}
	sigmas := make([]float64, T)
	for t := range sigmas {
		sigma := p.Kernel(first + float64((last-first)*float64(t)/float64(T-1))).Sigma
		sigmas[t] = max(float64(low), min(sigma, float64(high))) // Time has a rounding error
	}
	sigmas[T-1] = float64(high)
	return ChainAt(sigmas)
}

// ChainAt returns the chain with the given increasing noise levels, ᾱ_t = 1/(1+σ_t²): a
// discrete process for a model that was trained in continuous time. The error names the
// first level that is not above the previous one in float32.
func ChainAt(sigmas []float64) (*Chain, error) {
	c, before := &Chain{}, 0.0
	for _, sigma := range sigmas {
		variance := float64(sigma * sigma)
		if err := c.add((variance-before)/(1+variance), 1/(1+variance), sigma); err != nil {
			return nil, err
		}
		before = variance
	}
	return c, nil
}

// Rescaled returns the chain of pixels in units that are scale times as large: σ_t/scale.
func (c *Chain) Rescaled(scale float64) (*Chain, error) {
	sigmas := make([]float64, len(c.Sigmas))
	for t, sigma := range c.Sigmas {
		sigmas[t] = sigma / scale
	}
	return ChainAt(sigmas)
}

// add appends a step.
func (c *Chain) add(beta, alphaCumprod, sigma float64) error {
	before, t := float32(0), len(c.Sigmas)
	if t > 0 {
		before = float32(c.Sigmas[t-1])
	}
	if !(float32(sigma) > before && float32(sigma) <= math.MaxFloat32) {
		return fmt.Errorf("diffusion: schedule: noise levels must increase and fit float32 (got %g after %g at step %d)", sigma, before, t)
	}
	c.Betas, c.AlphasCumprod = append(c.Betas, beta), append(c.AlphasCumprod, alphaCumprod)
	c.Sigmas, c.logSigmas = append(c.Sigmas, sigma), append(c.logSigmas, num.Log(sigma))
	return nil
}

// Steps returns T.
func (c *Chain) Steps() int { return len(c.Sigmas) }

// SigmaRange returns the lowest and the highest noise level of the chain.
func (c *Chain) SigmaRange() (lowest, highest float32) {
	return float32(c.Sigmas[0]), float32(c.Sigmas[len(c.Sigmas)-1])
}

// Sigma returns the noise level at time t, 0 ≤ t ≤ T−1: σ_t for an integer t, with
// linear interpolation of ln σ in between. It panics outside the chain.
func (c *Chain) Sigma(t float64) float64 {
	if !(t >= 0 && t <= float64(len(c.Sigmas)-1)) {
		panic("diffusion: Chain.Sigma: t must lie in [0, T−1]")
	}
	i := int(t)
	part := t - float64(i)
	if part == 0 {
		return c.Sigmas[i]
	}
	rise := float64(part * (c.logSigmas[i+1] - c.logSigmas[i]))
	return num.Exp(c.logSigmas[i] + rise)
}

// Time returns the t of a noise level, the inverse of Sigma. It is an integer where
// sigma is a σ_t rounded to float32, and lies between two steps otherwise. The error
// names a level outside SigmaRange.
func (c *Chain) Time(sigma float32) (float64, error) {
	lowest, highest := c.SigmaRange()
	if !(sigma >= lowest && sigma <= highest) {
		return 0, fmt.Errorf("diffusion: the noise level must lie in the chain's range [%g, %g] (got %g)", lowest, highest, sigma)
	}
	// The first step whose level is not below sigma in float32.
	i := sort.Search(len(c.Sigmas), func(i int) bool { return float32(c.Sigmas[i]) >= sigma })
	if float32(c.Sigmas[i]) == sigma {
		return float64(i), nil
	}
	over := num.Log(float64(sigma)) - c.logSigmas[i-1]
	return float64(i-1) + over/(c.logSigmas[i]-c.logSigmas[i-1]), nil
}

// Perturb returns x₀ + σ·ε, a new tensor: the forward process in the coordinates
// of this package. Multiplied by √ᾱ_t it is z_t of a chain. It panics unless the
// shapes are equal.
func Perturb(x0, eps *tensor.Tensor, sigma float32) *tensor.Tensor {
	return x0.AddScaled(sigma, eps)
}
