//go:build goexperiment.simd

package kernel

import (
	"math"
	"simd"

	"tweedie/core/num"
)

// The three steps of num.Exp32 in every lane. A single function would be too large for
// the compiler to inline, and a call that is not inlined spills its vectors. The
// constants are arguments, so that loops keep them in registers.

// expReduce returns r with x = n·ln 2 + r, and n in the low bits of t.
func expReduce(x, log2e, magic, hi, lo simd.Float32s) (t, r simd.Float32s) {
	t = x.Mul(log2e).Add(magic)
	n := t.Sub(magic)
	return t, x.Sub(n.Mul(hi)).Sub(n.Mul(lo))
}

// expPoly returns eʳ. one is 1; the other arguments are the coefficients.
func expPoly(r, c6, c5, c4, c3, c2, one simd.Float32s) simd.Float32s {
	q := r.Mul(c6).Add(c5).Mul(r).Add(c4).Mul(r).Add(c3).Mul(r).Add(c2)
	return r.Mul(r).Mul(q).Add(r).Add(one)
}

// expScale returns p·2ⁿ, with n in the low bits of t.
func expScale(p, t simd.Float32s) simd.Float32s {
	return p.ToBits().Add(t.ToBits().ShiftAllLeft(23)).BitsToFloat32()
}

// expConstants returns the constants of expReduce.
func expConstants() (log2e, magic, hi, lo simd.Float32s) {
	return simd.BroadcastFloat32s(num.Exp32Log2E), simd.BroadcastFloat32s(num.Exp32Magic),
		simd.BroadcastFloat32s(num.Exp32Ln2Hi), simd.BroadcastFloat32s(num.Exp32Ln2Lo)
}

// expCoefficients returns the constants of expPoly.
func expCoefficients() (c6, c5, c4, c3, c2, one simd.Float32s) {
	return simd.BroadcastFloat32s(num.Exp32C6), simd.BroadcastFloat32s(num.Exp32C5),
		simd.BroadcastFloat32s(num.Exp32C4), simd.BroadcastFloat32s(num.Exp32C3),
		simd.BroadcastFloat32s(num.Exp32C2), simd.BroadcastFloat32s(1)
}

// expRange returns the smallest and the largest argument whose exponential is neither
// 0 nor infinite, and infinity.
func expRange() (least, most, inf simd.Float32s) {
	return simd.BroadcastFloat32s(num.Exp32Min), simd.BroadcastFloat32s(num.Exp32Max),
		simd.BroadcastFloat32s(float32(math.Inf(1)))
}
