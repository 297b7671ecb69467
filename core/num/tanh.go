package num

import "math"

// Tanh returns the hyperbolic tangent of x within 1 ulp, as E/(E + 2) with E = e²ˣ − 1.
// Tanh(±0) = ±0, Tanh(±Inf) = ±1, Tanh(NaN) = NaN.
func Tanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x || a < 0x1p-28: // x³/3 is below ½ ulp
		return x
	case a > 22:
		return math.Copysign(1, x)
	}
	e, eLo := expm1Pair(2 * a)
	d, dLo := twoSum(e, 2)
	y, yLo := divPair(e, eLo, d, dLo+eLo)
	return math.Copysign(y+yLo, x)
}
