package num

import "math"

// Pow returns xʸ within 1 ulp, also where the result is subnormal. The special cases are
// those of C99 and of math.Pow, in this order:
//
//	Pow(x, ±0) = 1 and Pow(1, y) = 1 for any x and y, NaN included
//	Pow(NaN, y) = Pow(x, NaN) = NaN
//	Pow(±0, y) = ±Inf for an odd integer y < 0, +Inf for other y < 0
//	Pow(±0, y) = ±0 for an odd integer y > 0, +0 for other y > 0
//	Pow(−1, ±Inf) = 1
//	Pow(x, ±Inf) = +Inf if |x|^±1 > 1, else +0
//	Pow(±Inf, y) = Pow(±0, −y)
//	Pow(x, y) = NaN for finite x < 0 and finite non-integer y
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return math.NaN()
	case math.IsInf(y, 0):
		return powInf(math.Abs(x), y > 0)
	}
	odd := oddInteger(y)
	if x == 0 || math.IsInf(x, 0) {
		r := 0.0
		if (x == 0) == (y < 0) {
			r = math.Inf(1)
		}
		if odd {
			r = math.Copysign(r, x)
		}
		return r
	}
	if x < 0 {
		if math.Floor(y) != y {
			return math.NaN()
		}
		if odd {
			return -powPositive(-x, y)
		}
		x = -x
	}
	return powPositive(x, y)
}

// powInf returns x^±Inf for x ≥ 0.
func powInf(x float64, positive bool) float64 {
	switch {
	case x == 1:
		return 1
	case (x > 1) == positive:
		return math.Inf(1)
	}
	return 0
}

// oddInteger reports whether y is an odd integer. y is finite.
func oddInteger(y float64) bool {
	half := float64(y * 0.5)
	return math.Abs(y) < 0x1p53 && math.Floor(y) == y && math.Floor(half) != half
}

// powPositive returns xʸ for finite x > 0 and finite y ≠ 0, as e^(y·log x). The relative
// error of y·log x is about 2⁻⁶⁴, so that the result is accurate even for an exponent of
// 700.
func powPositive(x, y float64) float64 {
	l, lLo := logPair(x)
	e := float64(y * l)
	switch {
	case e > 710:
		return math.Inf(1)
	case e < -746:
		return 0
	}
	return expPair(e, math.FMA(y, l, -e)+float64(y*lLo))
}

// logPair returns log x with a relative error of about 2⁻⁶⁵, for finite x > 0. It sums
// logReduced's series 2s·(1 + z·(⅓ + z·T(z))), z = s², where all but T(z) are pairs of
// float64.
func logPair(x float64) (hi, lo float64) {
	m, k := split(x)
	d, dLo := twoSum(m, 1)
	s, sLo := divPair(m-1, 0, d, dLo)
	z, zLo := mulPair(s, sLo, s, sLo)
	p, pLo := addPair(0x1.5555555555555p-2, 0x1.5555555555555p-56, float64(z*poly(z, powT[:])), 0)
	p, pLo = mulPair(p, pLo, z, zLo)
	p, pLo = addPair(1, 0, p, pLo)
	hi, lo = mulPair(2*s, 2*sLo, p, pLo)
	if k == 0 {
		return hi, lo
	}
	return addPair(float64(k*ln2Hi), float64(k*ln2Lo), hi, lo)
}

// powT are the coefficients of T(z) = 1/5 + z/7 + z²/9 + …, within 2⁻⁶⁷ for
// 0 ≤ z ≤ 0.0295, by Chebyshev interpolation.
var powT = [...]float64{
	0x1.999999999999ap-3,
	0x1.2492492492491p-3,
	0x1.c71c71c71cfd9p-4,
	0x1.745d174513593p-4,
	0x1.3b13b1bc75cd4p-4,
	0x1.1110dfad0f8eap-4,
	0x1.e1f7fa7547177p-5,
	0x1.ac4a89c964b82p-5,
	0x1.b8d433113b7fap-5,
}
