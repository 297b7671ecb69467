//go:build goexperiment.simd && (wasm || arm64)

package kernel

// simdTiles lists the tiles of 128-bit vectors, which these machines always have.
func simdTiles() []tileSet {
	return []tileSet{{
		name: "simd128", lanes: 4,
		exact: []tileFunc{nil, tile4x1Exact, tile4x2Exact},
		fast:  []tileFunc{nil, tile4x1Exact, tile4x2Exact},
		grad:  []gradTileFunc{nil, gradTile4x1, gradTile4x2},
	}}
}
