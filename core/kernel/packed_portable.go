//go:build !goexperiment.simd || !wasm

package kernel

// unpack is unpackRef. Only wasm has a vector version, since only there memory is scarce.
func unpack(w []float32, codes []int8, scales []float32) { unpackRef(w, codes, scales) }
