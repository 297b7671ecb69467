package kernel

// gradRows is how many queries the gradient takes at a time.
const gradRows = 32

// attentionBackwardTiled returns AttentionBackward on the tiles of set, by the
// formulas of attentionBackwardRef.
func attentionBackwardTiled(set *tileSet) attentionBackwardFunc {
	return func(dq, dk, dv, q, k, v, dy, scratch []float32, a Attn) {
		d, l, w := a.padded()
		take := func(n int) []float32 {
			s := scratch[:n]
			scratch = scratch[n:]
			return s
		}
		keysT := operand{k: d, n: a.L, data: take(d * l)}
		valuesT := operand{k: d, n: a.L, data: take(d * l)}
		keys := operand{k: a.L, n: d, data: take(a.L * w)}
		p, ds, rows := take(gradRows*l), take(gradRows*l), take(gradRows*w)
		for head := 0; head < a.C; head += d {
			keysT.packTransposed(k[head:], a.C, set)
			valuesT.packTransposed(v[head:], a.C, set)
			keys.pack(k[head:], a.C, set)
			for i := 0; i < a.L; i += gradRows {
				n := min(gradRows, a.L-i)
				qi, dyi, dqi := q[i*a.C+head:], dy[i*a.C+head:], dq[i*a.C+head:]
				for r := 0; r < n; r += tileRows {
					m, pr, dsr := min(tileRows, n-r), p[r*l:], ds[r*l:]
					scoreGrads(pr, dsr, qi[r*a.C:], dyi[r*a.C:], &keysT, &valuesT, m, a, set)
					keys.times(rows, w, dsr, l, m, Fast, set)
					for s := range m {
						AddTo(dqi[(r+s)*a.C:][:d], rows[s*w:][:d])
					}
				}
				packRows(rows, dyi, n, d, w, a.C)
				addTransposed(dv[head:], p, rows, n, a, set)
				packRows(rows, qi, n, d, w, a.C)
				addTransposed(dk[head:], ds, rows, n, a, set)
			}
		}
	}
}

// scoreGrads writes to p and ds [n,l] the weights of the first n ≤ tileRows
// queries of q and the gradients of their scores.
func scoreGrads(p, ds, q, dy []float32, keysT, valuesT *operand, n int, a Attn, set *tileSet) {
	_, l, _ := a.padded()
	sums := weightsTiled(p, q, keysT, n, a, Fast, set)
	valuesT.times(ds, l, dy, a.C, n, Fast, set)
	for r := range n {
		row, grad := p[r*l:(r+1)*l], ds[r*l:(r+1)*l]
		Scale(row, row, 1/sums[r])
		clear(grad[a.L:])
		softmaxGradFast(grad, row, a.scale())
	}
}

// packRows copies n rows of d numbers, stride apart in x, to rows [n,w], and fills
// them up with zeros.
func packRows(rows, x []float32, n, d, w, stride int) {
	for i := range n {
		row := rows[i*w : (i+1)*w]
		copy(row, x[i*stride:][:d])
		clear(row[d:])
	}
}

// addTransposed adds pᵀ·rows to dx, whose rows start a.C apart: p [n,l], rows [n,w].
func addTransposed(dx, p, rows []float32, n int, a Attn, set *tileSet) {
	d, l, w := a.padded()
	var tile [maxTile]float32
	var at [gradRows]int32
	for i := range n {
		at[i] = int32(i * l)
	}
	for column := 0; column < d; {
		vecs := min((d-column+set.lanes-1)/set.lanes, set.most)
		width := vecs * set.lanes
		for j := 0; j < a.L; j += tileRows {
			set.gradTile(vecs, &tile, p, at[:n], int32(j), rows[column:], w)
			for r := range min(tileRows, a.L-j) {
				out := tile[r*width:][:min(width, d-column)]
				AddTo(dx[(j+r)*a.C+column:][:len(out)], out)
			}
		}
		column += width
	}
}
