//go:build goexperiment.simd && (amd64 || arm64 || wasm)

package engine

// vectors says whether this build's kernels compute with vectors.
const vectors = true
