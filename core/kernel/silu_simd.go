//go:build goexperiment.simd

package kernel

import "simd"

var siluSIMD = []impl[func(y, x []float32)]{{"simd", !simd.Emulated(), siluSimd}}

// siluSimd may compute any exponential for a NaN, since the quotient is NaN anyway.
func siluSimd(y, x []float32) {
	log2e, magic, hi, lo := expConstants()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, most, inf := expRange()
	w := one.Len()
	x = x[:len(y)]
	i := 0
	for ; i <= len(y)-w; i += w {
		v := simd.LoadFloat32s(x[i : i+w])
		a := v.Neg()
		t, r := expReduce(a, log2e, magic, hi, lo)
		e := expScale(expPoly(r, c6, c5, c4, c3, c2, one), t).Masked(a.GreaterEqual(least))
		e = e.IfElse(a.LessEqual(most), inf)
		v.Div(one.Add(e)).Store(y[i : i+w])
	}
	siluRef(y[i:], x[i:])
}

func siluBackwardSimd(dx, x, dy []float32) {
	log2e, magic, hi, lo := expConstants()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, most, inf := expRange()
	w := one.Len()
	x, dy = x[:len(dx)], dy[:len(dx)]
	i := 0
	for ; i <= len(dx)-w; i += w {
		v := simd.LoadFloat32s(x[i : i+w])
		a := v.Neg()
		t, r := expReduce(a, log2e, magic, hi, lo)
		e := expScale(expPoly(r, c6, c5, c4, c3, c2, one), t).Masked(a.GreaterEqual(least))
		s := one.Div(one.Add(e.IfElse(a.LessEqual(most), inf)))
		slope := s.Mul(one.Add(v.Mul(one.Sub(s))))
		d := dx[i : i+w]
		simd.LoadFloat32s(d).Add(simd.LoadFloat32s(dy[i : i+w]).Mul(slope)).Store(d)
	}
	siluBackwardRef(dx[i:], x[i:], dy[i:])
}

func siluBackwardSIMD() []impl[func(dx, x, dy []float32)] {
	return []impl[func(dx, x, dy []float32)]{{"simd", !simd.Emulated(), siluBackwardSimd}}
}
