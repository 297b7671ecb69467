package num

import "math"

// Erf returns the error function (2/√π)·∫₀ˣ e^(−t²) dt within 2 ulp.
// Erf(±0) = ±0, Erf(±Inf) = ±1, Erf(NaN) = NaN.
func Erf(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return x
	case a > 6: // 1 − Erf is below 2⁻⁵⁵
		return math.Copysign(1, x)
	case a < 1:
		return x + float64(x*poly(float64(x*x), erfSmall[:]))
	}
	u := 14.4/(a+3) - 2.6 // maps [1, 6] to [1, −1]
	g := poly(u, erfLarge[:])
	return math.Copysign(1-float64(Exp(-float64(a*a))*g), x)
}

// erfSmall are the coefficients of erf(x)/x − 1 as a polynomial in x², within 2⁻⁶² for
// |x| ≤ 1, by Chebyshev interpolation.
var erfSmall = [...]float64{
	0x1.06eba8214db69p-3,
	-0x1.812746b0379e6p-2,
	0x1.ce2f21a042b30p-4,
	-0x1.b82ce31284e00p-6,
	0x1.565bcd0dbaa38p-8,
	-0x1.c02db3dac435fp-11,
	0x1.f9a321d5b8e1ep-14,
	-0x1.f4d1e3183f7aep-17,
	0x1.b9df224ca4b97p-20,
	-0x1.5f1ecb6f0764cp-23,
	0x1.f7b4bf3b13964p-27,
	-0x1.389d4f2641625p-30,
	0x1.05ffd737fb32ep-34,
}

// erfLarge are the coefficients of e^(x²)·(1 − erf x) as a polynomial in
// u = 14.4/(x+3) − 2.6, within 2⁻⁵⁶ for 1 ≤ x ≤ 6, by Chebyshev interpolation.
var erfLarge = [...]float64{
	0x1.a9f324d321d3cp-3,
	0x1.3c21b61aee88ap-3,
	0x1.972131b56d8a1p-5,
	0x1.a0959cca860bbp-7,
	0x1.44f7ff14b4f06p-9,
	0x1.5bb5fdef56e27p-12,
	0x1.4838f342955b4p-16,
	-0x1.458d852751908p-19,
	-0x1.297eb24f46e75p-21,
	0x1.37128fe005ca9p-28,
	0x1.859fa1b1d8be9p-27,
	0x1.221158a542b25p-32,
	-0x1.1abd9caa73763p-32,
	-0x1.a98c6172ea19cp-38,
	0x1.ac3fdffd65cd7p-38,
}
