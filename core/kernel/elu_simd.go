//go:build goexperiment.simd

package kernel

import "simd"

var eluSIMD = []impl[func(y, x []float32)]{{"simd", !simd.Emulated(), eluSimd}}

// eluSimd computes the exponential in all lanes; it is only used where x ≤ 0.
func eluSimd(y, x []float32) {
	log2e, magic, hi, lo := expConstants()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, _, _ := expRange()
	var zero simd.Float32s
	w := one.Len()
	x = x[:len(y)]
	i := 0
	for ; i <= len(y)-w; i += w {
		v := simd.LoadFloat32s(x[i : i+w])
		t, r := expReduce(v, log2e, magic, hi, lo)
		e := expScale(expPoly(r, c6, c5, c4, c3, c2, one), t).Masked(v.GreaterEqual(least))
		e.Sub(one).IfElse(v.LessEqual(zero), v).Store(y[i : i+w])
	}
	eluRef(y[i:], x[i:])
}

func eluBackwardSimd(dx, y, dy []float32) {
	one := simd.BroadcastFloat32s(1)
	var zero simd.Float32s
	w := one.Len()
	y, dy = y[:len(dx)], dy[:len(dx)]
	i := 0
	for ; i <= len(dx)-w; i += w {
		v := simd.LoadFloat32s(y[i : i+w])
		slope := one.Add(v).IfElse(v.LessEqual(zero), one)
		d := dx[i : i+w]
		simd.LoadFloat32s(d).Add(simd.LoadFloat32s(dy[i : i+w]).Mul(slope)).Store(d)
	}
	eluBackwardRef(dx[i:], y[i:], dy[i:])
}

func eluBackwardSIMD() []impl[func(dx, y, dy []float32)] {
	return []impl[func(dx, y, dy []float32)]{{"simd", !simd.Emulated(), eluBackwardSimd}}
}
