package kernel

// MatMulGrad adds to dw the gradient of MatMul's weights: for every tap t,
// channel c and column j, dw[(t·C+c)·n+j] += Σᵢ x[Rows[i]+Taps[t]+c]·dy[i·n+j].
// Rows must not descend. It may fuse, and is deterministic on one machine. It
// panics if a length does not fit or the gather leaves x.
func MatMulGrad(dw, x, dy []float32, g *Gather, n int) {
	if len(dw) != g.K()*n || len(dy) < len(g.Rows)*n {
		panic("kernel: MatMulGrad: dw or dy does not fit")
	}
	matMulGrad(dw, x, dy[:len(g.Rows)*n], g, n, &tiles)
}

func matMulGrad(dw, x, dy []float32, g *Gather, n int, set *tileSet) {
	for column := 0; column < n; {
		v := max(1, min((n-column)/set.lanes, set.most))
		width := v * set.lanes
		for t, tap := range g.Taps {
			for c := 0; c < g.C; c += tileRows {
				b := gradBlock{
					at: (t*g.C+c)*n + column, tap: tap + int32(c), column: column,
					rows: min(tileRows, g.C-c), columns: min(width, n-column),
				}
				b.add(dw, x, dy, g.Rows, n, set, v)
			}
		}
		column += width
	}
}

// gradBlock is one tile's share of dw: rows×columns numbers from dw[at].
type gradBlock struct {
	at, column    int
	tap           int32
	rows, columns int
}

// add sums the block. A tile reads whole: past the block's own edge it meets
// numbers of its neighbours, whose sums are dropped. The last positions, where
// it would leave x or dy, are summed one by one.
func (b *gradBlock) add(dw, x, dy []float32, at []int32, n int, set *tileSet, vecs int) {
	width := vecs * set.lanes
	safe := len(at)
	for safe > 0 && (int(at[safe-1]+b.tap)+tileRows > len(x) || (safe-1)*n+b.column+width > len(dy)) {
		safe--
	}
	if safe > 0 {
		var out [maxTile]float32
		set.gradTile(vecs, &out, x, at[:safe], b.tap, dy[b.column:], n)
		for r := range b.rows {
			addTo(dw[b.at+r*n:][:b.columns], out[r*width:])
		}
	}
	for i := safe; i < len(at); i++ {
		row := dy[i*n+b.column:][:b.columns]
		for r := range b.rows {
			v := x[int(at[i]+b.tap)+r]
			out := dw[b.at+r*n:][:len(row)]
			for j, d := range row {
				out[j] += v * d
			}
		}
	}
}
