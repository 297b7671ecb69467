//go:build !goexperiment.simd || !(amd64 || arm64 || wasm)

package kernel

// simdTiles is empty: this build has the portable kernels only.
func simdTiles() []tileSet { return nil }

func (*tileSet) tileExact(_ int, tile *[maxTile]float32, x []float32, at *[tileRows]int32, taps []int32, c int, b []float32) {
	tileRef(tile, x, at, taps, c, b)
}

func (*tileSet) tileFast(_ int, tile *[maxTile]float32, x []float32, at *[tileRows]int32, taps []int32, c int, b []float32) {
	tileRef(tile, x, at, taps, c, b)
}

func (*tileSet) gradTile(_ int, tile *[maxTile]float32, x []float32, at []int32, tap int32, dy []float32, n int) {
	gradTileRef(tile, x, at, tap, dy, n)
}
