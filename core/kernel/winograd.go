package kernel

import "tweedie/core/quant"

// Winograd is a 3×3 convolution of stride 1 over images [H,W,C], one row and
// column of zeros around them, to [H,W,N], computed 4×4 outputs at a time in 36
// multiplications a channel where the plain sum needs 144: F(4×4,3×3) of Lavin &
// Gray 2016, arXiv:1509.09308,
//
//	Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
//
// with the points 0, ±1, ±2 and ∞. The sum over channels of the 36 products is
// MatMul's, in its order; the transforms are sums in one order too, so that with
// Exact the bits are the same on every machine. They differ from MatMul's: the
// error grows by the transforms' norms, some tenfold.
type Winograd struct {
	H, W, C, N int
	plain      *Packed // the weights as MatMul has them, if they are codes
	panels     []panel
	u          []float32 // transformed, if not: a panel after the other, [36, C, width]
}

// winogradTiles is how many 4×4 tiles are multiplied together at most.
const winogradTiles = 48

// Winograd returns the convolution of w to n channels, and whether it is one that
// is quicker so than by MatMul.
func (w Window) Winograd(n int) (*Winograd, bool) {
	z := &Winograd{H: w.H, W: w.W, C: w.C, N: n}
	tiles := z.down() * z.across()
	fits := w.Size == 3 && w.Stride == 1 && w.dilation() == 1 && w.Before == 1 && w.After == 1 && w.C%16 == 0 && n%16 == 0
	return z, fits && tiles >= 4 && 2*36*tiles <= 9*w.H*w.W
}

func (z *Winograd) across() int { return (z.W + 3) / 4 }
func (z *Winograd) down() int   { return (z.H + 3) / 4 }

// line returns the numbers of a row with the zeros around it that whole tiles read.
func (z *Winograd) line() int { return (4*z.across() + 2) * z.C }

// Scratch returns how many numbers Run needs for any number of images, once the
// weights are packed.
func (z *Winograd) Scratch() int {
	n := 12*z.line() + 36*winogradTiles*(z.C+z.N) + (24+4)*z.N
	if z.plain != nil {
		n += (9 + 18 + 36) / 9 * z.plain.Scratch()
	}
	return n
}

// Pack takes the weights [N,C,3,3], PyTorch's layout. Codes stay codes and are
// transformed whenever they are used.
func (z *Winograd) Pack(w quant.Numbers) {
	plain := NewPacked(9*z.C, z.N)
	plain.Pack(w, 9, z.C, Strides{Tap: 1, Channel: 9, Column: 9 * z.C})
	z.panels, z.plain = plain.panels, nil
	if w.Float == nil {
		z.plain = plain
		return
	}
	if z.u == nil {
		z.u = make([]float32, 4*len(plain.data))
	}
	for _, q := range z.panels {
		place := z.C * q.vecs * tiles.lanes
		transformFilter(z.u[4*q.at:], plain.data[q.at:], make([]float32, 18*place), place, &tiles)
	}
}

// transformFilter writes G g Gᵀ of place filters to u [36, place]: tap t of all of them
// starts at g[t·place]. rows [18, place] is overwritten.
func transformFilter(u, g, rows []float32, place int, set *tileSet) {
	set.winogradFilter(runs{rows, 3 * place, place}, runs{g, 3 * place, place}, 3, place)
	set.winogradFilter(runs{u, place, 6 * place}, runs{rows, place, 3 * place}, 6, place)
}

// transformed returns the weights of a panel, [36, C, width].
func (r *winogradRun) transformed(q panel) []float32 {
	place := r.C * q.vecs * r.set.lanes
	if r.plain == nil {
		return r.u[4*q.at:][:36*place]
	}
	s := r.unpacked
	plain, rows, u := s[:9*place], s[9*place:][:18*place], s[27*place:][:36*place]
	transformFilter(u, r.plain.panel(q, plain, r.set), rows, place, r.set)
	return u
}

// Run computes y [n,H,W,N] from x [n,H,W,C], with bias [N] and the numbers of add
// [n,H,W,N] added last, in this order, unless they are nil; add may be y. It panics if a length
// does not fit.
func (z *Winograd) Run(y, x []float32, n int, bias, add, scratch []float32, mode Arithmetic) {
	size := z.H * z.W
	if len(y) < n*size*z.N || len(x) < n*size*z.C || len(scratch) < z.Scratch() || bias != nil && len(bias) != z.N || add != nil && len(add) < n*size*z.N {
		panic("kernel: Winograd: y, x, bias, add or scratch does not fit")
	}
	z.run(y, x, n, bias, add, scratch, mode, &tiles)
}

// winogradRun is one Run: its arguments and the parts of its scratch.
type winogradRun struct {
	*Winograd
	y, x, bias, add []float32
	mode            Arithmetic
	set             *tileSet

	padded   []float32 // [6, line]: the rows of x that a row of tiles reads
	columns  []float32 // [6, line]: those, transformed down
	v, m     []float32 // [36, winogradTiles, C] and [36, winogradTiles, N]
	rows     []float32 // [24, N]: a tile's products, transformed down
	out      []float32 // [4, N]
	unpacked []float32 // a panel's weights on their way from codes
	at       [winogradTiles]winogradTile
	tiles    int // in v
}

// winogradTile is a tile's first position: number at of y, and the rows and columns
// of the tile that are there.
type winogradTile struct{ at, rows, columns int }

func (z *Winograd) run(y, x []float32, n int, bias, add, scratch []float32, mode Arithmetic, set *tileSet) {
	take := func(n int) []float32 {
		s := scratch[:n]
		scratch = scratch[n:]
		return s
	}
	r := winogradRun{
		Winograd: z, y: y, x: x, bias: bias, add: add, mode: mode, set: set,
		padded: take(6 * z.line()), columns: take(6 * z.line()),
		v: take(36 * winogradTiles * z.C), m: take(36 * winogradTiles * z.N), rows: take(24 * z.N), out: take(4 * z.N),
	}
	r.unpacked = scratch
	for i := range n {
		for row := 0; row < z.H; row += 4 {
			r.transform(i, row)
		}
	}
	r.multiply()
}

// transform takes in the tiles of the four rows from row on of image i.
func (r *winogradRun) transform(i, row int) {
	line := r.line()
	clear(r.padded)
	for k := range 6 {
		if from := row + k - 1; from >= 0 && from < r.H {
			copy(r.padded[k*line+r.C:], r.x[(i*r.H+from)*r.W*r.C:][:r.W*r.C])
		}
	}
	r.set.winogradInput(runs{r.columns, line, 0}, runs{r.padded, line, 0}, 1, line)
	place := winogradTiles * r.C
	for column := 0; column < r.W; column += 4 {
		to := runs{r.v[r.tiles*r.C:], place, 6 * place}
		r.set.winogradInput(to, runs{r.columns[column*r.C:], r.C, line}, 6, r.C)
		r.at[r.tiles] = winogradTile{((i*r.H+row)*r.W + column) * r.N, min(4, r.H-row), min(4, r.W-column)}
		if r.tiles++; r.tiles == winogradTiles {
			r.multiply()
		}
	}
}

// multiply multiplies the tiles taken in with the weights and writes their outputs.
func (r *winogradRun) multiply() {
	if r.tiles == 0 {
		return
	}
	for _, q := range r.panels {
		all := r.transformed(q)
		width := q.vecs * r.set.lanes
		for place := range 36 {
			v, m := r.v[place*winogradTiles*r.C:], r.m[place*winogradTiles*r.N:]
			to := tileTo{y: m[q.column:], n: r.N}
			r.set.strip(q.vecs, r.tiles, min(width, r.N-q.column), &to, v, r.C, all[place*r.C*width:][:r.C*width], r.mode)
		}
	}
	for i := range r.tiles {
		r.output(r.at[i], r.m[i*r.N:])
	}
	r.tiles = 0
}

// output writes a tile's outputs, of which m holds the products.
func (r *winogradRun) output(t winogradTile, m []float32) {
	place, n := winogradTiles*r.N, r.N
	r.set.winogradOutput(runs{r.rows, 6 * n, n}, runs{m, 6 * place, place}, 6, n)
	for k := range t.rows {
		at := t.at + k*r.W*n
		y := r.y[at : at+t.columns*n]
		out := r.out
		if t.columns == 4 && r.add == nil {
			out = y
		}
		r.set.winogradOutput(runs{out, n, 0}, runs{r.rows[6*k*n:], n, 0}, 1, n)
		if out = out[:len(y)]; r.bias != nil {
			AddRows(out, out, r.bias)
		}
		if r.add != nil {
			Add(y, out, r.add[at:at+len(y)])
		} else if t.columns < 4 {
			copy(y, out)
		}
	}
}
