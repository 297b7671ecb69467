package num

import "math"

// twoSum returns a + b as hi + lo without error: hi is the rounded sum and lo its
// rounding error (Knuth 1969, section 4.2.2, theorem B). lo is meaningless if hi overflows.
func twoSum(a, b float64) (hi, lo float64) {
	hi = a + b
	t := hi - a
	return hi, (a - (hi - t)) + (b - t)
}

// fastTwoSum is twoSum for |a| ≥ |b| or a = 0 (Dekker 1971).
func fastTwoSum(a, b float64) (hi, lo float64) {
	hi = a + b
	return hi, b - (hi - a)
}

// twoProd returns a·b as hi + lo, without error unless it underflows.
func twoProd(a, b float64) (hi, lo float64) {
	hi = float64(a * b)
	return hi, math.FMA(a, b, -hi)
}

// mulPair returns (ah + al)·(bh + bl) with a relative error of about 2⁻¹⁰².
func mulPair(ah, al, bh, bl float64) (hi, lo float64) {
	hi, lo = twoProd(ah, bh)
	return fastTwoSum(hi, lo+(float64(ah*bl)+float64(al*bh)))
}

// addPair returns (ah + al) + (bh + bl) with an error of about 2⁻¹⁰² relative to the
// larger, for |ah| ≥ |bh|.
func addPair(ah, al, bh, bl float64) (hi, lo float64) {
	hi, lo = fastTwoSum(ah, bh)
	return fastTwoSum(hi, lo+(al+bl))
}

// divPair returns (ah + al)/(bh + bl) with a relative error of about 2⁻¹⁰⁰.
func divPair(ah, al, bh, bl float64) (hi, lo float64) {
	hi = ah / bh
	r := math.FMA(-hi, bh, ah) + (al - float64(hi*bl))
	return fastTwoSum(hi, r/bh)
}

// poly returns c[0] + c[1]·x + c[2]·x² + …, by Horner's rule.
func poly(x float64, c []float64) float64 {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = float64(y*x) + c[i]
	}
	return y
}
