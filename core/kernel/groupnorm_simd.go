//go:build goexperiment.simd

package kernel

import "simd"

var groupNormSIMD = []impl[groupNormFunc]{{"simd", !simd.Emulated(), groupNormSimd}}

// A strip is up to 16 adjacent channels, a whole number of vectors, at all positions.
// The statistics of one vector of channels stay in registers.

// groupNormSimd processes strips of channels, and the remaining channels one by one.
func groupNormSimd(y, x, gamma, beta, mean, rstd []float32, n Norm) {
	cg := n.C / n.Groups
	var v simd.Float32s
	whole := n.C - n.C%v.Len()
	var strip, of, scale [16]float32

	clear(mean)
	for c := 0; c < whole; c += 16 {
		sums := strip[:min(16, whole-c)]
		stripSums(sums, x[c:], n.C)
		gather(mean, sums, c, cg)
	}
	for c := whole; c < n.C; c++ {
		mean[c/cg] += columnSum(x[c:], n.C)
	}
	for g := range mean {
		mean[g] /= n.count()
	}

	clear(rstd)
	for c := 0; c < whole; c += 16 {
		sums, means := strip[:min(16, whole-c)], of[:min(16, whole-c)]
		spread(means, mean, c, cg)
		stripSquares(sums, x[c:], n.C, means)
		gather(rstd, sums, c, cg)
	}
	for c := whole; c < n.C; c++ {
		rstd[c/cg] += columnSquares(x[c:], n.C, mean[c/cg])
	}
	for g := range rstd {
		rstd[g] = rstdOf(rstd[g]/n.count(), n.Eps)
	}

	for c := 0; c < whole; c += 16 {
		means, scales := of[:min(16, whole-c)], scale[:min(16, whole-c)]
		spread(means, mean, c, cg)
		spread(scales, rstd, c, cg)
		for j, ga := range gamma[c : c+len(scales)] {
			scales[j] *= ga
		}
		if n.SiLU {
			stripNormSiLU(y[c:], x[c:], n.C, means, scales, beta[c:])
		} else {
			stripNorm(y[c:], x[c:], n.C, means, scales, beta[c:])
		}
	}
	for c := whole; c < n.C; c++ {
		normColumn(y[c:], x[c:], mean[c/cg], rstd[c/cg]*gamma[c], beta[c], n)
	}
}

// spread writes to dst[j] the statistic of the group of channel c+j, for every j. A group
// has cg channels.
func spread(dst, stat []float32, c, cg int) {
	g, left := c/cg, cg-c%cg
	for j := range dst {
		dst[j] = stat[g]
		if left--; left == 0 {
			g, left = g+1, cg
		}
	}
}

// gather adds from[j], which belongs to channel c+j, to the statistic of its group, for
// every j in order.
func gather(stat, from []float32, c, cg int) {
	g, left := c/cg, cg-c%cg
	for _, v := range from {
		stat[g] += v
		if left--; left == 0 {
			g, left = g+1, cg
		}
	}
}

// stripSums computes columnSum for each of the first len(sums) columns of x.
func stripSums(sums, x []float32, stride int) {
	var v simd.Float32s
	w := v.Len()
	for k := 0; k <= len(sums)-w; k += w {
		var s0, s1, s2, s3 simd.Float32s
		i := k
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
		s0.Add(s2).Add(s1.Add(s3)).Store(sums[k:])
	}
}

// stripSquares computes columnSquares for each of the first len(sums) columns of x.
func stripSquares(sums, x []float32, stride int, mean []float32) {
	var v simd.Float32s
	w := v.Len()
	for k := 0; k <= len(sums)-w; k += w {
		m := simd.LoadFloat32s(mean[k:])
		var s0, s1, s2, s3 simd.Float32s
		i := k
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
		s0.Add(s2).Add(s1.Add(s3)).Store(sums[k:])
	}
}

// stripNorm computes normColumn for a strip, without SiLU.
func stripNorm(y, x []float32, stride int, mean, scale, beta []float32) {
	var v simd.Float32s
	w := v.Len()
	for k := 0; k <= len(mean)-w; k += w {
		m, a, b := simd.LoadFloat32s(mean[k:]), simd.LoadFloat32s(scale[k:]), simd.LoadFloat32s(beta[k:])
		for i := k; i+w <= len(x); i += stride {
			simd.LoadFloat32s(x[i : i+w]).Sub(m).Mul(a).Add(b).Store(y[i : i+w])
		}
	}
}

// stripNormSiLU computes normColumn for a strip, with SiLU.
func stripNormSiLU(y, x []float32, stride int, mean, scale, beta []float32) {
	log2e, magic, hi, lo := expConstants()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, most, inf := expRange()
	w := one.Len()
	for k := 0; k <= len(mean)-w; k += w {
		m, a, b := simd.LoadFloat32s(mean[k:]), simd.LoadFloat32s(scale[k:]), simd.LoadFloat32s(beta[k:])
		for i := k; i+w <= len(x); i += stride {
			z := simd.LoadFloat32s(x[i : i+w]).Sub(m).Mul(a).Add(b)
			u := z.Neg()
			t, r := expReduce(u, log2e, magic, hi, lo)
			e := expScale(expPoly(r, c6, c5, c4, c3, c2, one), t).Masked(u.GreaterEqual(least))
			e = e.IfElse(u.LessEqual(most), inf)
			z.Div(one.Add(e)).Store(y[i : i+w])
		}
	}
}
