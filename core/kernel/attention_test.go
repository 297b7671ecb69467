package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/floattest"
)

// attns are shapes with every tail over positions and over a head's channels.
var attns = []Attn{{1, 1, 1}, {2, 6, 2}, {3, 4, 1}, {5, 7, 1}, {4, 24, 3}, {16, 16, 2}, {17, 48, 2}, {31, 10, 5}, {49, 96, 2}, {66, 34, 1}, {33, 70, 1}}

// attention64 is Attention in float64.
func attention64(q, k, v []float64, a Attn) []float64 {
	y, d := make([]float64, len(q)), a.C/a.Heads
	p := make([]float64, a.L)
	for head := 0; head < a.C; head += d {
		for i := range a.L {
			var sum float64
			for j := range p {
				var s float64
				for c := head; c < head+d; c++ {
					s += q[i*a.C+c] * k[j*a.C+c]
				}
				p[j] = math.Exp(s / math.Sqrt(float64(d)))
				sum += p[j]
			}
			for j := range p {
				for c := head; c < head+d; c++ {
					y[i*a.C+c] += p[j] / sum * v[j*a.C+c]
				}
			}
		}
	}
	return y
}

func TestAttention(t *testing.T) {
	for _, a := range attns {
		for _, im := range attentionImpls {
			t.Run(fmt.Sprintf("%s/%+v", im.name, a), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(9, uint64(a.L*a.C)))
				n := a.L * a.C
				q, k, v, y := guarded(rng, n), guarded(rng, n), guarded(rng, n), guarded(rng, n)
				scratch, want := guarded(rng, AttentionScratch(a)), make([]float32, n)
				for i := range scratch {
					scratch[i] = float32(math.NaN())
				}
				attentionRef(want, q, k, v, slices.Clone(scratch), a, Exact)
				im.fn(y, q, k, v, scratch, a, Exact)
				floattest.SameBits(t, "y", y, want)
				checkGuard(t, y)
				checkGuard(t, scratch)

				// A score errs by d roundings of Σ|q·k| ≤ 16·d, a weight by as much, a
				// weighted sum by L more; all relative to the largest v.
				d := float64(a.C / a.Heads)
				bound := 0x1p-24 * (2*d*16*math.Sqrt(d) + float64(a.L) + 16) * largest(wide(v))
				floattest.Within(t, "y", y, attention64(wide(q), wide(k), wide(v), a), bound)

				from, to := a.L/3*a.C, (a.L+1)/2*a.C // some queries, whatever the others are
				some := guarded(rng, to-from)
				im.fn(some, q[from:to], k, v, scratch, a, Exact)
				floattest.SameBits(t, "some", some, want[from:to])
				checkGuard(t, some)

				im.fn(some, q[from:to], k, v, scratch, a, Fast)
				floattest.Within(t, "fast", some, wide(want[from:to]), 2*bound)

				im.fn(q, q, k, v, scratch, a, Exact) // y may be q
				floattest.SameBits(t, "q", q, want)
			})
		}
	}
}

func TestSoftmaxSameBits(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, n := range []int{16, 32, 64, 208, 1024} {
		for _, fill := range []float32{0, inf, float32(math.NaN())} {
			for _, im := range softmaxImpls {
				t.Run(fmt.Sprintf("%s/n=%d/%g", im.name, n, fill), func(t *testing.T) {
					if !im.ok {
						t.Skip("not available on this machine")
					}
					rng := rand.New(rand.NewPCG(10, uint64(n)))
					p := guarded(rng, n)
					Scale(p, p, 100)
					if fill != 0 {
						p[n/3] = fill
					}
					p[n-1] = -inf
					want := slices.Clone(p)
					wantSum := softmaxRef(want, 0.3)
					sum := im.fn(p, 0.3)
					if fill == fill { // among NaN only the sum counts
						floattest.SameBits(t, "p", p, want)
					}
					floattest.SameBits(t, "result", []float32{sum}, []float32{wantSum})
				})
			}
		}
	}
}

func TestAttentionBackward(t *testing.T) {
	for _, a := range attns {
		for _, im := range attentionBackwardImpls() {
			t.Run(fmt.Sprintf("%s/%+v", im.name, a), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(11, uint64(a.L*a.C)))
				n := a.L * a.C
				var in, grads [3][]float32
				var in64, before [3][]float64
				for i := range in {
					in[i], grads[i] = guarded(rng, n), guarded(rng, n)
					in64[i], before[i] = wide(in[i]), wide(grads[i])
				}
				dy, scratch := guarded(rng, n), guarded(rng, AttentionBackwardScratch(a))
				for i := range scratch {
					scratch[i] = float32(math.NaN())
				}
				im.fn(grads[0], grads[1], grads[2], in[0], in[1], in[2], dy, scratch, a)
				loss := func() (sum float64) {
					for i, v := range attention64(in64[0], in64[1], in64[2], a) {
						sum += v * float64(dy[i])
					}
					return sum
				}
				// Sums of L·d products of numbers of size 1 to 16, and the difference's own.
				bound := 0x1p-24*16*float64(a.L+a.C/a.Heads) + 1e-8*math.Sqrt(float64(n))
				for k, got := range grads {
					checkGuard(t, got)
					step := max(1, n/5)
					for i := 0; i < n; i += step {
						want := before[k][i] + slope(loss, in64[k], i)
						floattest.Within(t, [3]string{"dq", "dk", "dv"}[k], got[i:i+1], []float64{want}, bound)
					}
				}
				checkGuard(t, scratch)
			})
		}
	}
}

// TestAttentionBackwardAgrees compares every number, where central differences
// take too long.
func TestAttentionBackwardAgrees(t *testing.T) {
	for _, a := range append(slices.Clone(attns), Attn{196, 48, 1}) {
		rng := rand.New(rand.NewPCG(12, uint64(a.L*a.C)))
		n := a.L * a.C
		q, k, v, dy := guarded(rng, n), guarded(rng, n), guarded(rng, n), guarded(rng, n)
		scratch := make([]float32, AttentionBackwardScratch(a))
		var want [3][]float32
		for _, im := range attentionBackwardImpls() {
			got := [3][]float32{make([]float32, n), make([]float32, n), make([]float32, n)}
			im.fn(got[0], got[1], got[2], q, k, v, dy, scratch, a)
			if want[0] == nil {
				want = got
			}
			for i, g := range got {
				floattest.Within(t, fmt.Sprintf("%s/%+v/%d", im.name, a, i), g, wide(want[i]), 0x1p-24*16*float64(a.L+a.C/a.Heads))
			}
		}
	}
}

func TestForwardAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a := Attn{49, 96, 2}
	n := Norm{HW: 49, C: 96, Groups: 8, Eps: 1e-5, SiLU: true}
	x, y, scratch := guarded(rng, 49*96), guarded(rng, 49*96), guarded(rng, AttentionScratch(a))
	c, stat := guarded(rng, 96), guarded(rng, 8)
	for name, f := range map[string]func(){
		"Attention": func() { Attention(y, x, x, x, scratch, a, Exact) },
		"GroupNorm": func() { GroupNorm(y, x, c, c, stat, stat, n) },
		"SiLU":      func() { SiLU(y, x) },
		"AddRows":   func() { AddRows(y, x, c) },
		"Sinusoid":  func() { Sinusoid(c, 3, true, 0) },
	} {
		if got := testing.AllocsPerRun(10, f); got != 0 {
			t.Errorf("%s allocates %g times", name, got)
		}
	}
}

func BenchmarkAttention(b *testing.B) {
	for _, a := range []Attn{{49, 96, 2}, {196, 48, 1}, {1024, 64, 1}, {256, 256, 32}} {
		rng := rand.New(rand.NewPCG(1, 1))
		n := a.L * a.C
		q, k, v, y := guarded(rng, n), guarded(rng, n), guarded(rng, n), guarded(rng, n)
		scratch := make([]float32, AttentionBackwardScratch(a)+AttentionScratch(a))
		flops := float64(4 * a.L * a.L * a.C)
		rate := func(b *testing.B, times float64) {
			b.ReportMetric(times*flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		}
		name := fmt.Sprintf("l=%d/c=%d/heads=%d/impl=", a.L, a.C, a.Heads)
		for _, im := range attentionImpls {
			b.Run("forward/"+name+im.name, func(b *testing.B) {
				for b.Loop() {
					im.fn(y, q, k, v, scratch, a, Exact)
				}
				rate(b, 1)
			})
		}
		for _, im := range attentionBackwardImpls() {
			b.Run("backward/"+name+im.name, func(b *testing.B) {
				for b.Loop() {
					im.fn(y, y, y, q, k, v, q, scratch, a)
				}
				rate(b, 2.5)
			})
		}
	}
}
