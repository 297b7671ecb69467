//go:build !goexperiment.simd || !wasm

package kernel

// unpack is unpackRef: vectors are worth their while where memory is dear.
func unpack(w []float32, codes []int8, scales []float32) { unpackRef(w, codes, scales) }
