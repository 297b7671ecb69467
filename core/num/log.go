package num

import "math"

// sqrtHalfBits are the bits of √½, the smallest significand that split returns.
const sqrtHalfBits = 0x3fe6a09e667f3bcd

// Log returns the natural logarithm of x within 1 ulp. Log(+Inf) = +Inf,
// Log(±0) = −Inf, Log(x < 0) = NaN, Log(NaN) = NaN.
func Log(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	m, k := split(x)
	return logReduced(m-1, k, 0)
}

// Log1p returns log(1 + x) within 1 ulp, also for small x. Log1p(+Inf) = +Inf,
// Log1p(±0) = ±0, Log1p(−1) = −Inf, Log1p(x < −1) = NaN, Log1p(NaN) = NaN.
func Log1p(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < -1:
		return math.NaN()
	case x == -1:
		return math.Inf(-1)
	case math.Abs(x) < 0x1p-54:
		return x
	case -0.29 < x && x < 0.41: // 1 + x needs no scaling
		return logReduced(x, 0, 0)
	}
	u, c := twoSum(1, x)
	m, k := split(u)
	return logReduced(m-1, k, c/u)
}

// split returns m and k with x = m·2ᵏ exactly and √½ ≤ m < √2, for finite x > 0.
func split(x float64) (m, k float64) {
	if x < 0x1p-1022 {
		x, k = x*0x1p54, -54
	}
	b := math.Float64bits(x)
	n := int64(b-sqrtHalfBits) >> 52
	return math.Float64frombits(b - uint64(n)<<52), k + float64(n)
}

// logReduced returns log(1+f) + k·ln 2 + c for √½ ≤ 1+f < √2, with c below an ulp of the sum.
// With s = f/(2+f), log(1+f) = 2·artanh(s) = 2s + s·R, R = ⅔s² + ⅖s⁴ + …; writing
// 2s = f − s·f and s·f = f²/2 − s·f²/2 makes f, which is exact, the leading term.
func logReduced(f, k, c float64) float64 {
	s := f / (2 + f)
	z := float64(s * s)
	// R/z within 2⁻⁵¹, by Chebyshev interpolation.
	r := float64(0x1.2b5900de53b32p-3*z) + 0x1.39fe51a7c18f9p-3
	r = float64(r*z) + 0x1.7462b51cb66b1p-3
	r = float64(r*z) + 0x1.c71c62e3f11e6p-3
	r = float64(r*z) + 0x1.2492492df281ap-2
	r = float64(r*z) + 0x1.99999999952d7p-2
	r = float64(r*z) + 0x1.5555555555558p-1
	r = float64(r * z)
	h := float64(float64(0.5*f) * f)
	low := float64(s*(h+r)) + (float64(k*ln2Lo) + c)
	return float64(k*ln2Hi) - ((h - low) - f)
}
