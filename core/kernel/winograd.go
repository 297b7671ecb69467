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
	Window
	N       int
	gather  Gather    // of the most images that are few tiles
	weights *Packed   // as MatMul has them
	kept    []float32 // in place of their numbers: transformed, a panel [36, C, width] after the other
}

// winogradPanel is the most numbers of one tap of a panel, C·width, so that what a
// panel becomes on its way stays in the second cache.
const winogradPanel = 6144

// Weights are transformed while they are used: kept, they would be four times as many
// numbers, and slow memory is what an evaluation of few images waits for. Narrow
// vectors take longer to transform them than memory to bring them, up to some C·N.
const winogradNarrow, winogradKept = 4, 1 << 15

// winogradFew is how many tiles are not worth the transform of the weights where
// vectors are wide: with Fast, which need not be the same everywhere, they are
// computed by MatMul.
const winogradFew = 8

// winogradBlock is how many 4×4 tiles are multiplied together at most.
const winogradBlock = 48

// SuitsWinograd reports whether the convolution of w to n channels is quicker by
// Winograd than by MatMul. The answer is the same on every machine.
func (w Window) SuitsWinograd(n int) bool {
	tiles := w.winogradTiles()
	return w.Size == 3 && w.Stride == 1 && w.dilation() == 1 && w.Before == 1 && w.After == 1 && w.C%16 == 0 && n%16 == 0 &&
		tiles >= 4 && 2*36*tiles <= 9*w.H*w.W
}

// NewWinograd returns the convolution of w, of size 3, stride 1 and a border of 1,
// to n channels.
func NewWinograd(w Window, n int) *Winograd {
	return &Winograd{
		Window: w, N: n, gather: *w.Gather(winogradFew / w.winogradTiles()),
		weights: newPacked(9*w.C, n, max(1, winogradPanel/w.C/tiles.lanes)),
	}
}

// winogradTiles returns how many 4×4 tiles an image is, winogradAcross how many of
// them stand side by side.
func (w Window) winogradTiles() int  { return (w.H + 3) / 4 * w.winogradAcross() }
func (w Window) winogradAcross() int { return (w.W + 3) / 4 }

// line returns the numbers of a row with the zeros around it that whole tiles read.
func (z *Winograd) line() int { return (4*z.winogradAcross() + 2) * z.C }

// Scratch returns how many numbers Run needs for any number of images, once the
// weights are packed.
func (z *Winograd) Scratch() int {
	n := 12*z.line() + 36*winogradBlock*(z.C+z.N) + (24+4)*z.N + (18+6)*z.place(z.weights.panels[0], &tiles)
	return max(n, winogradFew/z.winogradTiles()*z.Padded()) + z.weights.Scratch()
}

// place returns the numbers of one tap of a panel.
func (z *Winograd) place(q panel, set *tileSet) int { return z.C * q.vecs * set.lanes }

// Pack takes the weights [N,C,3,3], PyTorch's layout. Codes stay codes.
func (z *Winograd) Pack(w quant.Numbers) {
	z.weights.Pack(w, 9, z.C, Strides{Tap: 1, Channel: 9, Column: 9 * z.C})
	if w.Float != nil && tiles.lanes <= winogradNarrow && z.C*z.N <= winogradKept {
		z.keep(&tiles)
	} else {
		z.kept = nil
	}
}

// keep transforms the weights once for all.
func (z *Winograd) keep(set *tileSet) {
	if z.kept == nil {
		z.kept = make([]float32, 4*len(z.weights.data))
	}
	rows := make([]float32, 18*z.place(z.weights.panels[0], set))
	for _, q := range z.weights.panels {
		place := z.place(q, set)
		filterRows(rows, z.weights.data[q.at:], place, set)
		for k := range 6 {
			filterLine(z.kept[4*q.at+6*k*place:], rows, k, place, set)
		}
	}
	z.weights.data = nil
}

// filterRows writes G g of place filters to rows [6, 3, place]: tap t of all of them
// starts at g[t·place].
func filterRows(rows, g []float32, place int, set *tileSet) {
	set.winogradFilter(runs{rows, 3 * place, place}, runs{g, 3 * place, place}, 3, place)
}

// filterLine writes line k of G g Gᵀ, 6 numbers of each filter, to u [6, place].
func filterLine(u, rows []float32, k, place int, set *tileSet) {
	set.winogradFilter(runs{u, place, 0}, runs{rows[3*k*place:], place, 0}, 1, place)
}

// Run computes y [n,H,W,N] from x [n,H,W,C], with bias [N] and the numbers of add
// [n,H,W,N] added last, in this order, unless they are nil; add may be y. It panics if a length
// does not fit.
func (z *Winograd) Run(y, x []float32, n int, bias, add, scratch []float32, mode Arithmetic) {
	size := z.H * z.W
	if len(y) < n*size*z.N || len(x) < n*size*z.C || len(scratch) < z.Scratch() || bias != nil && len(bias) != z.N || add != nil && len(add) < n*size*z.N {
		panic("kernel: Winograd: y, x, bias, add or scratch does not fit")
	}
	if mode == Fast && z.kept == nil && z.few(n) {
		z.Pad(scratch, x, n)
		g := z.gather
		g.Rows = g.Rows[:n*size]
		MatMul(y, scratch, &g, z.weights, bias, add, scratch[n*z.Padded():], mode)
		return
	}
	z.run(y, x, n, bias, add, scratch, mode, &tiles)
}

// few reports whether n images are few tiles.
func (z *Winograd) few(n int) bool { return n*z.winogradTiles() <= winogradFew }

// winogradRun is one Run: its arguments and the parts of its scratch.
type winogradRun struct {
	*Winograd
	y, x, bias, add []float32
	mode            Arithmetic
	set             *tileSet

	padded   []float32 // [6, line]: the rows of x that a row of tiles reads
	columns  []float32 // [6, line]: those, transformed down
	v, m     []float32 // [36, winogradBlock, C] and [36, winogradBlock, N]
	rows     []float32 // [24, N]: a tile's products, transformed down
	out      []float32 // [4, N]
	filters  []float32 // [6, 3, place]: a panel's weights, transformed down
	u        []float32 // [6, place]: a line of those, transformed
	unpacked []float32 // a panel's weights, if they are codes
	at       [winogradBlock]winogradTile
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
		v: take(36 * winogradBlock * z.C), m: take(36 * winogradBlock * z.N), rows: take(24 * z.N), out: take(4 * z.N),
	}
	place := z.place(z.weights.panels[0], set)
	r.filters, r.u, r.unpacked = take(18*place), take(6*place), scratch
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
	place := winogradBlock * r.C
	for column := 0; column < r.W; column += 4 {
		to := runs{r.v[r.tiles*r.C:], place, 6 * place}
		r.set.winogradInput(to, runs{r.columns[column*r.C:], r.C, line}, 6, r.C)
		r.at[r.tiles] = winogradTile{((i*r.H+row)*r.W + column) * r.N, min(4, r.H-row), min(4, r.W-column)}
		if r.tiles++; r.tiles == winogradBlock {
			r.multiply()
		}
	}
}

// multiply multiplies the tiles taken in with the weights and writes their outputs.
func (r *winogradRun) multiply() {
	if r.tiles == 0 {
		return
	}
	for _, q := range r.weights.panels {
		place := r.place(q, r.set)
		if r.kept == nil {
			filterRows(r.filters, r.weights.panel(q, r.unpacked, r.set), place, r.set)
		}
		for k := range 6 {
			r.multiplyLine(q, k, place)
		}
	}
	for i := range r.tiles {
		r.output(r.at[i], r.m[i*r.N:])
	}
	r.tiles = 0
}

// multiplyLine multiplies line k of the tiles' places with a panel.
func (r *winogradRun) multiplyLine(q panel, k, place int) {
	u := r.u
	if r.kept != nil {
		u = r.kept[4*q.at+6*k*place:]
	} else {
		filterLine(u, r.filters, k, place, r.set)
	}
	valid := min(place/r.C, r.N-q.column)
	for i := range 6 {
		v, m := r.v[(6*k+i)*winogradBlock*r.C:], r.m[(6*k+i)*winogradBlock*r.N:]
		to := tileTo{y: m[q.column:], n: r.N}
		r.set.strip(q.vecs, r.tiles, valid, &to, v, r.C, u[i*place:][:place], r.mode)
	}
}

// output writes a tile's outputs, of which m holds the products.
func (r *winogradRun) output(t winogradTile, m []float32) {
	place, n := winogradBlock*r.N, r.N
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
