package num

import "math"

// Sin returns the sine of x radians within 1 ulp, for every finite x.
// Sin(±0) = ±0, Sin(±Inf) = Sin(NaN) = NaN.
func Sin(x float64) float64 {
	if math.Abs(x) < 0x1p-27 { // x³/6 is below ½ ulp
		return x
	}
	r, rLo, quadrant := reduce(x)
	return sinQuadrant(r, rLo, quadrant)
}

// Cos returns the cosine of x radians within 1 ulp, for every finite x.
// Cos(±0) = 1, Cos(±Inf) = Cos(NaN) = NaN.
func Cos(x float64) float64 {
	r, rLo, quadrant := reduce(x)
	return sinQuadrant(r, rLo, quadrant+1)
}

// SincosPi returns sin(πx) and cos(πx) within 2 ulp, for |x| < 2⁵⁰. The reduction of an
// angle in half turns is exact: SincosPi(0.5) = 1, 0.
func SincosPi(x float64) (sin, cos float64) {
	t := float64(2*x) + magic
	quadrant := math.Float64bits(t)
	r := float64((x - float64(0.5*(t-magic))) * math.Pi)
	s, c := sinReduced(r, 0), cosReduced(r, 0)
	if quadrant&1 != 0 {
		s, c = c, -s
	}
	if quadrant&2 != 0 {
		s, c = -s, -c
	}
	return s, c
}

// sinQuadrant returns sin(r + rLo + quadrant·π/2), for |r| ≤ π/4.
func sinQuadrant(r, rLo float64, quadrant uint64) float64 {
	var y float64
	if quadrant&1 == 0 {
		y = sinReduced(r, rLo)
	} else {
		y = cosReduced(r, rLo)
	}
	if quadrant&2 != 0 {
		y = -y
	}
	return y
}

// sinReduced returns sin(r + rLo) for |r| ≤ π/4 and |rLo| ≤ ulp(r).
func sinReduced(r, rLo float64) float64 {
	z := float64(r * r)
	// (sin r − r)/r³ within 2⁻⁵⁵, by Chebyshev interpolation.
	s := float64(0x1.5e0ab4dd007dap-33*z) - 0x1.ae6009e9f707p-26
	s = float64(s*z) + 0x1.71de37957c95cp-19
	s = float64(s*z) - 0x1.a01a019e82db1p-13
	s = float64(s*z) + 0x1.1111111110bafp-7
	s = float64(s*z) - 0x1.5555555555555p-3
	return r + (float64(float64(z*r)*s) + (rLo - float64(float64(0.5*z)*rLo)))
}

// cosReduced returns cos(r + rLo) for |r| ≤ π/4 and |rLo| ≤ ulp(r).
func cosReduced(r, rLo float64) float64 {
	z := float64(r * r)
	// (cos r − 1 + r²/2)/r⁴ within 2⁻⁵⁹, by Chebyshev interpolation.
	c := float64(-0x1.907d3e3374a42p-37*z) + 0x1.1eeb685cba14cp-29
	c = float64(c*z) - 0x1.27e4fa17532cap-22
	c = float64(c*z) + 0x1.a01a019f4e48p-16
	c = float64(c*z) - 0x1.6c16c16c16965p-10
	c = float64(c*z) + 0x1.5555555555555p-5
	h := float64(0.5 * z)
	w := 1 - h
	return w + (((1 - w) - h) + (float64(float64(z*z)*c) - float64(r*rLo)))
}
