package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/quant"
)

// winogradCase is a convolution with its data and how to compute it both ways.
type winogradCase struct {
	window          Window
	n, images       int
	x, w, bias, add []float32
}

func newWinogradCase(h, w, c, n, images int, number func(*rand.Rand) float32) *winogradCase {
	rng := rand.New(rand.NewPCG(uint64(h*w), uint64(c*n)))
	fill := func(size int) []float32 {
		out := make([]float32, size)
		for i := range out {
			out[i] = number(rng)
		}
		return out
	}
	return &winogradCase{
		window: Window{H: h, W: w, C: c, Size: 3, Stride: 1, Before: 1, After: 1}, n: n, images: images,
		x: fill(images * h * w * c), w: fill(n * c * 9), bias: fill(n), add: fill(images * h * w * n),
	}
}

// plain computes the convolution by MatMul.
func (k *winogradCase) plain() []float32 {
	padded := make([]float32, k.images*k.window.Padded())
	k.window.Pad(padded, k.x, k.images)
	b := NewPacked(9*k.window.C, k.n)
	b.Pack(quant.Numbers{Float: k.w}, 9, k.window.C, Strides{Tap: 1, Channel: 9, Column: 9 * k.window.C})
	y := make([]float32, k.images*k.window.H*k.window.W*k.n)
	MatMul(y, padded, k.window.Gather(k.images), b, k.bias, k.add, nil, Exact)
	return y
}

// winograd computes it by a set of tiles, with weights transformed once or at each use.
func (k *winogradCase) winograd(set tileSet, mode Arithmetic, once bool) []float32 {
	saved := tiles
	tiles = set
	defer func() { tiles = saved }()
	z := NewWinograd(k.window, k.n)
	z.Pack(quant.Numbers{Float: k.w})
	if once && z.kept == nil {
		z.keep(&tiles)
	}
	scratch := make([]float32, z.Scratch())
	for i := range scratch {
		scratch[i] = float32(math.NaN())
	}
	y := slices.Clone(k.add)
	z.Run(y, k.x, k.images, k.bias, y, scratch, mode)
	return y
}

var winogradSizes = [][5]int{ // h, w, c, n, images: every edge of a tile and a chunk
	{4, 4, 16, 16, 1}, {7, 7, 16, 32, 2}, {5, 6, 16, 48, 1}, {8, 9, 32, 80, 3}, {14, 14, 48, 48, 1}, {14, 14, 32, 16, 4}, {28, 28, 16, 16, 2},
}

// TestWinogradWhole: on whole numbers, with weights that the transform divides,
// both ways are exact and so the same.
func TestWinogradWhole(t *testing.T) {
	for _, s := range winogradSizes {
		k := newWinogradCase(s[0], s[1], s[2], s[3], s[4], func(rng *rand.Rand) float32 { return float32(rng.IntN(7) - 3) })
		for i := range k.w {
			k.w[i] *= 576
		}
		want := k.plain()
		for _, set := range tileSets {
			for _, mode := range []Arithmetic{Exact, Fast} {
				if got := k.winograd(set, mode, false); !slices.Equal(got, want) {
					t.Errorf("%v %s mode %d: differs from the plain sum", s, set.name, mode)
				}
			}
		}
	}
}

func TestWinograd(t *testing.T) {
	for _, s := range winogradSizes {
		k := newWinogradCase(s[0], s[1], s[2], s[3], s[4], func(rng *rand.Rand) float32 { return float32(rng.NormFloat64()) })
		plain, want := k.plain(), k.winograd(refTiles, Exact, false)
		var most, off float64
		for i := range plain {
			most = max(most, math.Abs(float64(plain[i])))
			off = max(off, math.Abs(float64(plain[i]-want[i])))
		}
		if !(off <= 1e-5*most) {
			t.Errorf("%v: off by %.3g of the largest output, need at most 1e-5", s, off/most)
		}
		for _, set := range tileSets {
			for _, once := range []bool{false, true} {
				if got := k.winograd(set, Exact, once); !slices.Equal(got, want) {
					t.Errorf("%v %s exact, once %v: bits differ from the reference", s, set.name, once)
				}
			}
		}
	}
}

func TestWinogradAllocatesNothing(t *testing.T) {
	z := NewWinograd(Window{H: 8, W: 8, C: 16, Size: 3, Stride: 1, Before: 1, After: 1}, 16)
	z.Pack(quant.Numbers{Float: make([]float32, 16*16*9)})
	x, y, scratch := make([]float32, 1024), make([]float32, 1024), make([]float32, z.Scratch())
	if n := testing.AllocsPerRun(5, func() { z.Run(y, x, 1, nil, nil, scratch, Exact) }); n != 0 {
		t.Errorf("%v allocations, need 0", n)
	}
}

func BenchmarkConv3x3(b *testing.B) {
	for _, s := range [][5]int{{14, 14, 48, 48, 2}, {7, 7, 96, 96, 2}, {28, 28, 32, 32, 1}, {32, 32, 128, 128, 1}, {16, 16, 256, 256, 1}, {8, 8, 256, 256, 1}, {14, 14, 48, 48, 16}, {7, 7, 96, 96, 16}} {
		k := newWinogradCase(s[0], s[1], s[2], s[3], s[4], func(rng *rand.Rand) float32 { return float32(rng.NormFloat64()) })
		flops := 2 * 9 * float64(s[0]*s[1]*s[2]*s[3]*s[4])
		name := fmt.Sprintf("%dx%d/c=%d/n=%d/images=%d", s[0], s[1], s[2], s[3], s[4])
		y := make([]float32, len(k.add))
		for _, mode := range []Arithmetic{Exact, Fast} {
			b.Run(fmt.Sprintf("%s/winograd/mode=%d", name, mode), func(b *testing.B) {
				z := NewWinograd(k.window, s[3])
				z.Pack(quant.Numbers{Float: k.w})
				scratch := make([]float32, z.Scratch())
				for b.Loop() {
					z.Run(y, k.x, s[4], k.bias, nil, scratch, mode)
				}
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
			b.Run(fmt.Sprintf("%s/plain/mode=%d", name, mode), func(b *testing.B) {
				padded := make([]float32, k.images*k.window.Padded())
				w := NewPacked(9*k.window.C, k.n)
				w.Pack(quant.Numbers{Float: k.w}, 9, k.window.C, Strides{Tap: 1, Channel: 9, Column: 9 * k.window.C})
				g := k.window.Gather(k.images)
				for b.Loop() {
					k.window.Pad(padded, k.x, k.images)
					MatMul(y, padded, g, w, k.bias, nil, nil, mode)
				}
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
