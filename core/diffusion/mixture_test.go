package diffusion

import (
	"math"
	"slices"
	"testing"
)

// mixture is a distribution of one pixel with marginals, denoiser and score in closed
// form.
type mixture []component

type component struct{ mean, sd, weight float64 }

// two is not symmetric, so that nothing cancels by chance.
var two = mixture{{-0.6, 0.15, 0.7}, {0.5, 0.25, 0.3}}

// at returns the marginal of a process: a component N(μ, v) becomes N(s·μ, s²·(v+σ²)).
func (m mixture) at(k Kernel) mixture {
	out := slices.Clone(m)
	for i, p := range m {
		out[i].mean, out[i].sd = k.S*p.mean, k.S*math.Hypot(p.sd, k.Sigma)
	}
	return out
}

func (m mixture) density(z float64) (sum float64) {
	for _, p := range m {
		off := (z - p.mean) / p.sd
		sum += p.weight / p.sd * math.Exp(-off*off/2) / math.Sqrt(2*math.Pi)
	}
	return sum
}

func (m mixture) cdf(z float64) (sum float64) {
	for _, p := range m {
		sum += p.weight * math.Erfc((p.mean-z)/p.sd/math.Sqrt2) / 2
	}
	return sum
}

// quantile inverts cdf by bisection.
func (m mixture) quantile(u float64) float64 {
	low, high := -1e4, 1e4
	for range 100 {
		if mid := (low + high) / 2; m.cdf(mid) < u {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// denoised is E[x₀|x] at a noise level.
func (m mixture) denoised(x, sigma float64) float64 {
	var sum, total float64
	largest := math.Inf(-1)
	logs := make([]float64, 0, 4)
	for _, p := range m {
		v := p.sd*p.sd + sigma*sigma
		logs = append(logs, math.Log(p.weight)-math.Log(v)/2-(x-p.mean)*(x-p.mean)/(2*v))
		largest = max(largest, logs[len(logs)-1])
	}
	for i, p := range m {
		w := math.Exp(logs[i] - largest)
		v, s := p.sd*p.sd, sigma*sigma
		sum += w * (v*x + s*p.mean) / (v + s)
		total += w
	}
	return sum / total
}

// sample returns n numbers of the mixture, at n evenly spaced quantiles in order.
func (m mixture) sample(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = m.quantile((float64(i) + 0.5) / float64(n))
	}
	return out
}

// checkDistribution is a Kolmogorov-Smirnov test: for n independent samples the distance
// exceeds 1.95/√n with probability 1/1000.
func checkDistribution(t *testing.T, what string, got []float64, want mixture) {
	t.Helper()
	slices.Sort(got)
	n, worst := float64(len(got)), 0.0
	for i, v := range got {
		u := want.cdf(v)
		worst = math.Max(worst, math.Max(math.Abs(u-float64(i)/n), math.Abs(u-float64(i+1)/n)))
	}
	if bound := 1.95 / math.Sqrt(n); !(worst <= bound) {
		t.Errorf("%s: distance to the exact marginal is %.3g, bound %.3g", what, worst, bound)
	}
}
