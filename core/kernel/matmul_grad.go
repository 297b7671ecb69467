package kernel

// gradPositions is the number of positions that MatMulGrad sums at a time: few enough
// that their data stay in the L1 cache over all taps and channels.
const gradPositions = 196

// MatMulGrad adds to dw the gradient of MatMul's weights: for every tap t,
// channel c and column j, dw[(t·C+c)·n+j] += Σᵢ x[Rows[i]+Taps[t]+c]·dy[i·n+j].
// Rows must be in ascending order; equal values are allowed. The result is deterministic
// on one machine; multiplications and additions may be fused. It panics if a length does
// not match or the gather reads outside x.
func MatMulGrad(dw, x, dy []float32, g *Gather, n int) {
	if len(dw) != g.K()*n || len(dy) < len(g.Rows)*n {
		panic("kernel: MatMulGrad: dw must be [K,n] and dy have at least len(Rows) rows")
	}
	matMulGrad(dw, x, dy[:len(g.Rows)*n], g, n, &tiles)
}

func matMulGrad(dw, x, dy []float32, g *Gather, n int, set *tileSet) {
	for i := 0; i < len(g.Rows); i += gradPositions {
		at := g.Rows[i:min(i+gradPositions, len(g.Rows))]
		for column := 0; column < n; {
			vecs := set.tileWidth(set.blocks(n - column))
			rows, columns := set.rows[vecs], min(vecs*set.lanes, n-column)
			for t, tap := range g.Taps {
				for c := 0; c < g.C; c += rows {
					to := tileOutput{y: dw[(t*g.C+c)*n+column:], n: n}
					set.addGrad(vecs, min(rows, g.C-c), columns, &to, x, at, tap+int32(c), dy[i*n+column:], n)
				}
			}
			column += columns
		}
	}
}

// addGrad adds the first rows × columns elements of a tile: Σᵢ x[at[i]+tap+r]·dy[i·n+j]
// for all i < len(at). A tile always reads its full width and height; sums outside rows
// and columns are discarded. The last positions, where a tile would read past the end of
// x or dy, are summed one by one.
func (s *tileSet) addGrad(vecs, rows, columns int, to *tileOutput, x []float32, at []int32, tap int32, dy []float32, n int) {
	width := vecs * s.lanes
	safe := len(at)
	for safe > 0 && (int(at[safe-1]+tap)+s.reach > len(x) || (safe-1)*n+width > len(dy)) {
		safe--
	}
	if rows == s.rows[vecs] && columns == width {
		s.gradTile(vecs, to, x, at[:safe], tap, dy, n)
	} else if safe > 0 {
		var out [maxTile]float32
		all := tileOutput{y: out[:], n: width}
		s.gradTile(vecs, &all, x, at[:safe], tap, dy, n)
		for r := range rows {
			addTo(to.y[r*to.n:][:columns], out[r*width:])
		}
	}
	for i := safe; i < len(at); i++ {
		row := dy[i*n:][:columns]
		for r := range rows {
			v := x[int(at[i]+tap)+r]
			out := to.y[r*to.n:][:len(row)]
			for j, d := range row {
				out[j] += v * d
			}
		}
	}
}
