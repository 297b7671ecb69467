//go:build goexperiment.simd

package kernel

import "simd/archsimd"

// simdTiles lists the tiles this processor can run, the fastest last.
func simdTiles() []tileSet {
	var sets []tileSet
	if archsimd.X86.AVX2() && archsimd.X86.FMA() {
		sets = append(sets, tileSet{name: "avx2", lanes: 8, most: 2})
	}
	if archsimd.X86.AVX512() {
		sets = append(sets, tileSet{name: "avx512", lanes: 16, most: 3})
	}
	return sets
}
