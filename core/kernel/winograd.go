package kernel

import "tweedie/core/quant"

// Winograd is a 3×3 convolution with stride 1 and padding 1, from images [H,W,C] to
// [H,W,N]. It computes tiles of 4×4 outputs with 36 multiplications per channel instead
// of 144: F(4×4,3×3) of Lavin & Gray 2016, arXiv:1509.09308,
//
//	Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
//
// with the points 0, ±1, ±2 and ∞. Each of the 36 products is summed over channels in
// MatMul's order, and the transforms sum in one fixed order, so that with Exact the bits
// are the same on every machine. They differ from those of MatMul, and the error is about
// ten times as large, because of the norms of the transforms.
type Winograd struct {
	Window
	N       int
	gather  Gather    // for as many images as have at most winogradFew tiles
	weights *Packed   // in MatMul's layout
	kept    []float32 // the transformed weights, panels [36, C, width], if they are kept; weights.data is nil then
}

// winogradPanel is the maximum of C·width for a panel. Its intermediate results then stay
// in the L2 cache.
const winogradPanel = 6144

// Weights are transformed each time they are used: transformed weights take four times
// the memory, and the evaluation of a few images is limited by memory bandwidth. With
// vectors of at most winogradNarrow lanes, the transform takes longer than reading the
// transformed weights if C·N ≤ winogradKept: those weights are transformed once.
const winogradNarrow, winogradKept = 4, 1 << 15

// winogradFew is the number of tiles up to which the transform of the weights takes
// longer than it saves when vectors are wide. With Fast, whose bits may differ between
// machines, MatMul computes them.
const winogradFew = 8

// winogradBlock is the maximum number of 4×4 tiles that are multiplied together.
const winogradBlock = 48

// SuitsWinograd reports whether Winograd is faster than MatMul for the convolution of w to
// n channels. The answer is the same on every machine.
func (w Window) SuitsWinograd(n int) bool {
	tiles := w.winogradTiles()
	return w.Size == 3 && w.Stride == 1 && w.dilation() == 1 && w.Before == 1 && w.After == 1 && w.C%16 == 0 && n%16 == 0 &&
		tiles >= 4 && 2*36*tiles <= 9*w.H*w.W
}

// NewWinograd returns the convolution of w, which must have size 3, stride 1 and padding
// 1, to n channels. Its weights are empty until Pack.
func NewWinograd(w Window, n int) *Winograd {
	return &Winograd{
		Window: w, N: n, gather: *w.Gather(winogradFew / w.winogradTiles()),
		weights: newPacked(9*w.C, n, max(1, winogradPanel/w.C/tiles.lanes)),
	}
}

// winogradTiles returns the number of 4×4 tiles of an image, winogradAcross the number
// in a row.
func (w Window) winogradTiles() int  { return (w.H + 3) / 4 * w.winogradAcross() }
func (w Window) winogradAcross() int { return (w.W + 3) / 4 }

// line returns the length of an image row with the padding that whole tiles read.
func (z *Winograd) line() int { return (4*z.winogradAcross() + 2) * z.C }

// Scratch returns the length of Run's scratch for any number of images. Pack must have
// been called.
func (z *Winograd) Scratch() int {
	n := 12*z.line() + 36*winogradBlock*(z.C+z.N) + (24+4)*z.N + (18+6)*z.tapSize(z.weights.panels[0], &tiles)
	return max(n, winogradFew/z.winogradTiles()*z.Padded()) + z.weights.Scratch()
}

// tapSize returns the number of weights of one tap in a panel.
func (z *Winograd) tapSize(q panel, set *tileSet) int { return z.C * q.vecs * set.lanes }

// Pack copies the weights w [N,C,3,3], in PyTorch's layout. Codes are stored as codes.
func (z *Winograd) Pack(w quant.Numbers) {
	z.weights.Pack(w, 9, z.C, Strides{Tap: 1, Channel: 9, Column: 9 * z.C})
	if w.Float != nil && tiles.lanes <= winogradNarrow && z.C*z.N <= winogradKept {
		z.keep(&tiles)
	} else {
		z.kept = nil
	}
}

// keep transforms the weights and stores the result.
func (z *Winograd) keep(set *tileSet) {
	if z.kept == nil {
		z.kept = make([]float32, 4*len(z.weights.data))
	}
	rows := make([]float32, 18*z.tapSize(z.weights.panels[0], set))
	for _, q := range z.weights.panels {
		size := z.tapSize(q, set)
		filterRows(rows, z.weights.data[q.at:], size, set)
		for k := range 6 {
			filterLine(z.kept[4*q.at+6*k*size:], rows, k, size, set)
		}
	}
	z.weights.data = nil
}

// filterRows writes G g of size filters to rows [6, 3, size]. Tap t of the filters starts
// at g[t·size].
func filterRows(rows, g []float32, size int, set *tileSet) {
	set.winogradFilter(runs{rows, 3 * size, size}, runs{g, 3 * size, size}, 3, size)
}

// filterLine writes row k of G g Gᵀ, 6 numbers for each filter, to u [6, size].
func filterLine(u, rows []float32, k, size int, set *tileSet) {
	set.winogradFilter(runs{u, size, 0}, runs{rows[3*k*size:], size, 0}, 1, size)
}

// Run computes y [n,H,W,N] from x [n,H,W,C]. bias [N] and then add [n,H,W,N] are added
// last, unless they are nil; add may be y. It panics if a length does not match.
func (z *Winograd) Run(y, x []float32, n int, bias, add, scratch []float32, mode Arithmetic) {
	size := z.H * z.W
	if len(y) < n*size*z.N || len(x) < n*size*z.C || len(scratch) < z.Scratch() || bias != nil && len(bias) != z.N || add != nil && len(add) < n*size*z.N {
		panic("kernel: Winograd: y, x, add or scratch is too short, or bias is not [N]")
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

// few reports whether n images have at most winogradFew tiles.
func (z *Winograd) few(n int) bool { return n*z.winogradTiles() <= winogradFew }

// winogradRun is the state of one Run: its arguments and the parts of its scratch.
type winogradRun struct {
	*Winograd
	y, x, bias, add []float32
	mode            Arithmetic
	set             *tileSet

	padded   []float32 // [6, line]: the rows of x that one row of tiles reads
	columns  []float32 // [6, line]: padded, transformed along columns
	v, m     []float32 // [36, winogradBlock, C] and [36, winogradBlock, N]
	rows     []float32 // [24, N]: a tile's products, transformed along columns
	out      []float32 // [4, N]
	filters  []float32 // [6, 3, tapSize]: a panel's weights, transformed along columns
	u        []float32 // [6, tapSize]: one row of filters, transformed along rows
	unpacked []float32 // a panel's weights in float32, if they are stored as codes
	at       [winogradBlock]winogradTile
	tiles    int // the number of tiles in v
}

// winogradTile is a tile of outputs: the index at of its first number in y, and the rows
// and columns of it that lie inside the image.
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
	size := z.tapSize(z.weights.panels[0], set)
	r.filters, r.u, r.unpacked = take(18*size), take(6*size), scratch
	for i := range n {
		for row := 0; row < z.H; row += 4 {
			r.transform(i, row)
		}
	}
	r.multiply()
}

// transform adds the tiles of the four rows that start at row of image i to v, and
// multiplies when v is full.
func (r *winogradRun) transform(i, row int) {
	line := r.line()
	clear(r.padded)
	for k := range 6 {
		if from := row + k - 1; from >= 0 && from < r.H {
			copy(r.padded[k*line+r.C:], r.x[(i*r.H+from)*r.W*r.C:][:r.W*r.C])
		}
	}
	r.set.winogradInput(runs{r.columns, line, 0}, runs{r.padded, line, 0}, 1, line)
	size := winogradBlock * r.C
	for column := 0; column < r.W; column += 4 {
		to := runs{r.v[r.tiles*r.C:], size, 6 * size}
		r.set.winogradInput(to, runs{r.columns[column*r.C:], r.C, line}, 6, r.C)
		r.at[r.tiles] = winogradTile{((i*r.H+row)*r.W + column) * r.N, min(4, r.H-row), min(4, r.W-column)}
		if r.tiles++; r.tiles == winogradBlock {
			r.multiply()
		}
	}
}

// multiply multiplies the tiles in v by the weights, writes their outputs and empties v.
func (r *winogradRun) multiply() {
	if r.tiles == 0 {
		return
	}
	for _, q := range r.weights.panels {
		size := r.tapSize(q, r.set)
		if r.kept == nil {
			filterRows(r.filters, r.weights.panel(q, r.unpacked, r.set), size, r.set)
		}
		for k := range 6 {
			r.multiplyLine(q, k, size)
		}
	}
	for i := range r.tiles {
		r.output(r.at[i], r.m[i*r.N:])
	}
	r.tiles = 0
}

// multiplyLine multiplies row k of the 6×6 transformed tiles by a panel.
func (r *winogradRun) multiplyLine(q panel, k, size int) {
	u := r.u
	if r.kept != nil {
		u = r.kept[4*q.at+6*k*size:]
	} else {
		filterLine(u, r.filters, k, size, r.set)
	}
	valid := min(size/r.C, r.N-q.column)
	for i := range 6 {
		v, m := r.v[(6*k+i)*winogradBlock*r.C:], r.m[(6*k+i)*winogradBlock*r.N:]
		to := tileOutput{y: m[q.column:], n: r.N}
		r.set.strip(q.vecs, r.tiles, valid, &to, v, r.C, u[i*size:][:size], r.mode)
	}
}

// output transforms the products m of a tile and writes its outputs.
func (r *winogradRun) output(t winogradTile, m []float32) {
	size, n := winogradBlock*r.N, r.N
	r.set.winogradOutput(runs{r.rows, 6 * n, n}, runs{m, 6 * size, size}, 6, n)
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
