package kernel

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
		p, ds, rows := take(attnRows*l), take(attnRows*l), take(attnRows*w)
		for head := 0; head < a.C; head += d {
			keysT.packTransposed(k[head:], a.C, set)
			valuesT.packTransposed(v[head:], a.C, set)
			keys.pack(k[head:], a.C, set)
			for i := 0; i < a.L; i += attnRows {
				n := min(attnRows, a.L-i)
				qi, dyi, dqi := q[i*a.C+head:], dy[i*a.C+head:], dq[i*a.C+head:]
				scoreGrads(p, ds, qi, dyi, &keysT, &valuesT, n, a, set)
				keys.times(rows, w, ds, l, n, Fast, set)
				for r := range n {
					AddTo(dqi[r*a.C:][:d], rows[r*w:][:d])
				}
				packRows(rows, dyi, n, d, w, a.C)
				addTransposed(dv[head:], p, rows, n, a, set)
				packRows(rows, qi, n, d, w, a.C)
				addTransposed(dk[head:], ds, rows, n, a, set)
			}
		}
	}
}

// scoreGrads writes the attention weights of the first n ≤ attnRows queries of q to p
// [n,l], and the gradients of their scores to ds [n,l].
func scoreGrads(p, ds, q, dy []float32, keysT, valuesT *operand, n int, a Attn, set *tileSet) {
	_, l, _ := a.padded()
	softmaxGrad := softmaxGradFast.of(softmaxGradImpls)
	sums := weightsTiled(p, q, keysT, n, a, Fast, set)
	valuesT.times(ds, l, dy, a.C, n, Fast, set)
	for r := range n {
		row, grad := p[r*l:(r+1)*l], ds[r*l:(r+1)*l]
		Scale(row, row, 1/sums[r])
		clear(grad[a.L:])
		softmaxGrad(grad, row, a.scale())
	}
}

// packRows copies n rows of d numbers, which start stride apart in x, to rows [n,w],
// and pads them with zeros.
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
	var at [attnRows]int32
	for i := range n {
		at[i] = int32(i * l)
	}
	for column := 0; column < d; {
		vecs := set.tileWidth(set.blocks(d - column))
		height, columns := set.rows[vecs], min(vecs*set.lanes, d-column)
		for j := 0; j < a.L; j += height {
			to := tileOutput{y: dx[j*a.C+column:], n: a.C}
			set.addGrad(vecs, min(height, a.L-j), columns, &to, p, at[:n], int32(j), rows[column:], w)
		}
		column += columns
	}
}
