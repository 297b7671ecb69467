package kernel

import "math"

// The products of attention run on the register tiles of MatMul, which sum in
// order as attentionRef does.

// attnRows is how many queries attention takes at a time: a multiple of every
// tile's height.
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

// weightsTiled writes to p [n,l] the weights of the first n ≤ attnRows queries of
// q, not yet divided by their sums, which it returns.
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

// noTaps is the one offset of a plain product.
var noTaps = []int32{0}

// operand is a right-hand matrix [k,n] in panels of the tiles' width, as Packed
// is, in memory that the caller lends: k·n numbers, n rounded up to 16. The panel
// that starts at a column starts at k·column in data.
type operand struct {
	k, n int
	data []float32
}

// panel returns the panel at column: its width in vectors, how many of its columns
// belong to the matrix, and its numbers [k, width].
func (b *operand) panel(column int, set *tileSet) (vecs, valid int, data []float32) {
	vecs = set.tileWidth(set.blocks(b.n - column))
	width := vecs * set.lanes
	return vecs, min(width, b.n-column), b.data[b.k*column:][:b.k*width]
}

// pack fills b with the k rows of w, which start stride apart.
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

// packTransposed fills b with the n columns of w, which start stride apart.
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

// times writes to y the product of the first n rows of x with b. Rows start
// xStride and yStride apart.
func (b *operand) times(y []float32, yStride int, x []float32, xStride, n int, mode Arithmetic, set *tileSet) {
	var at [maxRows]int32
	for column := 0; column < b.n; {
		vecs, valid, data := b.panel(column, set)
		rows := set.rows[vecs]
		for i := 0; i < n; i += rows {
			for r := range rows {
				at[r] = int32(min(i+r, n-1) * xStride)
			}
			to := tileTo{y: y[i*yStride+column:], n: yStride}
			set.product(vecs, min(rows, n-i), valid, &to, x, &at, noTaps, b.k, data, mode)
		}
		column += vecs * set.lanes
	}
}
