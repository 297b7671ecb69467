package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tweedie/core/quant"
)

// convDirect is the definition of a convolution, in float64. w is [n][C][Size][Size].
func convDirect(x, w []float32, g Window, n int) []float64 {
	y := make([]float64, g.OutH()*g.OutW()*n)
	visit(g, n, func(in, weight, out int) { y[out] += float64(x[in]) * float64(w[weight]) })
	return y
}

// visit calls f with the places of every product of a convolution.
func visit(g Window, n int, f func(in, weight, out int)) {
	for oy := range g.OutH() {
		for ox := range g.OutW() {
			for ky := range g.Size {
				for kx := range g.Size {
					apart := max(g.Dilation, 1)
					y, x := oy*g.Stride-g.Before+ky*apart, ox*g.Stride-g.Before+kx*apart
					if y < 0 || x < 0 || y >= g.H || x >= g.W {
						continue
					}
					for c := range g.C {
						for o := range n {
							f((y*g.W+x)*g.C+c, ((o*g.C+c)*g.Size+ky)*g.Size+kx, (oy*g.OutW()+ox)*n+o)
						}
					}
				}
			}
		}
	}
}

var windows = []Window{
	{H: 5, W: 7, C: 3, Size: 3, Stride: 1, Before: 1, After: 1},
	{H: 6, W: 6, C: 4, Size: 3, Stride: 2, Before: 1, After: 1},
	{H: 7, W: 5, C: 5, Size: 3, Stride: 2, Before: 1, After: 1},
	{H: 6, W: 8, C: 2, Size: 3, Stride: 2, Before: 0, After: 1},
	{H: 7, W: 7, C: 2, Size: 3, Stride: 2, Before: 0, After: 1},
	{H: 4, W: 3, C: 9, Size: 1, Stride: 1},
	{H: 7, W: 6, C: 3, Size: 3, Stride: 1, Before: 2, After: 2, Dilation: 2},
	{H: 5, W: 9, C: 16, Size: 3, Stride: 1, Before: 4, After: 4, Dilation: 4},
	{H: 9, W: 8, C: 2, Size: 3, Stride: 2, Before: 1, After: 2, Dilation: 2},
	{H: 6, W: 5, C: 3, Size: 2, Stride: 1, Before: 0, After: 3, Dilation: 3},
}

func TestConvolution(t *testing.T) {
	const images, n = 3, 6
	for _, g := range windows {
		t.Run(fmt.Sprint(g), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, uint64(g.C)))
			in, out := g.H*g.W*g.C, g.OutH()*g.OutW()*n
			x, w, dy := normals(rng, images*in), normals(rng, n*g.C*g.Size*g.Size), normals(rng, images*out)
			taps := g.Size * g.Size
			padded := make([]float32, images*g.Padded())
			g.Pad(padded, x, images)
			b := NewPacked(taps*g.C, n)
			b.Pack(quant.Numbers{Float: w}, taps, g.C, Strides{Tap: 1, Channel: taps, Column: g.C * taps})
			y := make([]float32, images*out)
			MatMul(y, padded, g.Gather(images), b, nil, nil, nil, Exact)

			tw := g.Transposed(n)
			spread := make([]float32, images*tw.Padded())
			g.Spread(spread, dy, images, n)
			back := NewPacked(taps*n, g.C)
			mirrored := make([]float32, len(w))
			for i := range w {
				mirrored[i/taps*taps+taps-1-i%taps] = w[i]
			}
			back.Pack(quant.Numbers{Float: mirrored}, taps, n, Strides{Tap: 1, Channel: g.C * taps, Column: taps})
			dx := make([]float32, images*in)
			MatMul(dx, spread, tw.Gather(images), back, nil, nil, nil, Exact)

			for i := range images {
				wantY := convDirect(x[i*in:(i+1)*in], w, g, n)
				compare(t, "y", y[i*out:(i+1)*out], wantY)
				wantDX := make([]float64, in)
				visit(g, n, func(in, weight, o int) { wantDX[in] += float64(dy[i*out+o]) * float64(w[weight]) })
				compare(t, "dx", dx[i*in:(i+1)*in], wantDX)
			}
		})
	}
}

func compare(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i := range want {
		if diff := math.Abs(float64(got[i]) - want[i]); !(diff <= 1e-4) {
			t.Fatalf("%s[%d]: got %g, want %g", what, i, got[i], want[i])
		}
	}
}
