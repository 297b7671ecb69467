package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/floattest"
)

func TestELUSameBits(t *testing.T) {
	for _, n := range tails {
		for _, im := range eluImpls {
			t.Run(fmt.Sprintf("%s/n=%d", im.name, n), func(t *testing.T) {
				if !im.ok {
					t.Skip("not available on this machine")
				}
				rng := rand.New(rand.NewPCG(1, uint64(n)))
				x, y, want := guarded(rng, n), guarded(rng, n), make([]float32, n)
				edges(x)
				eluRef(want, x)
				im.fn(y, x)
				floattest.SameBits(t, "y", y, want)
				checkGuard(t, y)
				im.fn(x, x) // in place
				floattest.SameBits(t, "x", x, want)
			})
		}
	}
}

func TestELU(t *testing.T) {
	for x := -100.0; x < 10; x += 0.0137 {
		x32 := []float32{float32(x)}
		y := []float32{0}
		ELU(y, x32)
		floattest.Within(t, "elu", y, []float64{elu64(float64(x32[0]))}, 0x1p-23)
	}
}

func elu64(x float64) float64 {
	if x > 0 {
		return x
	}
	return math.Expm1(x)
}

// TestELUBackward: |error| ≤ 4·2⁻²⁴·|dy| beside the rounding of the sum.
func TestELUBackward(t *testing.T) {
	for _, n := range tails {
		for _, im := range eluBackwardImpls() {
			t.Run(fmt.Sprintf("%s/n=%d", im.name, n), func(t *testing.T) {
				if !im.ok {
					t.Skip("not available on this machine")
				}
				rng := rand.New(rand.NewPCG(2, uint64(n)))
				x, y, dy, dx := guarded(rng, n), guarded(rng, n), guarded(rng, n), guarded(rng, n)
				before := slices.Clone(dx)
				ELU(y, x)
				im.fn(dx, y, dy)
				checkGuard(t, dx)
				x64 := wide(x)
				for i := range x {
					g := slope(func() float64 { return elu64(x64[i]) }, x64, i)
					want := float64(before[i]) + float64(dy[i])*g
					bound := 1e-9*math.Abs(float64(dy[i])) + 0x1p-24*(math.Abs(want)+8*math.Abs(float64(dy[i])))
					floattest.Within(t, "dx", dx[i:i+1], []float64{want}, bound)
				}
			})
		}
	}
}

func BenchmarkELU(b *testing.B) {
	for _, im := range eluImpls {
		b.Run("n=12544/impl="+im.name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, y := guarded(rng, 12544), guarded(rng, 12544)
			b.SetBytes(2 * 4 * 12544)
			for b.Loop() {
				im.fn(y, x)
			}
		})
	}
}
