package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/floattest"
)

// dot returns Σ a[i]·b[i] in float64.
func dot(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// adjoint fails unless ⟨A·x, dy⟩ = ⟨x, Aᵀ·dy⟩ to rounding: what makes backward the
// gradient of a linear forward. Both get gradients that are not zero before.
func adjoint(t *testing.T, n, m int, forward func(y, x []float32), backward func(dx, dy []float32)) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(m)))
	x, y, dy, dx := guarded(rng, n), guarded(rng, m), guarded(rng, m), guarded(rng, n)
	before := slices.Clone(dx)
	forward(y, x)
	checkGuard(t, y)
	backward(dx, dy)
	checkGuard(t, dx)
	got, want := dot(x, dx)-dot(x, before), dot(y, dy)
	var size float64
	for i := range dx {
		size += 4 * abs64(x[i]) * (abs64(dx[i]) + abs64(before[i]))
	}
	if d := got - want; !(d <= size*0x1p-23 && -d <= size*0x1p-23) {
		t.Errorf("⟨x, Aᵀdy⟩ = %g, ⟨Ax, dy⟩ = %g", got, want)
	}
}

func abs64(x float32) float64 { return max(float64(x), -float64(x)) }

func TestResample(t *testing.T) {
	for _, s := range [][3]int{{2, 2, 1}, {2, 4, 3}, {4, 2, 7}, {6, 4, 16}, {4, 4, 33}, {2, 2, 48}} {
		h, w, c := s[0], s[1], s[2]
		n := h * w * c
		t.Run(fmt.Sprintf("Upsample2/%v", s), func(t *testing.T) {
			adjoint(t, n, 4*n, func(y, x []float32) { Upsample2(y, x, h, w, c) },
				func(dx, dy []float32) { Upsample2Backward(dx, dy, h, w, c) })
		})
		t.Run(fmt.Sprintf("SpaceToDepth2/%v", s), func(t *testing.T) {
			adjoint(t, n, n, func(y, x []float32) { SpaceToDepth2(y, x, h, w, c) },
				func(dx, dy []float32) { SpaceToDepth2Backward(dx, dy, h, w, c) })
		})
		t.Run(fmt.Sprintf("DepthToSpace2/%v", s), func(t *testing.T) {
			adjoint(t, n, n, func(y, x []float32) { DepthToSpace2(y, x, h, w, c) },
				func(dx, dy []float32) { DepthToSpace2Backward(dx, dy, h, w, c) })
		})
		t.Run(fmt.Sprintf("DepthToSpace2 undoes SpaceToDepth2/%v", s), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, uint64(n)))
			x, y, z := guarded(rng, n), guarded(rng, n), guarded(rng, n)
			SpaceToDepth2(y, x, h, w, c)
			DepthToSpace2(z, y, h, w, c)
			floattest.SameBits(t, "z", z, x)
		})
	}
}

func TestWindowsAndSizes(t *testing.T) {
	for _, w := range []Window{
		{H: 5, W: 7, C: 3, Size: 5, Stride: 1, Before: 2, After: 2},
		{H: 4, W: 6, C: 16, Size: 2, Stride: 2},
		{H: 5, W: 7, C: 2, Size: 3, Stride: 2, Before: 1, After: 1},
		{H: 2, W: 2, C: 33, Size: 5, Stride: 1, Before: 4, After: 4},
		{H: 3, W: 8, C: 1, Size: 3, Stride: 4, Before: 3, After: 0},
	} {
		t.Run(fmt.Sprintf("AveragePool/%v", w), func(t *testing.T) {
			scratch := make([]float32, w.W*w.C)
			n, m := w.H*w.W*w.C, w.OutH()*w.OutW()*w.C
			adjoint(t, n, m, func(y, x []float32) {
				AveragePool(y, x, scratch, w)
				// A pool is a convolution whose weights keep channels apart.
				weights, share := make([]float32, w.C*w.C*w.Size*w.Size), 1/float32(w.Size*w.Size)
				for i := range weights {
					if taps := w.Size * w.Size; i/taps/w.C == i/taps%w.C {
						weights[i] = share
					}
				}
				compare(t, "pool", y, convDirect(x, weights, w, w.C))
			}, func(dx, dy []float32) { AveragePoolBackward(dx, dy, scratch, w) })
		})
	}
	for _, r := range []Resize{
		{H: 4, W: 5, C: 3, OutH: 8, OutW: 10}, {H: 14, W: 14, C: 2, OutH: 28, OutW: 28}, {H: 5, W: 4, C: 17, OutH: 1, OutW: 3},
		{H: 1, W: 2, C: 1, OutH: 3, OutW: 2}, {H: 3, W: 3, C: 4, OutH: 3, OutW: 3},
	} {
		t.Run(fmt.Sprintf("Bilinear/%v", r), func(t *testing.T) {
			scratch := make([]float32, r.W*r.C)
			adjoint(t, r.H*r.W*r.C, r.OutH*r.OutW*r.C, func(y, x []float32) { Bilinear(y, x, scratch, r) },
				func(dx, dy []float32) { BilinearBackward(dx, dy, scratch, r) })
		})
	}
}

// A plane stays a plane, and corners stay where they are.
func TestBilinearByHand(t *testing.T) {
	x := []float32{0, 3, 6, 9} // 2×2 pixels of one channel
	y := make([]float32, 16)
	Bilinear(y, x, make([]float32, 2), Resize{H: 2, W: 2, C: 1, OutH: 4, OutW: 4})
	for i, v := range y {
		want := float64(i%4) + 2*float64(i/4)
		floattest.Within(t, "y", []float32{v}, []float64{want}, 9*0x1p-22)
	}
}

func TestResampleByHand(t *testing.T) {
	x := []float32{0, 1, 2, 3, 4, 5, 6, 7} // 2×4 pixels of one channel
	y := make([]float32, 8)
	SpaceToDepth2(y, x, 2, 4, 1)
	floattest.SameBits(t, "y", y, []float32{0, 1, 4, 5, 2, 3, 6, 7})

	x = []float32{1, 10, 2, 20} // 1×2 pixels of two channels
	y = make([]float32, 16)
	Upsample2(y, x, 1, 2, 2)
	row := []float32{1, 10, 1, 10, 2, 20, 2, 20}
	floattest.SameBits(t, "y", y, append(slices.Clone(row), row...))
}

func TestConcat(t *testing.T) {
	for _, s := range [][3]int{{0, 1, 1}, {1, 1, 0}, {3, 2, 5}, {4, 16, 3}, {2, 48, 96}} {
		rows, ca, cb := s[0], s[1], s[2]
		rng := rand.New(rand.NewPCG(6, uint64(ca)))
		a, b, y := guarded(rng, rows*ca), guarded(rng, rows*cb), guarded(rng, rows*(ca+cb))
		Concat(y, a, b, rows, ca, cb)
		checkGuard(t, y)
		for r := range rows {
			floattest.SameBits(t, "y", y[r*(ca+cb):][:ca], a[r*ca:][:ca])
			floattest.SameBits(t, "y", y[r*(ca+cb)+ca:][:cb], b[r*cb:][:cb])
		}
		da, db := slices.Clone(a), slices.Clone(b)
		ConcatBackward(da, db, y, rows, ca, cb) // a + a and b + b
		Scale(a, a, 2)
		Scale(b, b, 2)
		floattest.SameBits(t, "da", da, a)
		floattest.SameBits(t, "db", db, b)
	}
}

func TestEmbed(t *testing.T) {
	table := []float32{1, 2, 3, 4, 5, 6}
	y := make([]float32, 2)
	Embed(y, table, 1, 2)
	floattest.SameBits(t, "y", y, []float32{3, 4})
	EmbedBackward(table, []float32{10, 20}, 2, 2)
	floattest.SameBits(t, "table", table, []float32{1, 2, 3, 4, 15, 26})
	for _, id := range []int{-1, 3} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("row %d of 3 was accepted", id)
				}
			}()
			Embed(y, table, id, 2)
		}()
	}
}
