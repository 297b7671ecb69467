//go:build goexperiment.simd && (wasm || arm64)

package kernel

// simdTiles lists the tiles of 128-bit vectors, which all these machines support.
func simdTiles() []tileSet { return []tileSet{tiles4} }
