//go:build goexperiment.simd

package kernel

import "simd"

// chunkRows is the number of positions of a strip for which the buffer holds dz.
const chunkRows = 64

// normStrip is the working state for the gradient of one strip of n channels. Its
// functions are not methods because the compiler (Go 1.27.4) fails on a method that uses
// package simd and has no vector in its signature.
type normStrip struct {
	n                       int
	mean, rstd, gamma, beta [16]float32
	sum, product            [16]float32 // ⟨gamma·dz⟩ and ⟨gamma·dz·x̂⟩ of the channels' groups
	db, dg                  [16]float32 // Σ dz and Σ dz·x̂
	dz                      [16 * chunkRows]float32
}

// groupNormBackwardSimd computes dz twice, so that it needs no memory for a whole image.
func groupNormBackwardSimd(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy []float32, n Norm) {
	cg := n.C / n.Groups
	var v simd.Float32s
	whole := n.C - n.C%v.Len()
	sums, products := make([]float32, n.Groups), make([]float32, n.Groups)
	var s normStrip

	for c := 0; c < whole; c += 16 {
		s.load(gamma, beta, mean, rstd, c, min(16, whole-c), cg)
		stripGrads(&s, x[c:], dy[c:], n)
		for j := range s.n {
			dbeta[c+j] += s.db[j]
			dgamma[c+j] += s.dg[j]
			s.db[j] *= s.gamma[j]
			s.dg[j] *= s.gamma[j]
		}
		gather(sums, s.db[:s.n], c, cg)
		gather(products, s.dg[:s.n], c, cg)
	}
	for c := whole; c < n.C; c++ {
		g := c / cg
		db, dg := columnGrads(x[c:], dy[c:], mean[g], rstd[g], gamma[c], beta[c], n)
		dbeta[c] += db
		dgamma[c] += dg
		sums[g] += float32(gamma[c] * db)
		products[g] += float32(gamma[c] * dg)
	}
	for g := range sums {
		sums[g] /= n.count()
		products[g] /= n.count()
	}

	for c := 0; c < whole; c += 16 {
		s.load(gamma, beta, mean, rstd, c, min(16, whole-c), cg)
		spread(s.sum[:s.n], sums, c, cg)
		spread(s.product[:s.n], products, c, cg)
		addStripGrad(&s, dx[c:], x[c:], dy[c:], n)
	}
	for c := whole; c < n.C; c++ {
		g := c / cg
		addColumnGrad(dx[c:], x[c:], dy[c:], mean[g], rstd[g], gamma[c], beta[c], sums[g], products[g], n)
	}
}

func (s *normStrip) load(gamma, beta, mean, rstd []float32, c, n, cg int) {
	s.n = n
	copy(s.gamma[:n], gamma[c:])
	copy(s.beta[:n], beta[c:])
	spread(s.mean[:n], mean, c, cg)
	spread(s.rstd[:n], rstd, c, cg)
}

// stripGrads computes columnGrads for the strip at the start of x and dy.
func stripGrads(s *normStrip, x, dy []float32, n Norm) {
	var v simd.Float32s
	w := v.Len()
	for k := 0; k <= s.n-w; k += w {
		m, r := simd.LoadFloat32s(s.mean[k:]), simd.LoadFloat32s(s.rstd[k:])
		var db, dg simd.Float32s
		for from := 0; from < n.HW; from += chunkRows {
			i := from*n.C + k
			dz := stripSlopes(s, k, x[i:], dy[i:], min(chunkRows, n.HW-from), n)
			for j := 0; j <= len(dz)-w; j += w {
				d := simd.LoadFloat32s(dz[j : j+w])
				db = db.Add(d)
				dg = simd.LoadFloat32s(x[i:i+w]).Sub(m).Mul(r).MulAdd(d, dg)
				i += n.C
			}
		}
		db.Store(s.db[k:])
		dg.Store(s.dg[k:])
	}
}

// addStripGrad computes addColumnGrad for the strip at the start of dx, x and dy.
func addStripGrad(s *normStrip, dx, x, dy []float32, n Norm) {
	var v simd.Float32s
	w := v.Len()
	for k := 0; k <= s.n-w; k += w {
		m, r := simd.LoadFloat32s(s.mean[k:]), simd.LoadFloat32s(s.rstd[k:])
		sum, product := simd.LoadFloat32s(s.sum[k:]).Neg(), simd.LoadFloat32s(s.product[k:]).Neg()
		gamma := simd.LoadFloat32s(s.gamma[k:])
		for from := 0; from < n.HW; from += chunkRows {
			i := from*n.C + k
			dz := stripSlopes(s, k, x[i:], dy[i:], min(chunkRows, n.HW-from), n)
			for j := 0; j <= len(dz)-w; j += w {
				xhat := simd.LoadFloat32s(x[i : i+w]).Sub(m).Mul(r)
				d := simd.LoadFloat32s(dz[j:j+w]).MulAdd(gamma, sum)
				d = xhat.MulAdd(product, d)
				d.MulAdd(r, simd.LoadFloat32s(dx[i:i+w])).Store(dx[i : i+w])
				i += n.C
			}
		}
	}
}

// stripSlopes returns dz for the vector of channels that starts at channel k of the
// strip, at the first rows positions of x and dy. The result is in a buffer of s. x and
// dy start at channel k.
func stripSlopes(s *normStrip, k int, x, dy []float32, rows int, n Norm) []float32 {
	log2e, magic, hi, lo := expConstants()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, most, inf := expRange()
	w := one.Len()
	dz := s.dz[:rows*w]
	i := 0
	if !n.SiLU {
		for j := 0; j <= len(dz)-w; j += w {
			simd.LoadFloat32s(dy[i : i+w]).Store(dz[j : j+w])
			i += n.C
		}
		return dz
	}
	m, r := simd.LoadFloat32s(s.mean[k:]), simd.LoadFloat32s(s.rstd[k:])
	gamma, beta := simd.LoadFloat32s(s.gamma[k:]), simd.LoadFloat32s(s.beta[k:])
	for j := 0; j <= len(dz)-w; j += w {
		z := simd.LoadFloat32s(x[i:i+w]).Sub(m).Mul(r).MulAdd(gamma, beta)
		u := z.Neg()
		t, rest := expReduce(u, log2e, magic, hi, lo)
		e := expScale(expPoly(rest, c6, c5, c4, c3, c2, one), t).Masked(u.GreaterEqual(least))
		sigmoid := one.Div(one.Add(e.IfElse(u.LessEqual(most), inf)))
		slope := sigmoid.Mul(z.MulAdd(one.Sub(sigmoid), one))
		simd.LoadFloat32s(dy[i : i+w]).Mul(slope).Store(dz[j : j+w])
		i += n.C
	}
	return dz
}

func groupNormBackwardSIMD() []impl[groupNormBackwardFunc] {
	return []impl[groupNormBackwardFunc]{{"simd", !simd.Emulated(), groupNormBackwardSimd}}
}
