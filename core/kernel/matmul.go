package kernel

//go:generate go run ./tilegen

// Arithmetic selects how a kernel rounds.
type Arithmetic int

const (
	// Exact multiplies, rounds, then adds, with every sum in one fixed order. The
	// bits are the same on every machine and at every vector width.
	Exact Arithmetic = iota
	// Fast may fuse multiplications with additions where the machine supports it.
	Fast
)

// Gather defines the numbers of x that each output row sums over. Row i reads, for each
// tap t in order, the C numbers that start at x[Rows[i]+Taps[t]].
//
// A plain matrix product has one tap, 0, and Rows[i] = i·C. A convolution has one tap for
// each position of its kernel, over a padded image: im2col without the copy.
type Gather struct {
	Rows []int32
	Taps []int32
	C    int
}

// K returns the number of products that one output sums: len(Taps)·C.
func (g *Gather) K() int { return len(g.Taps) * g.C }

// tileWidth returns the width in vectors of the next panel when blocks vectors of columns
// remain: the widest tile, or half of the remaining columns if they make two even tiles.
func (s *tileSet) tileWidth(blocks int) int {
	if blocks > s.most && blocks < 2*s.most {
		return (blocks + 1) / 2
	}
	return min(blocks, s.most)
}

// blocks returns the number of vectors that n columns need.
func (s *tileSet) blocks(n int) int { return (n + s.lanes - 1) / s.lanes }

// MatMul computes y[i·n+j] = Σ_t Σ_c x[Rows[i]+Taps[t]+c]·b[t·C+c, j] + bias[j]
// for i < len(Rows), j < n = b.N. It sums over t and c in order, starting at zero, then
// adds the bias. A nil bias adds nothing. add, if not nil, holds len(Rows)·n numbers that
// are added last (a residual; it may be y itself). scratch must hold b.Scratch() numbers.
//
// With Exact the bits are the same on every machine. The error is at most
// γ_{K+2}·Σ|x·b|, γₙ = n·u/(1−n·u), u = 2⁻²⁴ (Higham 2002, eq. 3.5). It panics if
// the gather reads outside x, or if a length does not match. Cost: 2·len(Rows)·K·n operations.
func MatMul(y, x []float32, g *Gather, b *Packed, bias, add, scratch []float32, mode Arithmetic) {
	m, n := len(g.Rows), b.N
	if g.K() != b.K {
		panic("kernel: MatMul: the gather's K must equal that of b")
	}
	if len(y) < m*n || bias != nil && len(bias) != n || add != nil && len(add) < m*n || len(scratch) < b.Scratch() {
		panic("kernel: MatMul: y, add or scratch is too short, or bias is not [N]")
	}
	matMul(y, x, g, b, bias, add, scratch, mode, &tiles)
}

// The maximum number of rows, vectors and elements of a register tile.
const (
	maxRows = 8
	maxVecs = 4
	maxTile = 6 * 3 * 16
)

// tileSet is the set of register tiles of one vector width. These methods are generated
// together with the tiles:
//
//	tileExact, tileFast    write one tile: row r sums x[at[r]+tap+i]·b over taps and
//	                       i < c in order
//	stripExact, stripFast  write times tiles, one below another, without bias or add:
//	                       row r of tile k is row k·rows + r of x [·,c]
//	gradTile               adds Σᵢ x[at[i]+tap+r]·dy[i·n+j] to one tile
type tileSet struct {
	name  string
	lanes int              // elements of a vector
	most  int              // width of the widest tile, in vectors
	reach int              // how many numbers gradTile reads, starting at x[at[i]+tap]
	rows  [maxVecs + 1]int // height of a tile by its width in vectors
}

// tileOutput is the destination of a tile. Row r is written to y[r·n:] after adding bias
// and then the row add[r·n:], unless they are nil. gradTile uses y alone.
type tileOutput struct {
	y, bias, add []float32
	n            int
}

// tiles is the set that this machine uses; tileSets lists all sets that it supports, the
// reference first.
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
		to := tileOutput{n: n}
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

// product writes the first rows × valid elements of a tile.
func (s *tileSet) product(vecs, rows, valid int, to *tileOutput, x []float32, at *[maxRows]int32, taps []int32, c int, b []float32, mode Arithmetic) {
	if rows < s.rows[vecs] || valid < vecs*s.lanes {
		s.edgeTile(vecs, rows, valid, to, x, at, taps, c, b, mode)
	} else if mode == Fast {
		s.tileFast(vecs, to, x, at, taps, c, b)
	} else {
		s.tileExact(vecs, to, x, at, taps, c, b)
	}
}

// strip writes the first rows × valid elements of the product of x [rows,c] and b.
func (s *tileSet) strip(vecs, rows, valid int, to *tileOutput, x []float32, c int, b []float32, mode Arithmetic) {
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
		rest := tileOutput{y: to.y[done*to.n:], n: to.n}
		s.product(vecs, min(height, rows-done), valid, &rest, x, &at, oneTap, c, b, mode)
	}
}

// edgeTile is product for a tile that extends beyond rows or valid: it computes the whole
// tile in a buffer and copies a part.
func (s *tileSet) edgeTile(vecs, rows, valid int, to *tileOutput, x []float32, at *[maxRows]int32, taps []int32, c int, b []float32, mode Arithmetic) {
	var out [maxTile]float32
	width := vecs * s.lanes
	all := tileOutput{y: out[:], n: width}
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

// addTo is AddTo for slices of stack memory. AddTo calls an implementation chosen at
// start, and the compiler moves the arguments of such a call to the heap.
func addTo(y, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += x[i]
	}
}
