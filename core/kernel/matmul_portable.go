//go:build !goexperiment.simd || !(amd64 || arm64 || wasm)

package kernel

// simdTiles is empty: this build has the portable kernels only.
func simdTiles() []tileSet { return nil }
