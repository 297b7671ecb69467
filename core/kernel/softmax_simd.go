//go:build goexperiment.simd

package kernel

import "simd"

var softmaxSIMD = []impl[func(p []float32, scale float32) float32]{{"simd", !simd.Emulated(), softmaxSimd}}

// softmaxSimd ignores NaN scores when it searches for the largest: the weight of a NaN
// score is NaN, and so is the sum.
func softmaxSimd(p []float32, scale float32) float32 {
	m := simd.BroadcastFloat32s(largestSimd(p))
	by := simd.BroadcastFloat32s(scale)
	log2e, magic, hi, lo := expConstants()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, _, _ := expRange()
	w := one.Len()
	var lane [16]float32
	for i := 0; i <= len(p)-w; i += w {
		a := simd.LoadFloat32s(p[i : i+w]).Sub(m).Mul(by) // ≤ 0 or NaN
		t, r := expReduce(a, log2e, magic, hi, lo)
		e := expScale(expPoly(r, c6, c5, c4, c3, c2, one), t).Masked(a.GreaterEqual(least))
		e = e.IfElse(a.Equal(a), a)
		e.Store(p[i : i+w])
		l := lane[i%16:]
		simd.LoadFloat32s(l).Add(e).Store(l)
	}
	return sum16(&lane)
}

// largestSimd returns the largest number of p, whose length is a multiple of 16.
func largestSimd(p []float32) float32 {
	m := simd.LoadFloat32s(p)
	w := m.Len()
	for i := w; i <= len(p)-w; i += w {
		m = m.Max(simd.LoadFloat32s(p[i : i+w]))
	}
	var lane [16]float32
	m.Store(lane[:])
	largest := lane[0]
	for _, v := range lane[1:w] {
		if v > largest {
			largest = v
		}
	}
	return largest
}

func softmaxGradSimd(dp, p []float32, scale float32) {
	var sum simd.Float32s
	w := sum.Len()
	dp = dp[:len(p)]
	i := 0
	for ; i <= len(p)-w; i += w {
		sum = simd.LoadFloat32s(p[i:i+w]).MulAdd(simd.LoadFloat32s(dp[i:i+w]), sum)
	}
	var lane [16]float32
	sum.Store(lane[:])
	mean := sum16(&lane) + dotInOrder(p[i:], dp[i:])
	m, by := simd.BroadcastFloat32s(mean), simd.BroadcastFloat32s(scale)
	i = 0
	for ; i <= len(p)-w; i += w {
		d := simd.LoadFloat32s(dp[i : i+w]).Sub(m)
		simd.LoadFloat32s(p[i : i+w]).Mul(d).Mul(by).Store(dp[i : i+w])
	}
	for ; i < len(p); i++ {
		dp[i] = p[i] * (dp[i] - mean) * scale
	}
}

func softmaxGradSIMD() []impl[func(dp, p []float32, scale float32)] {
	return []impl[func(dp, p []float32, scale float32)]{{"simd", !simd.Emulated(), softmaxGradSimd}}
}
