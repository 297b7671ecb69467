package num

import "math"

// The constants of Exp32, for kernels that compute it in every lane.
const (
	// Exp32Min is the smallest argument whose exponential is a normal float32;
	// below it Exp32 is 0. It lies just above −126·ln 2.
	Exp32Min float32 = -0x1.5d589ep+6
	// Exp32Max is the largest argument whose exponential is finite; above it
	// Exp32 is +Inf. It lies just below 128·ln 2.
	Exp32Max float32 = 0x1.62e42ep+6

	// Exp32Log2E is 1/ln 2.
	Exp32Log2E float32 = 0x1.715476p+0
	// Exp32Magic is 1.5·2²³. Adding it to |v| < 2²² rounds v to the nearest integer n,
	// ties to even, and leaves n in the low bits of the sum.
	Exp32Magic float32 = 0x1.8p+23

	// Exp32Ln2Hi has 15 significant bits, so that n·Exp32Ln2Hi is exact for the
	// n that occur. Exp32Ln2Hi + Exp32Ln2Lo is ln 2 to 39 bits (Cody & Waite 1980).
	Exp32Ln2Hi float32 = 0x1.62e4p-1
	Exp32Ln2Lo float32 = 0x1.7f7d1cp-20

	// Exp32C2 to Exp32C6 are the coefficients of
	// eʳ ≈ 1 + r + r²·(C2 + C3·r + C4·r² + C5·r³ + C6·r⁴) for |r| ≤ 0.3467, fitted to
	// minimize the maximum relative error, 3.7e-9. They were rounded to float32 one by
	// one, and after each the remaining ones were fitted again.
	Exp32C2 float32 = 0x1p-1
	Exp32C3 float32 = 0x1.5554a4p-3
	Exp32C4 float32 = 0x1.55568ep-5
	Exp32C5 float32 = 0x1.122f28p-7
	Exp32C6 float32 = 0x1.6b6788p-10
)

// Exp32 returns eˣ within 1 ulp (at most 0.989 ulp over all arguments). It is 0 below
// Exp32Min, so the result is never subnormal; +Inf above Exp32Max; and x if x is NaN.
//
// The code is the definition: a kernel that performs these operations in each lane,
// none of them fused, returns the same bits. The three selections at the end may be made
// in any order, since at most one applies; the value that a selection replaces is
// meaningless.
func Exp32(x float32) float32 {
	t := float32(x*Exp32Log2E) + Exp32Magic
	n := t - Exp32Magic
	r := x - float32(n*Exp32Ln2Hi)
	r = r - float32(n*Exp32Ln2Lo)

	q := float32(Exp32C6*r) + Exp32C5
	q = float32(q*r) + Exp32C4
	q = float32(q*r) + Exp32C3
	q = float32(q*r) + Exp32C2
	p := float32(float32(r*r)*q) + r
	p = p + 1

	// The low bits of t are n. Added to the exponent bits of p, they multiply p by 2ⁿ.
	y := math.Float32frombits(math.Float32bits(p) + math.Float32bits(t)<<23)
	if x < Exp32Min {
		y = 0
	}
	if x > Exp32Max {
		y = float32(math.Inf(1))
	}
	if x != x {
		y = x
	}
	return y
}

// Sigmoid32 returns 1/(1 + e⁻ˣ) within 3 ulp for x ≥ −Exp32Max, and 0 below.
// Like Exp32, the code is the definition for kernels: negate, Exp32, add 1, divide.
func Sigmoid32(x float32) float32 {
	return 1 / (1 + Exp32(-x))
}
