package kernel

// refLanes and refRows are the width and the height of the reference's tiles. Any values
// work.
const refLanes, refRows = 2, 4

// refTiles is the definition of the tiles, compiled in every build. Its 2 lanes differ
// from every vector width.
var refTiles = tileSet{name: "ref", lanes: refLanes, most: 1, reach: refRows, rows: [maxVecs + 1]int{1: refRows}}

func tileRef(to *tileOutput, x []float32, at *[maxRows]int32, taps []int32, c int, b []float32) {
	for r := range refRows {
		var sums [refLanes]float32
		q := b
		for _, tap := range taps {
			for _, v := range x[at[r]+tap:][:c] {
				for j := range sums {
					sums[j] += float32(v * q[j])
				}
				q = q[refLanes:]
			}
		}
		for j, sum := range sums {
			if to.bias != nil {
				sum += to.bias[j]
			}
			if to.add != nil {
				sum += to.add[r*to.n+j]
			}
			to.y[r*to.n+j] = sum
		}
	}
}

func stripRef(times int, to *tileOutput, x []float32, c int, b []float32) {
	for i := range times {
		var at [maxRows]int32
		for r := range refRows {
			at[r] = int32((i*refRows + r) * c)
		}
		tileRef(&tileOutput{y: to.y[i*refRows*to.n:], n: to.n}, x, &at, oneTap, c, b)
	}
}

func gradTileRef(to *tileOutput, x []float32, at []int32, tap int32, dy []float32, n int) {
	for r := range refRows {
		out := (*[refLanes]float32)(to.y[r*to.n:])
		for i, from := range at {
			v := x[int(from+tap)+r]
			for j := range out {
				out[j] += float32(v * dy[i*n+j])
			}
		}
	}
}
