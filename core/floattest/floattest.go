// Package floattest compares numbers in tests.
package floattest

import (
	"math"
	"testing"
)

// SameBits fails the test unless got and want have the same length and the same bits. Zeros
// of opposite signs differ; every NaN equals every other, whose bits differ between
// processors. what names the numbers in the failure.
func SameBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, want %d", what, len(got), len(want))
	}
	for i, g := range got {
		if w := want[i]; math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			t.Fatalf("%s[%d]: got %g (%#08x), want %g (%#08x)", what, i, g, math.Float32bits(g), w, math.Float32bits(w))
		}
	}
}

// Within fails the test unless every number of got lies within bound of want's. A NaN lies
// within no bound.
func Within(t testing.TB, what string, got []float32, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, want %d", what, len(got), len(want))
	}
	for i, g := range got {
		if d := math.Abs(float64(g) - want[i]); !(d <= bound) {
			t.Fatalf("%s[%d]: got %g, want %g: off by %.3g, bound %.3g", what, i, g, want[i], d, bound)
		}
	}
}
