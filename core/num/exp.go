package num

import "math"

const (
	log2E = 0x1.71547652b82fep+0
	// ln2Hi has 42 significant bits, so that its product with an exponent is exact.
	ln2Hi = 0x1.62e42fefa38p-1
	ln2Lo = 0x1.ef35793c7673p-45
	// magic is 1.5·2⁵²: adding it to |v| < 2⁵¹ rounds v to the nearest integer, ties
	// to even, and leaves that integer in the low bits of the sum.
	magic = 0x1.8p+52
)

// Exp returns eˣ within 1 ulp, also where the result is subnormal. It is +Inf above
// ln(MaxFloat64) and 0 below −745.14. Exp(±0) = 1, Exp(+Inf) = +Inf, Exp(−Inf) = 0, Exp(NaN) = NaN.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	return expPair(x, 0)
}

// expPair returns e^(x+lo) for −746 ≤ x ≤ 710 and |lo| ≤ ulp(x).
func expPair(x, lo float64) float64 {
	p, pLo, n := expm1Reduced(x, lo)
	y, e := fastTwoSum(1, p)
	return scale(y+(e+pLo), n)
}

// Expm1 returns eˣ − 1 within 1 ulp, also for small x. It is +Inf above ln(MaxFloat64).
// Expm1(±0) = ±0, Expm1(+Inf) = +Inf, Expm1(−Inf) = −1, Expm1(NaN) = NaN.
func Expm1(x float64) float64 {
	switch {
	case x != x || x == 0:
		return x
	case x > 40: // subtracting 1 changes Exp(x) by less than ½ ulp
		return Exp(x)
	case x < -40:
		return -1
	}
	hi, lo := expm1Pair(x)
	return hi + lo
}

// expm1Pair returns eˣ − 1 to about 2⁻⁵⁷ relative, for |x| ≤ 50.
func expm1Pair(x float64) (hi, lo float64) {
	p, pLo, n := expm1Reduced(x, 0)
	if n == 0 {
		return p, pLo
	}
	hi, lo = fastTwoSum(1, p)
	a := scale(1, n)
	hi, lo = float64(hi*a), float64((lo+pLo)*a)
	hi, e := twoSum(hi, -1)
	return fastTwoSum(hi, lo+e)
}

// expm1Reduced writes x + lo = n·ln 2 + r, |r| ≤ 0.3467 (Cody & Waite 1980), and
// returns n and p + pLo = eʳ − 1 to about 2⁻⁵⁷ relative.
func expm1Reduced(x, lo float64) (p, pLo float64, n int) {
	t := float64(x*log2E) + magic
	k := t - magic
	n = int(k)
	r, rLo := twoSum(x-float64(k*ln2Hi), lo-float64(k*ln2Lo))

	// eʳ ≈ 1 + r + r²/2 + r³·q(r) within 2⁻⁶⁰, by Chebyshev interpolation.
	q := float64(0x1.1f66eff4fc984p-29*r) + 0x1.af38c67fbb53ep-26
	q = float64(q*r) + 0x1.27e4e1ed9933ep-22
	q = float64(q*r) + 0x1.71de0da24602dp-19
	q = float64(q*r) + 0x1.a01a01a47ccd9p-16
	q = float64(q*r) + 0x1.a01a01a7c73cp-13
	q = float64(q*r) + 0x1.6c16c16c167dfp-10
	q = float64(q*r) + 0x1.11111111109afp-7
	q = float64(q*r) + 0x1.5555555555555p-5
	q = float64(q*r) + 0x1.5555555555556p-3
	z := float64(r * r)
	tail := float64(0.5*z) + float64(float64(z*r)*q)
	p, pLo = fastTwoSum(r, tail+(rLo+float64(r*rLo)))
	return p, pLo, n
}

// scale returns y·2ⁿ for 0.5 ≤ y ≤ 2 and |n| ≤ 1100, rounded once. On underflow the
// result is subnormal or 0, on overflow +Inf.
func scale(y float64, n int) float64 {
	half := n / 2
	return float64(float64(y*pow2(half)) * pow2(n-half))
}

// pow2 returns 2ⁿ for −1022 ≤ n ≤ 1023.
func pow2(n int) float64 {
	return math.Float64frombits(uint64(n+1023) << 52)
}
