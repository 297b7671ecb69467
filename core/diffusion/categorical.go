package diffusion

import (
	"errors"
	"fmt"
	"math"
)

// Categorical is a discrete-time process on pixels that take K values: D3PM of
// Austin et al. 2021, arXiv:2107.03006. At step t each pixel is independently
// resampled from Target with probability β_t, and otherwise stays:
//
//	Q_t = (1−β_t)·I + β_t·1πᵀ,   [Q_t]_ij = q(x_t = j|x_{t−1} = i)
//
// UniformTarget and AbsorbingTarget are the paper's appendix A.2.1 and A.2.2. As
// 1πᵀ is its own square, steps multiply to Q̄_t = Q_1 … Q_t = ᾱ_t·I + (1−ᾱ_t)·1πᵀ,
// so no K×K matrix is needed. Steps are numbered 1 … T, as in the paper; t = 0 is
// the data.
type Categorical struct {
	Target        []float64 // π, of length K: the distribution that x_t approaches
	Betas         []float64 // β_t at index t−1
	AlphasCumprod []float64 // ᾱ_t at index t, T+1 of them, ᾱ_0 = 1
}

// NewCategorical returns the process of T = len(betas) steps. It keeps target and
// betas. The error names the first number that is not a probability.
func NewCategorical(target, betas []float64) (*Categorical, error) {
	sum := 0.0
	for i, p := range target {
		if !(p >= 0 && p <= 1) {
			return nil, fmt.Errorf("diffusion: categorical: target[%d] must lie in [0, 1] (got %g)", i, p)
		}
		sum += p
	}
	if len(target) < 2 || !(math.Abs(sum-1) <= 1e-9) {
		return nil, fmt.Errorf("diffusion: categorical: target must have at least two probabilities that add up to 1 (got %d that add up to %g)", len(target), sum)
	}
	if len(betas) == 0 {
		return nil, errors.New("diffusion: categorical: betas must have at least one step (got none)")
	}
	c := &Categorical{Target: target, Betas: betas, AlphasCumprod: make([]float64, len(betas)+1)}
	c.AlphasCumprod[0] = 1
	for i, b := range betas {
		if !(b >= 0 && b <= 1) {
			return nil, fmt.Errorf("diffusion: categorical: betas[%d] must lie in [0, 1] (got %g)", i, b)
		}
		c.AlphasCumprod[i+1] = float64(c.AlphasCumprod[i] * (1 - b))
	}
	return c, nil
}

// UniformTarget returns π of the uniform process: all k values are equally likely.
// With k = 2 it is the binomial process of Sohl-Dickstein et al. 2015 (see
// thermodynamicBetas).
func UniformTarget(k int) []float64 {
	target := make([]float64, k)
	for i := range target {
		target[i] = 1 / float64(k)
	}
	return target
}

// AbsorbingTarget returns π of the absorbing process: the value mask has probability
// 1. The data do not contain it, and a masked pixel stays masked.
func AbsorbingTarget(k, mask int) []float64 {
	target := make([]float64, k)
	target[mask] = 1
	return target
}

// AbsorbingBetas returns β_t = 1/(T−t+1), so that a pixel is masked after step t with
// probability t/T (Austin et al. 2021, section 3.1; Sohl-Dickstein et al. 2015).
func AbsorbingBetas(steps int) []float64 {
	betas := make([]float64, steps)
	for i := range betas {
		betas[i] = 1 / float64(steps-i)
	}
	return betas
}

// Steps returns T.
func (c *Categorical) Steps() int { return len(c.Betas) }

// Transition returns q(x_t = j|x_{t−1} = i), the entry of Q_t, 1 ≤ t ≤ T.
func (c *Categorical) Transition(t, i, j int) float64 { return c.mix(1-c.Betas[t-1], i, j) }

// Marginal returns q(x_t = j|x_0 = i), the entry of Q̄_t, 0 ≤ t ≤ T.
func (c *Categorical) Marginal(t, i, j int) float64 { return c.mix(c.AlphasCumprod[t], i, j) }

// mix returns entry i, j of stay·I + (1−stay)·1πᵀ.
func (c *Categorical) mix(stay float64, i, j int) float64 {
	p := float64((1 - stay) * c.Target[j])
	if i == j {
		p += stay
	}
	return p
}

// Sample returns x_t given x_0 and a random number u, uniform on [0,1).
func (c *Categorical) Sample(t, x0 int, u float64) int {
	for j := range c.Target {
		if u -= c.Marginal(t, x0, j); u < 0 {
			return j
		}
	}
	return x0 // the sum was below 1 by rounding; x_0 is possible unless ᾱ = 0
}

// Posterior writes q(x_{t−1}|x_t, x_0) to dst (Austin et al. 2021, eq. 3), for each of
// the K values, 1 ≤ t ≤ T. It returns false, and zeros, if x_t cannot come from x_0.
func (c *Categorical) Posterior(dst []float64, t, xt, x0 int) bool {
	total := 0.0
	for i := range dst {
		dst[i] = c.Transition(t, i, xt) * c.Marginal(t-1, x0, i)
		total += dst[i]
	}
	if total == 0 {
		return false
	}
	for i := range dst {
		dst[i] /= total
	}
	return true
}

// Reverse writes p(x_{t−1}|x_t) to dst: the posterior, averaged over clean, a
// network's probabilities of each x_0 given x_t. With the exact probabilities it is
// the exact reverse step. Austin et al. 2021, eq. 4, weights each x_0 by q(x_t|x_0)
// once more: for networks trained that way, multiply clean by Marginal. It returns
// false, and zeros, if x_t cannot come from any x_0 in clean.
func (c *Categorical) Reverse(dst []float64, t, xt int, clean []float64) bool {
	total := 0.0
	clear(dst)
	for x0, p := range clean {
		arrive := c.Marginal(t, x0, xt)
		if p == 0 || arrive == 0 {
			continue
		}
		total += p
		for i := range dst {
			dst[i] += float64(p / arrive * c.Transition(t, i, xt) * c.Marginal(t-1, x0, i))
		}
	}
	if total == 0 {
		return false
	}
	for i := range dst {
		dst[i] /= total
	}
	return true
}
