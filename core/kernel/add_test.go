package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/floattest"
)

// elementwise names a kernel over equally long slices, args of them after y.
type elementwise struct {
	name  string
	args  int
	impls []impl[func(y []float32, x [][]float32)]
}

// elementwises brings the kernels of add.go and upsample.go to one shape.
func elementwises() []elementwise {
	const a = -1.7
	es := []elementwise{{name: "Add", args: 2}, {name: "Scale", args: 1}, {name: "AddScaled", args: 1}, {name: "add4", args: 4}}
	type shaped = impl[func(y []float32, x [][]float32)]
	for _, im := range addImpls {
		es[0].impls = append(es[0].impls, shaped{im.name, im.ok, func(y []float32, x [][]float32) { im.fn(y, x[0], x[1]) }})
	}
	for _, im := range scaleImpls {
		es[1].impls = append(es[1].impls, shaped{im.name, im.ok, func(y []float32, x [][]float32) { im.fn(y, x[0], a) }})
	}
	for _, im := range addScaledImpls {
		es[2].impls = append(es[2].impls, shaped{im.name, im.ok, func(y []float32, x [][]float32) { im.fn(y, x[0], a) }})
	}
	for _, im := range add4Impls {
		es[3].impls = append(es[3].impls, shaped{im.name, im.ok, func(y []float32, x [][]float32) { im.fn(y, x[0], x[1], x[2], x[3]) }})
	}
	return es
}

func TestElementwiseSameBits(t *testing.T) {
	for _, e := range elementwises() {
		for _, im := range e.impls {
			for _, n := range tails {
				t.Run(fmt.Sprintf("%s/%s/n=%d", e.name, im.name, n), func(t *testing.T) {
					if !im.ok {
						t.Skip("not available on this machine")
					}
					rng := rand.New(rand.NewPCG(3, uint64(n)))
					y, xs := guarded(rng, n), make([][]float32, e.args)
					for i := range xs {
						xs[i] = guarded(rng, n)
					}
					want := slices.Clone(y)
					e.impls[0].fn(want, xs)
					im.fn(y, xs)
					floattest.SameBits(t, "y", y, want)
					checkGuard(t, y)
				})
			}
		}
	}
}

func TestAdd(t *testing.T) {
	y := []float32{0, 0, 0}
	Add(y, []float32{1, 2, 3}, []float32{10, 20, 30})
	floattest.SameBits(t, "y", y, []float32{11, 22, 33})
	AddTo(y, []float32{1, 1, 1})
	floattest.SameBits(t, "y", y, []float32{12, 23, 34})
	Scale(y, y, 2)
	floattest.SameBits(t, "y", y, []float32{24, 46, 68})
	AddScaled(y, []float32{1, 2, 3}, -3)
	floattest.SameBits(t, "y", y, []float32{21, 40, 59})
}

func TestRows(t *testing.T) {
	for _, c := range tails[1:] {
		for _, rows := range []int{0, 1, 2, 5} {
			rng := rand.New(rand.NewPCG(4, uint64(c)))
			x, bias := guarded(rng, rows*c), guarded(rng, c)
			want, sums := make([]float32, rows*c), guarded(rng, c)
			wantSums := slices.Clone(sums)
			for i := range want {
				want[i] = x[i] + bias[i%c]
				wantSums[i%c] += x[i]
			}
			for _, im := range addRowsImpls {
				t.Run(fmt.Sprintf("AddRows/%s/rows=%d/c=%d", im.name, rows, c), func(t *testing.T) {
					if !im.ok {
						t.Skip("not available on this machine")
					}
					y := guarded(rng, rows*c)
					im.fn(y, x, bias)
					floattest.SameBits(t, "y", y, want)
					checkGuard(t, y)
				})
			}
			for _, im := range sumRowsImpls() {
				t.Run(fmt.Sprintf("SumRows/%s/rows=%d/c=%d", im.name, rows, c), func(t *testing.T) {
					if !im.ok {
						t.Skip("not available on this machine")
					}
					db := append([]float32(nil), sums...)
					im.fn(db, x)
					floattest.SameBits(t, "db", db, wantSums) // rows are few and in order: exact here
				})
			}
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, e := range elementwises() {
		for _, im := range e.impls {
			b.Run(fmt.Sprintf("%s/n=9408/impl=%s", e.name, im.name), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 1))
				y, xs := guarded(rng, 9408), make([][]float32, e.args)
				for i := range xs {
					xs[i] = guarded(rng, 9408)
				}
				b.SetBytes(int64(4 * 9408 * (1 + e.args)))
				for b.Loop() {
					im.fn(y, xs)
				}
			})
		}
	}
}

func BenchmarkRows(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, bias := guarded(rng, 196*48), guarded(rng, 196*48), guarded(rng, 48)
	for _, im := range addRowsImpls {
		b.Run("AddRows/rows=196/c=48/impl="+im.name, func(b *testing.B) {
			b.SetBytes(2 * 4 * 196 * 48)
			for b.Loop() {
				im.fn(y, x, bias)
			}
		})
	}
	for _, im := range sumRowsImpls() {
		b.Run("SumRows/rows=196/c=48/impl="+im.name, func(b *testing.B) {
			b.SetBytes(4 * 196 * 48)
			for b.Loop() {
				im.fn(bias, x)
			}
		})
	}
}

func TestModulate(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const rows, c = 5, 7
	x, y, scale, shift := guarded(rng, rows*c), guarded(rng, rows*c), guarded(rng, c), guarded(rng, c)
	Modulate(y, x, scale, shift)
	checkGuard(t, y)
	for i, v := range x {
		want := (1+float64(scale[i%c]))*float64(v) + float64(shift[i%c])
		bound := 0x1p-23 * (2*math.Abs((1+float64(scale[i%c]))*float64(v)) + math.Abs(want)) // three roundings, of 2⁻²⁴ each
		if d := math.Abs(float64(y[i]) - want); !(d <= bound) {
			t.Errorf("[%d]: got %g, want %g within %g", i, y[i], want, bound)
		}
	}
	Modulate(x, x, scale, shift) // in place
	floattest.SameBits(t, "x", x, y)
}
