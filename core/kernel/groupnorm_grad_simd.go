//go:build goexperiment.simd

package kernel

import "simd"

var groupNormBackwardSIMD = []impl[groupNormBackwardFunc]{{"simd", !simd.Emulated(), groupNormBackwardSimd}}

// chunkRows is how many positions of a strip have their dz in the buffer at a time.
const chunkRows = 64

// normStrip is what the gradient of one strip needs of its channels. The
// functions on it are no methods: the compiler fails on a method that uses
// package simd and has no vector in its signature (Go 1.27.4).
type normStrip struct {
	mean, rstd, gamma, beta [16]float32
	sum, product            [16]float32 // ⟨gamma·dz⟩ and ⟨gamma·dz·x̂⟩ of their groups
	db, dg                  [16]float32 // Σ dz and Σ dz·x̂
	dz                      [16 * chunkRows]float32
}

// groupNormBackwardSimd computes dz twice rather than keep an image of it.
func groupNormBackwardSimd(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy []float32, n Norm) {
	cg := n.C / n.Groups
	var v simd.Float32s
	w := v.Len()
	strips := n.C - n.C%w
	sums, products := make([]float32, n.Groups), make([]float32, n.Groups)
	var s normStrip

	for c := 0; c < strips; c += w {
		s.load(gamma, beta, mean, rstd, c, w, cg)
		stripGrads(&s, x[c:], dy[c:], n)
		for j := range w {
			dbeta[c+j] += s.db[j]
			dgamma[c+j] += s.dg[j]
			s.db[j] *= s.gamma[j]
			s.dg[j] *= s.gamma[j]
		}
		gather(sums, &s.db, c, w, cg)
		gather(products, &s.dg, c, w, cg)
	}
	for c := strips; c < n.C; c++ {
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

	for c := 0; c < strips; c += w {
		s.load(gamma, beta, mean, rstd, c, w, cg)
		spread(&s.sum, sums, c, w, cg)
		spread(&s.product, products, c, w, cg)
		addStripGrad(&s, dx[c:], x[c:], dy[c:], n)
	}
	for c := strips; c < n.C; c++ {
		g := c / cg
		addColumnGrad(dx[c:], x[c:], dy[c:], mean[g], rstd[g], gamma[c], beta[c], sums[g], products[g], n)
	}
}

func (s *normStrip) load(gamma, beta, mean, rstd []float32, c, w, cg int) {
	copy(s.gamma[:], gamma[c:c+w])
	copy(s.beta[:], beta[c:c+w])
	spread(&s.mean, mean, c, w, cg)
	spread(&s.rstd, rstd, c, w, cg)
}

// stripGrads is columnGrads of the strip at the start of x and dy.
func stripGrads(s *normStrip, x, dy []float32, n Norm) {
	m, r := simd.LoadFloat32s(s.mean[:]), simd.LoadFloat32s(s.rstd[:])
	var db, dg simd.Float32s
	w := m.Len()
	for from := 0; from < n.HW; from += chunkRows {
		rows := min(chunkRows, n.HW-from)
		stripSlopes(s, x[from*n.C:], dy[from*n.C:], rows, n)
		dz := s.dz[:rows*w]
		for i, k := from*n.C, 0; k <= len(dz)-w; i, k = i+n.C, k+w {
			d := simd.LoadFloat32s(dz[k : k+w])
			db = db.Add(d)
			dg = simd.LoadFloat32s(x[i:i+w]).Sub(m).Mul(r).MulAdd(d, dg)
		}
	}
	db.Store(s.db[:])
	dg.Store(s.dg[:])
}

// addStripGrad is addColumnGrad of the strip at the start of dx, x and dy.
func addStripGrad(s *normStrip, dx, x, dy []float32, n Norm) {
	m, r := simd.LoadFloat32s(s.mean[:]), simd.LoadFloat32s(s.rstd[:])
	sum, product := simd.LoadFloat32s(s.sum[:]).Neg(), simd.LoadFloat32s(s.product[:]).Neg()
	gamma := simd.LoadFloat32s(s.gamma[:])
	w := m.Len()
	for from := 0; from < n.HW; from += chunkRows {
		rows := min(chunkRows, n.HW-from)
		stripSlopes(s, x[from*n.C:], dy[from*n.C:], rows, n)
		dz := s.dz[:rows*w]
		for i, k := from*n.C, 0; k <= len(dz)-w; i, k = i+n.C, k+w {
			xhat := simd.LoadFloat32s(x[i : i+w]).Sub(m).Mul(r)
			d := simd.LoadFloat32s(dz[k:k+w]).MulAdd(gamma, sum)
			d = xhat.MulAdd(product, d)
			d.MulAdd(r, simd.LoadFloat32s(dx[i:i+w])).Store(dx[i : i+w])
		}
	}
}

// stripSlopes fills s.dz with dz of the first rows positions of x and dy.
func stripSlopes(s *normStrip, x, dy []float32, rows int, n Norm) {
	log2e, magic, hi, lo := expBy()
	c6, c5, c4, c3, c2, one := expCoefficients()
	least, most, inf := expRange()
	w := one.Len()
	dz := s.dz[:rows*w]
	if !n.SiLU {
		for i, k := 0, 0; k <= len(dz)-w; i, k = i+n.C, k+w {
			simd.LoadFloat32s(dy[i : i+w]).Store(dz[k : k+w])
		}
		return
	}
	m, r := simd.LoadFloat32s(s.mean[:]), simd.LoadFloat32s(s.rstd[:])
	gamma, beta := simd.LoadFloat32s(s.gamma[:]), simd.LoadFloat32s(s.beta[:])
	for i, k := 0, 0; k <= len(dz)-w; i, k = i+n.C, k+w {
		z := simd.LoadFloat32s(x[i:i+w]).Sub(m).Mul(r).MulAdd(gamma, beta)
		u := z.Neg()
		t, rest := expReduce(u, log2e, magic, hi, lo)
		e := expScale(expPoly(rest, c6, c5, c4, c3, c2, one), t).Masked(u.GreaterEqual(least))
		sigmoid := one.Div(one.Add(e.IfElse(u.LessEqual(most), inf)))
		slope := sigmoid.Mul(z.MulAdd(one.Sub(sigmoid), one))
		simd.LoadFloat32s(dy[i : i+w]).Mul(slope).Store(dz[k : k+w])
	}
}
