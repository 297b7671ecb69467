package num

import (
	"math"
	"math/big"
)

// The references of this package's tests: elementary functions by their textbook
// series in math/big, to about 300 bits. They share no code or constants with the
// functions under test.
const bigPrec = 400

func newBig() *big.Float             { return new(big.Float).SetPrec(bigPrec) }
func toBig(x float64) *big.Float     { return newBig().SetFloat64(x) }
func bigInt(n int) *big.Float        { return newBig().SetInt64(int64(n)) }
func add(a, b *big.Float) *big.Float { return newBig().Add(a, b) }
func sub(a, b *big.Float) *big.Float { return newBig().Sub(a, b) }
func mul(a, b *big.Float) *big.Float { return newBig().Mul(a, b) }
func quo(a, b *big.Float) *big.Float { return newBig().Quo(a, b) }

// small reports whether term is negligible compared with sum.
func small(term, sum *big.Float) bool {
	return term.Sign() == 0 || sum.Sign() != 0 && term.MantExp(nil) < sum.MantExp(nil)-bigPrec
}

// bigExp is eˣ: Taylor's series at x/2ᵏ < 2⁻¹⁶, squared k times.
func bigExp(x *big.Float) *big.Float {
	k := max(0, x.MantExp(nil)+16)
	r := newBig().SetMantExp(x, -k)
	sum, term := bigInt(1), bigInt(1)
	for i := 1; !small(term, sum); i++ {
		term = quo(mul(term, r), bigInt(i))
		sum = add(sum, term)
	}
	for range k {
		sum = mul(sum, sum)
	}
	return sum
}

// bigArtanh2 is 2·artanh(s) = log((1+s)/(1−s)) for |s| < ½.
func bigArtanh2(s *big.Float) *big.Float {
	z, power := mul(s, s), s
	sum := newBig().Set(s)
	for i := 3; ; i += 2 {
		power = mul(power, z)
		term := quo(power, bigInt(i))
		if small(term, sum) {
			return mul(sum, bigInt(2))
		}
		sum = add(sum, term)
	}
}

var bigLn2 = bigArtanh2(quo(bigInt(1), bigInt(3)))

// bigLog is log x for x > 0.
func bigLog(x *big.Float) *big.Float {
	m := newBig()
	k := x.MantExp(m) // ½ ≤ m < 1
	if m.Cmp(toBig(0.7)) < 0 {
		m, k = mul(m, bigInt(2)), k-1
	}
	l := bigArtanh2(quo(sub(m, bigInt(1)), add(m, bigInt(1))))
	return add(l, mul(bigInt(k), bigLn2))
}

// bigPi is Machin's 16·arctan(1/5) − 4·arctan(1/239), to 1600 bits: enough to reduce
// the largest float64.
var bigPi = func() *big.Float {
	const prec = 1600
	wide := func() *big.Float { return new(big.Float).SetPrec(prec) }
	arctanInverse := func(n int64) *big.Float {
		sum, power := wide(), wide().Quo(wide().SetInt64(1), wide().SetInt64(n))
		for i := int64(1); power.MantExp(nil) > -prec; i += 2 {
			term := wide().Quo(power, wide().SetInt64(i))
			if i%4 == 3 {
				term.Neg(term)
			}
			sum.Add(sum, term)
			power.Quo(power, wide().SetInt64(n*n))
		}
		return sum
	}
	a := wide().Mul(wide().SetInt64(16), arctanInverse(5))
	return a.Sub(a, wide().Mul(wide().SetInt64(4), arctanInverse(239)))
}()

// bigSinQuadrant is sin(x + quadrants·π/2).
func bigSinQuadrant(x *big.Float, quadrants int64) *big.Float {
	wide := func() *big.Float { return new(big.Float).SetPrec(1600) }
	halfPi := wide().Mul(bigPi, wide().SetFloat64(0.5))
	q := wide().Quo(x, halfPi)
	n, _ := q.Add(q, wide().SetFloat64(math.Copysign(0.5, float64(x.Sign())))).Int(nil)
	r := newBig().Set(wide().Sub(x, wide().Mul(halfPi, wide().SetInt(n))))
	quadrant := new(big.Int).Mod(n.Add(n, big.NewInt(quadrants)), big.NewInt(4)).Int64()

	z := mul(r, r)
	sum, term, first := newBig().Set(r), r, 1
	if quadrant%2 == 1 {
		sum, term, first = bigInt(1), bigInt(1), 0
	}
	for i := first + 1; !small(term, sum); i += 2 {
		term = quo(mul(term, z), bigInt(-i*(i+1)))
		sum = add(sum, term)
	}
	if quadrant >= 2 {
		sum.Neg(sum)
	}
	return sum
}

// bigErf is erf x by its Taylor series, for |x| ≤ 6.
func bigErf(x *big.Float) *big.Float {
	z := mul(x, x)
	sum, power := newBig().Set(x), x
	for i := 1; ; i++ {
		power = quo(mul(power, z), bigInt(-i))
		term := quo(power, bigInt(2*i+1))
		if small(term, sum) {
			break
		}
		sum = add(sum, term)
	}
	return mul(sum, quo(bigInt(2), newBig().Sqrt(newBig().Set(bigPi))))
}

func bigExpm1(x *big.Float) *big.Float { return sub(bigExp(x), bigInt(1)) }
func bigLog1p(x *big.Float) *big.Float { return bigLog(add(bigInt(1), x)) }
func bigSin(x *big.Float) *big.Float   { return bigSinQuadrant(x, 0) }
func bigCos(x *big.Float) *big.Float   { return bigSinQuadrant(x, 1) }

func bigTanh(x *big.Float) *big.Float {
	e := bigExpm1(mul(x, bigInt(2)))
	return quo(e, add(e, bigInt(2)))
}

// ulps returns |got − want| in units in the last place of want's binade; the result is
// +Inf if got is NaN or a wrong infinity.
func ulps(got float64, want *big.Float) float64 {
	e := max(want.MantExp(nil)-53, -1074)
	if f, _ := want.Float64(); math.IsInf(f, 0) && got == f {
		return 0
	}
	if got != got || math.IsInf(got, 0) {
		return math.Inf(1)
	}
	d := sub(toBig(got), want)
	f, _ := d.SetMantExp(d, -e).Float64()
	return math.Abs(f)
}
