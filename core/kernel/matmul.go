package kernel

//go:generate go run ./tilegen

// Arithmetic says how a kernel may round.
type Arithmetic int

const (
	// Exact multiplies, rounds, then adds, every sum in one fixed order: the
	// same bits on every machine and at every vector width.
	Exact Arithmetic = iota
	// Fast may fuse the multiplication with the addition where the machine can.
	Fast
)

// Gather says which numbers of x an output row sums over. Row i reads, for each
// tap t in order, the C numbers x[Rows[i]+Taps[t] : … + C].
//
// A plain product has one tap at 0 and Rows[i] = i·C. A convolution has one tap
// a weight position, over an image with its padding laid out around it: im2col
// without the copy.
type Gather struct {
	Rows []int32
	Taps []int32
	C    int
}

// K returns the numbers that one output sums over: len(Taps)·C.
func (g *Gather) K() int { return len(g.Taps) * g.C }

// tileWidth chooses the next panel's vectors when blocks vectors of columns are
// left: the widest tile, or half of what is left if that makes two even tiles.
func (s *tileSet) tileWidth(blocks int) int {
	if blocks > s.most && blocks < 2*s.most {
		return (blocks + 1) / 2
	}
	return min(blocks, s.most)
}

// blocks returns how many vectors n columns need.
func (s *tileSet) blocks(n int) int { return (n + s.lanes - 1) / s.lanes }

// MatMul computes y[i·n+j] = Σ_t Σ_c x[Rows[i]+Taps[t]+c]·b[t·C+c, j] + bias[j]
// for i < len(Rows), j < n = b.N, the sum over t and c in order, from zero, then
// the bias. A nil bias adds nothing; add, if not nil, holds len(Rows)·n numbers
// that are added last (a residual; it may be y itself). scratch holds b.Scratch()
// numbers.
//
// With Exact the bits are the same on every machine. The error is at most
// γ_{K+2}·Σ|x·b|, γₙ = n·u/(1−n·u), u = 2⁻²⁴ (Higham 2002, eq. 3.5). It panics if the gather leaves
// x, or a length does not fit. Cost: 2·len(Rows)·K·n operations.
func MatMul(y, x []float32, g *Gather, b *Packed, bias, add, scratch []float32, mode Arithmetic) {
	m, n := len(g.Rows), b.N
	if g.K() != b.K {
		panic("kernel: MatMul: the gather's taps times channels is not K")
	}
	if len(y) < m*n || bias != nil && len(bias) != n || add != nil && len(add) < m*n || len(scratch) < b.Scratch() {
		panic("kernel: MatMul: y, bias, add or scratch does not fit")
	}
	matMul(y, x, g, b, bias, add, scratch, mode, &tiles)
}

// The most rows and vectors of a register tile, and the most numbers of one.
const (
	maxRows = 8
	maxVecs = 4
	maxTile = 6 * 3 * 16
)

// tileSet is the tiles of one vector width. Its methods, generated beside the tiles:
//
//	tileExact, tileFast    write a tile: row r sums x[at[r]+tap+i]·b over taps and
//	                       i < c in order
//	stripExact, stripFast  write times tiles below each other, without bias or add:
//	                       row r of tile k is row k·rows + r of x [·,c]
//	gradTile               adds Σᵢ x[at[i]+tap+r]·dy[i·n+j] to a tile
type tileSet struct {
	name  string
	lanes int              // numbers of a vector
	most  int              // widest tile, in vectors
	reach int              // numbers that gradTile reads from x[at[i]+tap] on
	rows  [maxVecs + 1]int // height of the tile so many vectors wide
}

// tileTo is where a tile goes: row r to y[r·n:], with bias and the row add[r·n:]
// added in this order, unless they are nil. gradTile knows y alone.
type tileTo struct {
	y, bias, add []float32
	n            int
}

// tiles is the set this machine uses; tileSets lists all it could, the reference first.
var (
	tileSets = append([]tileSet{refTiles}, simdTiles()...)
	tiles    = tileSets[len(tileSets)-1]
)

func matMul(y, x []float32, g *Gather, b *Packed, bias, add, scratch []float32, mode Arithmetic, set *tileSet) {
	m, n := len(g.Rows), b.N
	var at [maxRows]int32
	for _, q := range b.panels {
		rows := set.rows[q.vecs]
		width := q.vecs * set.lanes
		valid := min(width, n-q.column)
		data := b.panel(q, scratch, set)
		to := tileTo{n: n}
		if bias != nil {
			to.bias = bias[q.column : q.column+valid]
		}
		for i := 0; i < m; i += rows {
			for r := range rows {
				at[r] = g.Rows[min(i+r, m-1)]
			}
			to.y = y[i*n+q.column:]
			if add != nil {
				to.add = add[i*n+q.column:]
			}
			set.product(q.vecs, min(rows, m-i), valid, &to, x, &at, g.Taps, g.C, data, mode)
		}
	}
}

// product writes the first rows × valid numbers of a tile.
func (s *tileSet) product(vecs, rows, valid int, to *tileTo, x []float32, at *[maxRows]int32, taps []int32, c int, b []float32, mode Arithmetic) {
	if rows < s.rows[vecs] || valid < vecs*s.lanes {
		s.part(vecs, rows, valid, to, x, at, taps, c, b, mode)
	} else if mode == Fast {
		s.tileFast(vecs, to, x, at, taps, c, b)
	} else {
		s.tileExact(vecs, to, x, at, taps, c, b)
	}
}

// strip writes the first rows × valid numbers of x [rows,c] times b.
func (s *tileSet) strip(vecs, rows, valid int, to *tileTo, x []float32, c int, b []float32, mode Arithmetic) {
	height, done := s.rows[vecs], 0
	if valid == vecs*s.lanes {
		done = rows - rows%height
		if mode == Fast {
			s.stripFast(vecs, done/height, to, x, c, b)
		} else {
			s.stripExact(vecs, done/height, to, x, c, b)
		}
	}
	for ; done < rows; done += height {
		var at [maxRows]int32
		for r := range height {
			at[r] = int32(min(done+r, rows-1) * c)
		}
		rest := tileTo{y: to.y[done*to.n:], n: to.n}
		s.product(vecs, min(height, rows-done), valid, &rest, x, &at, noTaps, c, b, mode)
	}
}

// part is product where a tile has more than that.
func (s *tileSet) part(vecs, rows, valid int, to *tileTo, x []float32, at *[maxRows]int32, taps []int32, c int, b []float32, mode Arithmetic) {
	var out [maxTile]float32
	width := vecs * s.lanes
	all := tileTo{y: out[:], n: width}
	s.product(vecs, s.rows[vecs], width, &all, x, at, taps, c, b, mode)
	for r := range rows {
		row := out[r*width:][:valid]
		if to.bias != nil {
			addTo(row, to.bias)
		}
		if to.add != nil {
			addTo(row, to.add[r*to.n:])
		}
		copy(to.y[r*to.n:], row)
	}
}

// addTo is AddTo for numbers on the stack: what is given to a function that was
// chosen when the program started escapes to the heap.
func addTo(y, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += x[i]
	}
}
