package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// guarded returns n normal numbers with NaN on both sides in memory, so that a
// kernel that reads past its arguments shows in what it returns.
func guarded(rng *rand.Rand, n int) []float32 {
	const margin = 32
	all := make([]float32, margin+n+margin)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	x := all[margin : margin+n]
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// checkGuard fails if a number around x, a slice of guarded, is no longer NaN.
func checkGuard(t *testing.T, x []float32) {
	t.Helper()
	for i, v := range x[:cap(x)][len(x):] {
		if v == v {
			t.Fatalf("wrote %g at %d, past the end %d", v, len(x)+i, len(x))
		}
	}
}

// wide returns x in float64.
func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// largest returns the largest absolute number of x.
func largest(x []float64) float64 {
	var m float64
	for _, v := range x {
		m = max(m, math.Abs(v))
	}
	return m
}

// slope returns the central difference of f at x[i].
func slope(f func() float64, x []float64, i int) float64 {
	const h = 1e-5
	at := x[i]
	x[i] = at + h
	up := f()
	x[i] = at - h
	down := f()
	x[i] = at
	return (up - down) / (2 * h)
}

// tails are lengths with every tail of a loop over 4, 8 and 16 lanes.
var tails = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31, 33, 47, 48, 100, 1023}
