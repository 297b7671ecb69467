package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/floattest"
)

// norms are shapes with every tail over channels and positions, and groups that
// straddle vectors.
func norms() []Norm {
	var out []Norm
	for _, s := range [][3]int{{1, 1, 1}, {2, 3, 3}, {3, 4, 2}, {5, 6, 1}, {4, 8, 8}, {7, 12, 4}, {9, 16, 1}, {1, 17, 17},
		{6, 24, 8}, {11, 36, 12}, {10, 40, 5}, {65, 48, 8}, {130, 32, 16}, {64, 33, 3}} {
		for _, silu := range []bool{false, true} {
			out = append(out, Norm{HW: s[0], C: s[1], Groups: s[2], Eps: 1e-5, SiLU: silu})
		}
	}
	return out
}

// groupNorm64 is GroupNorm in float64, written without its ideas.
func groupNorm64(x, gamma, beta []float64, n Norm) []float64 {
	y, cg := make([]float64, len(x)), n.C/n.Groups
	sum, squares := make([]float64, n.Groups), make([]float64, n.Groups)
	for i, v := range x {
		sum[i%n.C/cg] += v / float64(n.HW*cg)
	}
	for i, v := range x {
		d := v - sum[i%n.C/cg]
		squares[i%n.C/cg] += d * d / float64(n.HW*cg)
	}
	for i, v := range x {
		c := i % n.C
		y[i] = (v-sum[c/cg])/math.Sqrt(squares[c/cg]+float64(n.Eps))*gamma[c] + beta[c]
		if n.SiLU {
			y[i] = silu64(y[i])
		}
	}
	return y
}

func TestGroupNorm(t *testing.T) {
	for _, n := range norms() {
		for _, im := range groupNormImpls {
			t.Run(fmt.Sprintf("%s/%+v", im.name, n), func(t *testing.T) {
				if !im.ok {
					t.Skip("not available on this machine")
				}
				rng := rand.New(rand.NewPCG(7, uint64(n.C*n.HW)))
				x, gamma, beta := guarded(rng, n.HW*n.C), guarded(rng, n.C), guarded(rng, n.C)
				y, mean, rstd := guarded(rng, n.HW*n.C), guarded(rng, n.Groups), guarded(rng, n.Groups)
				wantY, wantMean, wantRstd := make([]float32, len(y)), make([]float32, n.Groups), make([]float32, n.Groups)
				groupNormRef(wantY, x, gamma, beta, wantMean, wantRstd, n)
				im.fn(y, x, gamma, beta, mean, rstd, n)
				floattest.SameBits(t, "mean", mean, wantMean)
				floattest.SameBits(t, "rstd", rstd, wantRstd)
				floattest.SameBits(t, "y", y, wantY)
				checkGuard(t, y)
				checkGuard(t, mean)
				checkGuard(t, rstd)

				exact := groupNorm64(wide(x), wide(gamma), wide(beta), n)
				scale := largest(wide(gamma))*largest(wide(x))*float64(slices.Max(rstd)) + largest(wide(beta))
				floattest.Within(t, "y", y, exact, float64(16+n.HW/4+n.C/n.Groups)*0x1p-24*scale)

				im.fn(x, x, gamma, beta, mean, rstd, n) // in place
				floattest.SameBits(t, "x", x, wantY)
			})
		}
	}
}

// TestGroupNormOfConstant holds the variance to 0, where E[x²]−E[x]² would be noise.
func TestGroupNormOfConstant(t *testing.T) {
	n := Norm{HW: 49, C: 32, Groups: 4, Eps: 1e-5}
	x, beta := make([]float32, n.HW*n.C), make([]float32, n.C)
	for i := range x {
		x[i] = 1024.5
	}
	for i := range beta {
		beta[i] = float32(i)
	}
	y, mean, rstd := make([]float32, len(x)), make([]float32, n.Groups), make([]float32, n.Groups)
	GroupNorm(y, x, slices.Repeat([]float32{3}, n.C), beta, mean, rstd, n)
	for i, v := range y {
		if v != beta[i%n.C] {
			t.Fatalf("y[%d] = %g, want beta = %g", i, v, beta[i%n.C])
		}
	}
}

func TestGroupNormBackward(t *testing.T) {
	for _, n := range norms() {
		for _, im := range groupNormBackwardImpls() {
			t.Run(fmt.Sprintf("%s/%+v", im.name, n), func(t *testing.T) {
				if !im.ok {
					t.Skip("not available on this machine")
				}
				n.Eps = 0.1 // one number a group: the gradient is all in Eps
				rng := rand.New(rand.NewPCG(8, uint64(n.C*n.HW)))
				x, gamma, beta, dy := guarded(rng, n.HW*n.C), guarded(rng, n.C), guarded(rng, n.C), guarded(rng, n.HW*n.C)
				dx, dgamma, dbeta := guarded(rng, n.HW*n.C), guarded(rng, n.C), guarded(rng, n.C)
				want := [3][]float64{wide(dx), wide(dgamma), wide(dbeta)}
				mean, rstd := make([]float32, n.Groups), make([]float32, n.Groups)
				groupNormRef(make([]float32, len(x)), x, gamma, beta, mean, rstd, n)
				im.fn(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy, n)
				checkGuard(t, dx)
				checkGuard(t, dgamma)
				checkGuard(t, dbeta)

				args := [3][]float64{wide(x), wide(gamma), wide(beta)}
				loss := func() (sum float64) {
					for i, v := range groupNorm64(args[0], args[1], args[2], n) {
						sum += v * float64(dy[i])
					}
					return sum
				}
				for k, got := range [][]float32{dx, dgamma, dbeta} {
					step := max(1, len(got)/13) // a sample of the large ones
					for i := 0; i < len(got); i += step {
						w := want[k][i] + slope(loss, args[k], i)
						// Rounding of sums over a group, and of the difference itself.
						bound := float64(64+n.HW)*0x1p-24*math.Sqrt(float64(n.HW))*8 + 1e-8*float64(len(x))
						floattest.Within(t, [3]string{"dx", "dgamma", "dbeta"}[k], got[i:i+1], []float64{w}, bound)
					}
				}
			})
		}
	}
}

func BenchmarkGroupNorm(b *testing.B) {
	for _, n := range []Norm{{196, 48, 8, 1e-5, false}, {196, 48, 8, 1e-5, true}, {49, 96, 8, 1e-5, true}, {16, 512, 32, 1e-5, true}} {
		rng := rand.New(rand.NewPCG(1, 1))
		x, y, dy, dx := guarded(rng, n.HW*n.C), guarded(rng, n.HW*n.C), guarded(rng, n.HW*n.C), guarded(rng, n.HW*n.C)
		gamma, beta, dgamma, dbeta := guarded(rng, n.C), guarded(rng, n.C), guarded(rng, n.C), guarded(rng, n.C)
		mean, rstd := guarded(rng, n.Groups), guarded(rng, n.Groups)
		name := fmt.Sprintf("hw=%d/c=%d/silu=%v/impl=", n.HW, n.C, n.SiLU)
		for _, im := range groupNormImpls {
			b.Run("forward/"+name+im.name, func(b *testing.B) {
				b.SetBytes(int64(2 * 4 * len(x)))
				for b.Loop() {
					im.fn(y, x, gamma, beta, mean, rstd, n)
				}
			})
		}
		for _, im := range groupNormBackwardImpls() {
			b.Run("backward/"+name+im.name, func(b *testing.B) {
				b.SetBytes(int64(4 * 4 * len(x)))
				for b.Loop() {
					im.fn(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy, n)
				}
			})
		}
	}
}
