package kernel

import "math"

// The matrix products of attention use the register tiles of MatMul, which sum in the
// same order as attentionRef.

// attnRows is the number of queries that attention processes at a time: a multiple of
// every tile's height.
const attnRows = 24

// attentionTiled returns Attention on the tiles of set.
func attentionTiled(set *tileSet) attentionFunc {
	return func(y, q, k, v, scratch []float32, a Attn, mode Arithmetic) {
		d, l, w := a.padded()
		queries := len(q) / a.C
		keys := operand{k: d, n: a.L, data: scratch[:d*l]}
		values := operand{k: a.L, n: d, data: scratch[d*l:][:a.L*w]}
		p := scratch[d*l+a.L*w:][:attnRows*l]
		for head := 0; head < a.C; head += d {
			keys.packTransposed(k[head:], a.C, set)
			values.pack(v[head:], a.C, set)
			for i := 0; i < queries; i += attnRows {
				n := min(attnRows, queries-i)
				sums := weightsTiled(p, q[i*a.C+head:], &keys, n, a, mode, set)
				yi := y[i*a.C+head:]
				values.times(yi, a.C, p, l, n, mode, set)
				for r := range n {
					Scale(yi[r*a.C:][:d], yi[r*a.C:][:d], 1/sums[r])
				}
			}
		}
	}
}

// weightsTiled writes the attention weights of the first n ≤ attnRows queries of q to
// p [n,l], not yet divided by their sums, and returns the sums.
func weightsTiled(p, q []float32, keys *operand, n int, a Attn, mode Arithmetic, set *tileSet) (sums [attnRows]float32) {
	_, l, _ := a.padded()
	keys.times(p, l, q, a.C, n, mode, set)
	for r := range n {
		row := p[r*l : (r+1)*l]
		for j := a.L; j < l; j++ {
			row[j] = float32(math.Inf(-1))
		}
		sums[r] = softmaxFast(row, a.scale())
	}
	return sums
}

// oneTap are the taps of a plain matrix product.
var oneTap = []int32{0}

// operand is a right-hand matrix [k,n] in panels of the tiles' width, like Packed, in
// memory of the caller: k·n numbers, with n rounded up to a multiple of 16. The panel
// whose first column is column starts at k·column in data.
type operand struct {
	k, n int
	data []float32
}

// panel returns the panel at column: its width in vectors, the number of its columns
// that belong to the matrix (the rest is padding), and its elements [k, width].
func (b *operand) panel(column int, set *tileSet) (vecs, valid int, data []float32) {
	vecs = set.tileWidth(set.blocks(b.n - column))
	width := vecs * set.lanes
	return vecs, min(width, b.n-column), b.data[b.k*column:][:b.k*width]
}

// pack copies the k rows of w to b. Rows start stride apart.
func (b *operand) pack(w []float32, stride int, set *tileSet) {
	for column := 0; column < b.n; {
		vecs, valid, data := b.panel(column, set)
		width := vecs * set.lanes
		for i := range b.k {
			row := data[i*width : (i+1)*width]
			copy(row, w[i*stride+column:][:valid])
			clear(row[valid:])
		}
		column += width
	}
}

// packTransposed copies the transpose of w to b: row j of w, at j·stride, becomes column j.
func (b *operand) packTransposed(w []float32, stride int, set *tileSet) {
	for column := 0; column < b.n; {
		vecs, valid, data := b.panel(column, set)
		width := vecs * set.lanes
		if valid < width {
			clear(data)
		}
		for j := range valid {
			to := data[j:]
			for i, v := range w[(column+j)*stride:][:b.k] {
				to[i*width] = v
			}
		}
		column += width
	}
}

// times writes the product of the first n rows of x and b to y. Rows start xStride and
// yStride apart.
func (b *operand) times(y []float32, yStride int, x []float32, xStride, n int, mode Arithmetic, set *tileSet) {
	var at [maxRows]int32
	for column := 0; column < b.n; {
		vecs, valid, data := b.panel(column, set)
		rows := set.rows[vecs]
		for i := 0; i < n; i += rows {
			for r := range rows {
				at[r] = int32(min(i+r, n-1) * xStride)
			}
			to := tileOutput{y: y[i*yStride+column:], n: yStride}
			set.product(vecs, min(rows, n-i), valid, &to, x, &at, oneTap, b.k, data, mode)
		}
		column += vecs * set.lanes
	}
}
