package num

import "math"

// ToFloat16 returns the IEEE 754 binary16 nearest to f, ties to even. The result is
// infinite for |f| ≥ 65520, subnormal for |f| below 2⁻¹⁴, and 0 for |f| ≤ 2⁻²⁵. A NaN
// becomes a quiet NaN of the same sign.
func ToFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	sign, a := uint16(b>>16)&0x8000, b&0x7fffffff
	switch {
	case a > 0x7f800000:
		return sign | 0x7e00
	case a >= 0x477ff000: // 65520
		return sign | 0x7c00
	case a >= 0x38800000: // 2⁻¹⁴
		a += 0xfff + a>>13&1 // to nearest even
		return sign | uint16((a-112<<23)>>13)
	}
	// An ulp of 0.5 is 2⁻²⁴, the spacing of binary16 subnormals: the addition rounds
	// to a multiple of it, ties to even.
	const half = 0x3f000000
	return sign | uint16(math.Float32bits(math.Float32frombits(a)+0.5)-half)
}

// FromFloat16 returns the value of an IEEE 754 binary16, exactly. A NaN keeps its payload.
func FromFloat16(h uint16) float32 {
	sign, e, m := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch e {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(m)*0x1p-24))
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | m<<13)
	}
	return math.Float32frombits(sign | (e+112)<<23 | m<<13)
}

// ToBFloat16 returns the bfloat16 (the upper half of a float32) nearest to f, ties to
// even, or an infinity on overflow. A NaN becomes a quiet NaN of the same sign.
func ToBFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	if f != f {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromBFloat16 returns the value of a bfloat16, exactly.
func FromBFloat16(h uint16) float32 {
	return math.Float32frombits(uint32(h) << 16)
}
