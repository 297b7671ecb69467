//go:build goexperiment.simd

package kernel

import "simd"

var groupNormSIMD = []impl[groupNormFunc]{{"simd", !simd.Emulated(), groupNormSimd}}

// A strip is one vector of neighbouring channels, down all positions. What
// belongs to its channels stays in registers.

// groupNormSimd goes strip by strip, and channel by channel over what is left.
func groupNormSimd(y, x, gamma, beta, mean, rstd []float32, n Norm) {
	cg := n.C / n.Groups
	var v simd.Float32s
	w := v.Len()
	strips := n.C - n.C%w
	var strip, of, scale [16]float32

	clear(mean)
	for c := 0; c < strips; c += w {
		stripSums(&strip, x[c:], n.C)
		gather(mean, &strip, c, w, cg)
	}
	for c := strips; c < n.C; c++ {
		mean[c/cg] += columnSum(x[c:], n.C)
	}
	for g := range mean {
		mean[g] /= n.count()
	}

	clear(rstd)
	for c := 0; c < strips; c += w {
		spread(&of, mean, c, w, cg)
		stripSquares(&strip, x[c:], n.C, &of)
		gather(rstd, &strip, c, w, cg)
	}
	for c := strips; c < n.C; c++ {
		rstd[c/cg] += columnSquares(x[c:], n.C, mean[c/cg])
	}
	for g := range rstd {
		rstd[g] = rstdOf(rstd[g]/n.count(), n.Eps)
	}

	for c := 0; c < strips; c += w {
		spread(&of, mean, c, w, cg)
		spread(&scale, rstd, c, w, cg)
		for j, ga := range gamma[c : c+w] {
			scale[j] *= ga
		}
		if n.SiLU {
			stripNormSiLU(y[c:], x[c:], n.C, &of, &scale, beta[c:c+w])
		} else {
			stripNorm(y[c:], x[c:], n.C, &of, &scale, beta[c:c+w])
		}
	}
	for c := strips; c < n.C; c++ {
		normColumn(y[c:], x[c:], mean[c/cg], rstd[c/cg]*gamma[c], beta[c], n)
	}
}

// spread writes to the first w of to what stat holds for the groups of the
// channels c, c+1, … ; a group has cg channels.
func spread(to *[16]float32, stat []float32, c, w, cg int) {
	g, left := c/cg, cg-c%cg
	for j := range w {
		to[j] = stat[g]
		if left--; left == 0 {
			g, left = g+1, cg
		}
	}
}

// gather adds the first w of from, which belong to the channels c, c+1, …, to
// their groups in stat, in order.
func gather(stat []float32, from *[16]float32, c, w, cg int) {
	g, left := c/cg, cg-c%cg
	for j := range w {
		stat[g] += from[j]
		if left--; left == 0 {
			g, left = g+1, cg
		}
	}
}

// stripSums is columnSum of the strip at the start of x.
func stripSums(sums *[16]float32, x []float32, stride int) {
	var s0, s1, s2, s3 simd.Float32s
	w := s0.Len()
	i := 0
	for ; i+3*stride+w <= len(x); i += 4 * stride {
		s0 = s0.Add(simd.LoadFloat32s(x[i : i+w]))
		s1 = s1.Add(simd.LoadFloat32s(x[i+stride : i+stride+w]))
		s2 = s2.Add(simd.LoadFloat32s(x[i+2*stride : i+2*stride+w]))
		s3 = s3.Add(simd.LoadFloat32s(x[i+3*stride : i+3*stride+w]))
	}
	if i+w <= len(x) {
		s0 = s0.Add(simd.LoadFloat32s(x[i:]))
	}
	if i += stride; i+w <= len(x) {
		s1 = s1.Add(simd.LoadFloat32s(x[i:]))
	}
	if i += stride; i+w <= len(x) {
		s2 = s2.Add(simd.LoadFloat32s(x[i:]))
	}
	s0.Add(s2).Add(s1.Add(s3)).Store(sums[:])
}

// stripSquares is columnSquares of the strip at the start of x.
func stripSquares(sums *[16]float32, x []float32, stride int, mean *[16]float32) {
	m := simd.LoadFloat32s(mean[:])
	var s0, s1, s2, s3 simd.Float32s
	w := s0.Len()
	i := 0
	for ; i+3*stride+w <= len(x); i += 4 * stride {
		d0 := simd.LoadFloat32s(x[i : i+w]).Sub(m)
		d1 := simd.LoadFloat32s(x[i+stride : i+stride+w]).Sub(m)
		d2 := simd.LoadFloat32s(x[i+2*stride : i+2*stride+w]).Sub(m)
		d3 := simd.LoadFloat32s(x[i+3*stride : i+3*stride+w]).Sub(m)
		s0, s1 = s0.Add(d0.Mul(d0)), s1.Add(d1.Mul(d1))
		s2, s3 = s2.Add(d2.Mul(d2)), s3.Add(d3.Mul(d3))
	}
	if i+w <= len(x) {
		d := simd.LoadFloat32s(x[i:]).Sub(m)
		s0 = s0.Add(d.Mul(d))
	}
	if i += stride; i+w <= len(x) {
		d := simd.LoadFloat32s(x[i:]).Sub(m)
		s1 = s1.Add(d.Mul(d))
	}
	if i += stride; i+w <= len(x) {
		d := simd.LoadFloat32s(x[i:]).Sub(m)
		s2 = s2.Add(d.Mul(d))
	}
	s0.Add(s2).Add(s1.Add(s3)).Store(sums[:])
}

func stripNorm(y, x []float32, stride int, mean, scale *[16]float32, beta []float32) {
	m, a, b := simd.LoadFloat32s(mean[:]), simd.LoadFloat32s(scale[:]), simd.LoadFloat32s(beta)
	w := m.Len()
	for i := 0; i+w <= len(x); i += stride {
		simd.LoadFloat32s(x[i : i+w]).Sub(m).Mul(a).Add(b).Store(y[i : i+w])
	}
}

func stripNormSiLU(y, x []float32, stride int, mean, scale *[16]float32, beta []float32) {
	m, a, b := simd.LoadFloat32s(mean[:]), simd.LoadFloat32s(scale[:]), simd.LoadFloat32s(beta)
	log2e, magic, hi, lo := expBy()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, most, inf := expRange()
	w := m.Len()
	for i := 0; i+w <= len(x); i += stride {
		z := simd.LoadFloat32s(x[i : i+w]).Sub(m).Mul(a).Add(b)
		u := z.Neg()
		t, r := expReduce(u, log2e, magic, hi, lo)
		e := expScale(expPoly(r, c6, c5, c4, c3, c2, one), t).Masked(u.GreaterEqual(least))
		e = e.IfElse(u.LessEqual(most), inf)
		z.Div(one.Add(e)).Store(y[i : i+w])
	}
}
