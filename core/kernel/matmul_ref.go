package kernel

// refLanes is the width of the reference's tiles: any number does.
const refLanes = 2

// refTiles is the definition of the tiles, built everywhere. Lanes of 2 keep it
// apart from every vector width.
var refTiles = tileSet{name: "ref", lanes: refLanes, most: 1}

func tileRef(tile *[maxTile]float32, x []float32, at *[tileRows]int32, taps []int32, c int, b []float32) {
	for r := range tileRows {
		out := (*[refLanes]float32)(tile[r*refLanes:])
		*out = [refLanes]float32{}
		q := b
		for _, tap := range taps {
			for _, v := range x[at[r]+tap:][:c] {
				for j := range out {
					out[j] += float32(v * q[j])
				}
				q = q[refLanes:]
			}
		}
	}
}

func gradTileRef(tile *[maxTile]float32, x []float32, at []int32, tap int32, dy []float32, n int) {
	for r := range tileRows {
		out := (*[refLanes]float32)(tile[r*refLanes:])
		*out = [refLanes]float32{}
		for i, from := range at {
			v := x[int(from+tap)+r]
			for j := range out {
				out[j] += float32(v * dy[i*n+j])
			}
		}
	}
}
