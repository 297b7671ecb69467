package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/floattest"
)

// edges are arguments around the limits of num.Exp32, beside ordinary ones.
func edges(x []float32) {
	inf := float32(math.Inf(1))
	special := []float32{0, float32(math.Copysign(0, -1)), inf, -inf, float32(math.NaN()), 1e-40, -1e-40,
		87.3, -87.3, 88.7, -88.7, 88.73, -88.73, 1e30, -1e30, math.MaxFloat32, -math.MaxFloat32}
	for i := range x {
		switch i % 3 {
		case 0:
			x[i] = special[i/3%len(special)]
		case 1:
			x[i] *= 40
		}
	}
}

func TestSiLUSameBits(t *testing.T) {
	for _, n := range tails {
		for _, im := range siluImpls {
			t.Run(fmt.Sprintf("%s/n=%d", im.name, n), func(t *testing.T) {
				if !im.ok {
					t.Skip("not available on this machine")
				}
				rng := rand.New(rand.NewPCG(1, uint64(n)))
				x, y, want := guarded(rng, n), guarded(rng, n), make([]float32, n)
				edges(x)
				siluRef(want, x)
				im.fn(y, x)
				floattest.SameBits(t, "y", y, want)
				checkGuard(t, y)
				im.fn(x, x) // in place
				floattest.SameBits(t, "x", x, want)
			})
		}
	}
}

// TestSiLU holds SiLU to 4 roundings of a relative 2⁻²⁴ and Exp32's 1 ulp.
func TestSiLU(t *testing.T) {
	for x := -87.0; x < 87; x += 0.0137 {
		x32 := []float32{float32(x)}
		y := []float32{0}
		SiLU(y, x32)
		want := silu64(float64(x32[0]))
		floattest.Within(t, "silu", y, []float64{want}, 6*0x1p-24*math.Abs(want)+0x1p-140)
	}
}

func silu64(x float64) float64 { return x / (1 + math.Exp(-x)) }

// TestSiLUBackward: |error| ≤ 8·2⁻²⁴·|dy|·(1 + |x|), since 1 + x·(1−s) rounds at
// the size of its terms.
func TestSiLUBackward(t *testing.T) {
	for _, n := range tails {
		for _, im := range siluBackwardImpls() {
			t.Run(fmt.Sprintf("%s/n=%d", im.name, n), func(t *testing.T) {
				if !im.ok {
					t.Skip("not available on this machine")
				}
				rng := rand.New(rand.NewPCG(2, uint64(n)))
				x, dy, dx := guarded(rng, n), guarded(rng, n), guarded(rng, n)
				for i := range x {
					x[i] *= 4
				}
				before := slices.Clone(dx)
				im.fn(dx, x, dy)
				checkGuard(t, dx)
				x64 := wide(x)
				for i := range x {
					g := slope(func() float64 { return silu64(x64[i]) }, x64, i)
					want := float64(before[i]) + float64(dy[i])*g
					bound := 1e-9*math.Abs(float64(dy[i])) + 0x1p-24*(math.Abs(want)+8*math.Abs(float64(dy[i]))*(1+math.Abs(x64[i])))
					floattest.Within(t, "dx", dx[i:i+1], []float64{want}, bound)
				}
			})
		}
	}
}

func BenchmarkSiLU(b *testing.B) {
	for _, im := range siluImpls {
		b.Run("n=9408/impl="+im.name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, y := guarded(rng, 9408), guarded(rng, 9408)
			b.SetBytes(2 * 4 * 9408)
			for b.Loop() {
				im.fn(y, x)
			}
		})
	}
}

func BenchmarkSiLUBackward(b *testing.B) {
	for _, im := range siluBackwardImpls() {
		b.Run("n=9408/impl="+im.name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, dx, dy := guarded(rng, 9408), guarded(rng, 9408), guarded(rng, 9408)
			b.SetBytes(4 * 4 * 9408)
			for b.Loop() {
				im.fn(dx, x, dy)
			}
		})
	}
}
