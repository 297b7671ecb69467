package diffusion

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// categoricals returns processes small enough to enumerate every path.
func categoricals(t *testing.T) map[string]*Categorical {
	t.Helper()
	out := map[string]*Categorical{}
	for _, c := range []struct {
		name          string
		target, betas []float64
	}{
		{"uniform", UniformTarget(4), []float64{0.1, 0.3, 0.2, 0.6}},
		{"absorbing", AbsorbingTarget(4, 3), AbsorbingBetas(4)},
		{"binomial", UniformTarget(2), AbsorbingBetas(5)},
		{"other", []float64{0.5, 0.2, 0.3}, []float64{0.05, 0, 0.5}},
	} {
		p, err := NewCategorical(c.target, c.betas)
		if err != nil {
			t.Fatal(err)
		}
		out[c.name] = p
	}
	return out
}

// matrix returns the paper's Q_t in full.
func matrix(name string, p *Categorical, t int) [][]float64 {
	k, beta := len(p.Target), p.Betas[t-1]
	q := make([][]float64, k)
	for i := range q {
		q[i] = make([]float64, k)
		for j := range q[i] {
			switch name {
			case "uniform", "binomial": // appendix A.2.1: 1 − (K−1)/K·β on the diagonal, β/K off it
				q[i][j] = beta / float64(k)
				if i == j {
					q[i][j] = 1 - float64(k-1)/float64(k)*beta
				}
			case "absorbing": // appendix A.2.2: 1 where i = j = m, 1−β where i = j ≠ m, β where j = m ≠ i
				switch {
				case i == 3 && j == 3:
					q[i][j] = 1
				case i == j:
					q[i][j] = 1 - beta
				case j == 3:
					q[i][j] = beta
				}
			default:
				q[i][j] = beta * p.Target[j]
				if i == j {
					q[i][j] += 1 - beta
				}
			}
		}
	}
	return q
}

// paths returns the total probability of the paths x_0 … x_n for which keep is true.
func paths(qs [][][]float64, x0 int, keep func(path []int) bool) float64 {
	total := 0.0
	var walk func(path []int, p float64)
	walk = func(path []int, p float64) {
		if n := len(path) - 1; n < len(qs) {
			for j, step := range qs[n][path[n]] {
				walk(append(path, j), p*step)
			}
		} else if keep(path) {
			total += p
		}
	}
	walk([]int{x0}, 1)
	return total
}

// Transitions, marginals and posteriors agree with the paper's matrices, summed over all
// paths.
func TestCategoricalMatchesPathSums(t *testing.T) {
	for name, p := range categoricals(t) {
		k := len(p.Target)
		posterior := make([]float64, k)
		for step := 1; step <= p.Steps(); step++ {
			var qs [][][]float64
			for s := 1; s <= step; s++ {
				qs = append(qs, matrix(name, p, s))
			}
			for i := range k {
				for j := range k {
					what := fmt.Sprintf("%s, step %d, %d to %d", name, step, i, j)
					if got, want := p.Transition(step, i, j), qs[step-1][i][j]; !(math.Abs(got-want) <= 1e-15) {
						t.Errorf("%s: transition %g, want %g", what, got, want)
					}
					arrive := paths(qs, i, func(path []int) bool { return path[step] == j })
					if got := p.Marginal(step, i, j); !(math.Abs(got-arrive) <= 1e-14) {
						t.Errorf("%s: marginal %g, paths give %g", what, got, arrive)
					}
					if possible := p.Posterior(posterior, step, j, i); possible != (arrive > 0) {
						t.Errorf("%s: possible is %v, paths give %g", what, possible, arrive)
					} else if !possible {
						continue
					}
					for m := range k {
						want := paths(qs, i, func(path []int) bool { return path[step] == j && path[step-1] == m }) / arrive
						if !(math.Abs(posterior[m]-want) <= 1e-14) {
							t.Errorf("%s: posterior of %d is %g, paths give %g", what, m, posterior[m], want)
						}
					}
				}
			}
		}
	}
}

// The reverse step with the exact distribution of x_0 given x_t is the exact reverse step:
// Bayes' rule, summed over all paths, for some distribution of the data.
func TestCategoricalReverse(t *testing.T) {
	for name, p := range categoricals(t) {
		k, step := len(p.Target), p.Steps()-1
		law := []float64{0.1, 0.6, 0.3, 0}[:k]
		if k == 2 {
			law = []float64{0.2, 0.8}
		}
		var qs [][][]float64
		for s := 1; s <= step; s++ {
			qs = append(qs, matrix(name, p, s))
		}
		for xt := range k {
			total, want, clean, got := 0.0, make([]float64, k), make([]float64, k), make([]float64, k)
			for x0, w := range law {
				for m := range k {
					v := w * paths(qs, x0, func(path []int) bool { return path[step] == xt && path[step-1] == m })
					want[m] += v
					clean[x0] += v
					total += v
				}
			}
			for x0 := range clean {
				clean[x0] /= total
			}
			if !p.Reverse(got, step, xt, clean) {
				t.Fatalf("%s: no way to reach %d", name, xt)
			}
			for m := range k {
				if !(math.Abs(got[m]-want[m]/total) <= 1e-14) {
					t.Errorf("%s: reverse from %d to %d is %g, want %g", name, xt, m, got[m], want[m]/total)
				}
			}
		}
	}
	p := categoricals(t)["absorbing"]
	if dst := []float64{1, 1, 1, 1}; p.Reverse(dst, 2, 0, []float64{0, 1, 0, 0}) || dst[0] != 0 {
		t.Errorf("value 0 from value 1 alone: got %v, want none", dst)
	}
}

func TestCategoricalSample(t *testing.T) {
	const n = 20000
	rng := rand.New(rand.NewPCG(1, 1))
	for name, p := range categoricals(t) {
		step := p.Steps() / 2
		counts := make([]float64, len(p.Target))
		for range n {
			counts[p.Sample(step, 1, rng.Float64())]++
		}
		for j, got := range counts {
			q := p.Marginal(step, 1, j)
			if bound := 5 * math.Sqrt(n*q*(1-q)); !(math.Abs(got-n*q) <= bound) {
				t.Errorf("%s: value %d was drawn %g times, want %g ± %.0f", name, j, got, n*q, bound)
			}
		}
	}
}

// The absorbing schedule masks a fraction t/T of the data by step t, and all by the end.
func TestAbsorbingSchedule(t *testing.T) {
	p, err := NewCategorical(AbsorbingTarget(257, 256), AbsorbingBetas(100))
	if err != nil {
		t.Fatal(err)
	}
	for step := range 101 {
		if got, want := p.Marginal(step, 7, 256), float64(step)/100; !(math.Abs(got-want) <= 1e-13) {
			t.Errorf("masked by step %d: %g, want %g", step, got, want)
		}
	}
}

func TestCategoricalErrors(t *testing.T) {
	for _, c := range []struct {
		target, betas []float64
		want          string
	}{
		{[]float64{0.5, math.NaN()}, []float64{0.1}, "target[1] must lie in [0, 1] (got NaN)"},
		{[]float64{0.5, 0.4}, []float64{0.1}, "got 2 that add up to 0.9"},
		{[]float64{1}, []float64{0.1}, "got 1 that add up to 1"},
		{UniformTarget(2), nil, "at least one step (got none)"},
		{UniformTarget(2), []float64{0.1, 1.5}, "betas[1] must lie in [0, 1] (got 1.5)"},
	} {
		if _, err := NewCategorical(c.target, c.betas); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
