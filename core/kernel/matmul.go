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

// Packed is the right-hand matrix [K,N] of MatMul, laid out in panels as wide as
// the register tiles of this machine. The last panel is filled up with zeros.
type Packed struct {
	K, N   int
	panels []panel
	data   []float32
}

// panel is a run of columns that one register tile covers.
type panel struct {
	column int // first column
	vecs   int // width in vectors
	at     int // where it starts in data
}

// NewPacked returns an empty [K,N] matrix for Pack to fill. It panics if k or n
// is not positive.
func NewPacked(k, n int) *Packed {
	if k <= 0 || n <= 0 {
		panic("kernel: NewPacked: axes must be positive")
	}
	p := &Packed{K: k, N: n}
	at := 0
	for column := 0; column < n; {
		v := tileWidth((n - column + tiles.lanes - 1) / tiles.lanes)
		p.panels = append(p.panels, panel{column, v, at})
		column += v * tiles.lanes
		at += k * v * tiles.lanes
	}
	p.data = make([]float32, at)
	return p
}

// tileWidth chooses the next panel's vectors when blocks vectors of columns are
// left: the widest tile, unless a narrower pair covers them without waste.
func tileWidth(blocks int) int {
	most := tiles.most
	if blocks > most && blocks < 2*most && blocks%2 == 0 {
		return blocks / 2
	}
	return min(blocks, most)
}

// Strides says where a weight stands: element (tap t, channel c, column n) is
// w[t·Tap + c·Channel + n·Column].
type Strides struct{ Tap, Channel, Column int }

// Pack fills p from w, whose rows are the taps' channels in Gather's order: row
// t·c+i of the matrix is tap t, channel i. It panics unless taps·c = p.K.
func (p *Packed) Pack(w []float32, taps, c int, s Strides) {
	if taps*c != p.K {
		panic("kernel: Pack: taps times channels is not K")
	}
	for _, q := range p.panels {
		width := q.vecs * tiles.lanes
		valid := min(width, p.N-q.column)
		dst := p.data[q.at : q.at+p.K*width]
		for t := range taps {
			for i := range c {
				from := t*s.Tap + i*s.Channel + q.column*s.Column
				for j := range valid {
					dst[j] = w[from+j*s.Column]
				}
				dst = dst[width:]
			}
		}
	}
}

// MatMul computes y[i·n+j] = Σ_t Σ_c x[Rows[i]+Taps[t]+c]·b[t·C+c, j] + bias[j]
// for i < len(Rows), j < n = b.N, the sum over t and c in order, from zero, then
// the bias. A nil bias adds nothing; add, if not nil, holds len(Rows)·n numbers
// that are added last (a residual; it may be y itself).
//
// With Exact the bits are the same on every machine. The error is at most
// γ_{K+2}·Σ|x·b|, γₙ = n·u/(1−n·u), u = 2⁻²⁴ (Higham 2002, eq. 3.5). It panics if the gather leaves
// x, or a length does not fit. Cost: 2·len(Rows)·K·n operations.
func MatMul(y, x []float32, g *Gather, b *Packed, bias, add []float32, mode Arithmetic) {
	m, n := len(g.Rows), b.N
	if g.K() != b.K {
		panic("kernel: MatMul: the gather's taps times channels is not K")
	}
	if len(y) < m*n || bias != nil && len(bias) != n || add != nil && len(add) < m*n {
		panic("kernel: MatMul: y, bias or add does not fit")
	}
	matMul(y, x, g, b, bias, add, mode, &tiles)
}

// tileRows is the height of every register tile; maxTile the numbers of the largest.
const (
	tileRows = 4
	maxTile  = tileRows * 3 * 16
)

// tileSet is the tiles of one vector width. Its methods, generated beside the tiles:
//
//	tileExact, tileFast  fill a tile of tileRows rows, packed row after row: row r
//	                     sums x[at[r]+tap+i]·b over taps and i < c in order
//	gradTile             fills a tile with Σᵢ x[at[i]+tap+r]·dy[i·n+j], r < tileRows
type tileSet struct {
	name  string
	lanes int // numbers of a vector
	most  int // widest tile, in vectors
}

// tiles is the set this machine uses; tileSets lists all it could, the reference first.
var (
	tileSets = append([]tileSet{refTiles}, simdTiles()...)
	tiles    = tileSets[len(tileSets)-1]
)

func matMul(y, x []float32, g *Gather, b *Packed, bias, add []float32, mode Arithmetic, set *tileSet) {
	m, n := len(g.Rows), b.N
	var out [maxTile]float32
	var at [tileRows]int32
	for _, q := range b.panels {
		width := q.vecs * set.lanes
		valid := min(width, n-q.column)
		data := b.data[q.at : q.at+b.K*width]
		for i := 0; i < m; i += tileRows {
			for r := range at {
				at[r] = g.Rows[min(i+r, m-1)]
			}
			if mode == Fast {
				set.tileFast(q.vecs, &out, x, &at, g.Taps, g.C, data)
			} else {
				set.tileExact(q.vecs, &out, x, &at, g.Taps, g.C, data)
			}
			for r := range min(tileRows, m-i) {
				o := (i+r)*n + q.column
				row := out[r*width : r*width+valid]
				if bias != nil {
					addTo(row, bias[q.column:q.column+valid])
				}
				if add != nil {
					addTo(row, add[o:o+valid])
				}
				copy(y[o:o+valid], row)
			}
		}
	}
}

func addTo(y, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += x[i]
	}
}
