package num

import (
	"math"
	"math/bits"
)

// π/2 as a sum of three parts of 33 significant bits, whose products with an integer
// below 2²⁰ are exact, and a remainder.
const (
	halfPi0 = 0x1.921fb544p+0
	halfPi1 = 0x1.0b4611a6p-34
	halfPi2 = 0x1.3198a2ep-69
	halfPi3 = 0x1.b839a252049c1p-104
)

// reduce returns r, rLo and quadrant with x = r + rLo + quadrant·π/2 modulo 2π, where
// |r| is at most slightly above π/4. The relative error of r + rLo is about 2⁻⁶⁴. Only
// the low two bits of quadrant are valid. If x is infinite or NaN, r is NaN.
func reduce(x float64) (r, rLo float64, quadrant uint64) {
	a := math.Abs(x)
	switch {
	case a <= math.Pi/4:
		return x, 0, 0
	case !(a <= math.MaxFloat64):
		return math.NaN(), 0, 0
	case a >= 0x1p20:
		r, rLo, quadrant = reduceLarge(a)
		if x < 0 {
			r, rLo, quadrant = -r, -rLo, -quadrant
		}
		return r, rLo, quadrant
	}
	// Cody & Waite 1980: subtract the multiples of the parts one by one.
	t := float64(x*(2/math.Pi)) + magic
	n := t - magic
	r, rLo = twoSum(x-float64(n*halfPi0), -float64(n*halfPi1))
	r, e := twoSum(r, -float64(n*halfPi2))
	r, rLo = fastTwoSum(r, (rLo+e)-float64(n*halfPi3))
	return r, rLo, math.Float64bits(t)
}

// reduceLarge is reduce for finite x ≥ 2²⁰, after Payne & Hanek 1983: x = m·2ᵉ with an
// integer m. Bits of 2/π whose product with m·2ᵉ is a multiple of 4 quadrants, or
// negligible, are skipped. With the 192 bits used the error is below 2⁻¹³⁶ quadrants,
// and no float64 is nearer than 2⁻⁶³ to a multiple of π/2.
func reduceLarge(x float64) (r, rLo float64, quadrant uint64) {
	b := math.Float64bits(x)
	m := b&(1<<52-1) | 1<<52
	e := int(b>>52) - 1075

	skip := uint(e - 2 + 64) // twoOverPi starts with 64 zeros
	word, shift := skip/64, skip%64
	var w [3]uint64
	for i := range w {
		w[i] = twoOverPi[word+uint(i)]<<shift | twoOverPi[word+uint(i)+1]>>(64-shift)
	}

	// p = m·w modulo 2¹⁹²: two bits are the quadrant, 190 the fraction.
	h2, p0 := bits.Mul64(m, w[2])
	h1, l1 := bits.Mul64(m, w[1])
	p1, carry := bits.Add64(h2, l1, 0)
	p2 := h1 + m*w[0] + carry
	quadrant = p2 >> 62
	hi, lo := p2<<2|p1>>62, p1<<2|p0>>62

	negative := hi>>63 != 0
	if negative { // a fraction above ½ is nearer to the next quadrant
		quadrant++
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	zeros := bits.LeadingZeros64(hi)
	hi, lo = hi<<zeros|lo>>(64-zeros), lo<<zeros
	unit := pow2(-53 - zeros)
	f := float64(float64(hi>>11) * unit)
	fLo := float64(float64(hi<<53>>11|lo>>22) * float64(unit*0x1p-53))
	r, rLo = mulPair(f, fLo, halfPi, halfPiLo)
	if negative {
		r, rLo = -r, -rLo
	}
	return r, rLo, quadrant
}

// π/2 as the sum of two float64.
const (
	halfPi   = 0x1.921fb54442d18p+0
	halfPiLo = 0x1.1a62633145c07p-54
)

// twoOverPi holds the binary digits of 2/π, 64 per word, after one word of zeros.
var twoOverPi = [...]uint64{
	0,
	0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
	0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
	0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
	0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
	0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
}
