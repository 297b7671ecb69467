package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/quant"
)

// coded returns random codes of a matrix, rows × cols, with a scale for each row.
func coded(rows, cols int) quant.Numbers {
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	n := quant.Numbers{Codes: make([]int8, rows*cols), Scales: make([]float32, rows)}
	for i := range n.Codes {
		n.Codes[i] = int8(rng.IntN(255) - 127)
	}
	for i := range n.Scales {
		n.Scales[i] = float32(rng.Float64() / 100)
	}
	return n
}

// TestPackedCodes: weights that stay codes give the bits of those made float32.
func TestPackedCodes(t *testing.T) {
	for _, set := range tileSets {
		t.Run(set.name, func(t *testing.T) {
			saved := tiles
			tiles = set
			defer func() { tiles = saved }()
			for _, s := range productSizes {
				p := newProduct(s[0], s[1], s[2], s[3])
				w := coded(s[3], s[1]*s[2])
				strides := Strides{Tap: 1, Channel: s[1], Column: s[1] * s[2]}
				var got [2][]float32
				for i, numbers := range []quant.Numbers{w, {Float: w.Float32()}} {
					b := NewPacked(p.g.K(), p.n)
					b.Pack(numbers, s[1], s[2], strides)
					got[i] = make([]float32, s[0]*s[3])
					MatMul(got[i], p.x, p.g, b, p.bias, p.add, make([]float32, b.Scratch()), Exact)
				}
				if !slices.Equal(got[0], got[1]) {
					t.Errorf("%v: bits differ", s)
				}
			}
		})
	}
}

func TestWinogradCodes(t *testing.T) {
	for _, s := range winogradSizes {
		k := newWinogradCase(s[0], s[1], s[2], s[3], s[4], func(rng *rand.Rand) float32 { return float32(rng.NormFloat64()) })
		w := coded(s[3], s[2]*9)
		var got [2][]float32
		for i, numbers := range []quant.Numbers{w, {Float: w.Float32()}} {
			z := NewWinograd(k.window, s[3])
			z.Pack(numbers)
			got[i] = make([]float32, len(k.add))
			z.Run(got[i], k.x, s[4], k.bias, k.add, make([]float32, z.Scratch()), Exact)
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%v: bits differ", s)
		}
	}
}

func BenchmarkUnpack(b *testing.B) {
	for _, width := range []int{16, 48} {
		b.Run(fmt.Sprint(width), func(b *testing.B) {
			w := coded(width, 2304)
			out := make([]float32, len(w.Codes))
			b.SetBytes(int64(len(w.Codes)))
			for b.Loop() {
				unpack(out, w.Codes, w.Scales)
			}
		})
	}
}
