package kernel

import (
	"math"

	"tweedie/core/quant"
)

// Packed is the right-hand matrix [K,N] of MatMul, stored in panels as wide as the
// register tiles of this machine. The last panel is padded with zeros.
//
// A matrix packed from int8 codes is stored as codes, and a panel is converted to float32
// each time it is used: a large network needs a quarter of the memory. The products are
// the same.
type Packed struct {
	K, N   int
	panels []panel
	padded int // N with the padding
	data   []float32
	codes  []int8 // used instead of data
	scales []float32
}

// panel is a range of columns as wide as one register tile.
type panel struct {
	column int // first column
	vecs   int // width in vectors
	at     int // its index in data or codes
}

// NewPacked returns an empty [K,N] matrix for Pack to fill. It panics if k or n
// is not positive.
func NewPacked(k, n int) *Packed { return newPacked(k, n, maxVecs) }

// newPacked is NewPacked with panels of at most most vectors.
func newPacked(k, n, most int) *Packed {
	if k <= 0 || n <= 0 {
		panic("kernel: NewPacked: axes must be positive")
	}
	p := &Packed{K: k, N: n}
	for p.padded < n {
		v := min(tiles.tileWidth(tiles.blocks(n-p.padded)), most)
		p.panels = append(p.panels, panel{p.padded, v, k * p.padded})
		p.padded += v * tiles.lanes
	}
	return p
}

// Strides is the layout of weights: the element of tap t, channel c and column n has index
// t·Tap + c·Channel + n·Column.
type Strides struct{ Tap, Channel, Column int }

// Pack copies the weights w, with layout s, to p. Rows are in Gather's order: row t·c+i of
// the matrix is tap t, channel i. w has one scale for each column. It panics unless
// taps·c = p.K.
func (p *Packed) Pack(w quant.Numbers, taps, c int, s Strides) {
	if taps*c != p.K {
		panic("kernel: Pack: taps times channels must equal K")
	}
	if w.Float != nil {
		p.data = pack(p, p.data, w.Float, taps, c, s)
		p.codes, p.scales = nil, nil
		return
	}
	p.codes = pack(p, p.codes, w.Codes, taps, c, s)
	p.scales = append(make([]float32, 0, p.padded), w.Scales...)[:p.padded]
	p.data = nil
}

// pack writes w to dst, or to a new slice if dst is nil, and returns it.
func pack[T float32 | int8](p *Packed, dst, w []T, taps, c int, s Strides) []T {
	if dst == nil {
		dst = make([]T, p.K*p.padded)
	}
	for _, q := range p.panels {
		width := q.vecs * tiles.lanes
		valid := min(width, p.N-q.column)
		row := dst[q.at : q.at+p.K*width]
		for t := range taps {
			for i := range c {
				from := t*s.Tap + i*s.Channel + q.column*s.Column
				for j := range valid {
					row[j] = w[from+j*s.Column]
				}
				row = row[width:]
			}
		}
	}
	return dst
}

// Scratch returns the length of MatMul's scratch for p.
func (p *Packed) Scratch() int {
	if p.codes == nil {
		return 0
	}
	return p.K * p.panels[0].vecs * tiles.lanes
}

// panel returns the elements [K, width] of a panel, and loads them into the cache. Codes
// are converted to float32 in scratch.
func (p *Packed) panel(q panel, scratch []float32, set *tileSet) []float32 {
	width := q.vecs * set.lanes
	if p.codes == nil {
		data := p.data[q.at : q.at+p.K*width]
		fetch(data)
		return data
	}
	out := scratch[:p.K*width]
	unpack(out, p.codes[q.at:q.at+len(out)], p.scales[q.column:q.column+width])
	return out
}

// fetch reads every cache line of data. A plain loop reads from main memory several times
// as fast as a tile, which reads other data in between.
//
//go:noinline
func fetch(data []float32) (bits uint32) {
	for len(data) >= 64 {
		lines := (*[64]float32)(data)
		bits |= math.Float32bits(lines[0]) | math.Float32bits(lines[16]) | math.Float32bits(lines[32]) | math.Float32bits(lines[48])
		data = data[64:]
	}
	return bits
}

// unpackRef writes w[i] = codes[i]·scales[i mod len(scales)].
func unpackRef(w []float32, codes []int8, scales []float32) {
	for len(w) >= len(scales) {
		row, code := w[:len(scales)], codes[:len(scales)]
		for j, s := range scales {
			row[j] = float32(code[j]) * s
		}
		w, codes = w[len(scales):], codes[len(scales):]
	}
}
