//go:build goexperiment.simd

package kernel

import "simd/archsimd"

// simdTiles lists the tiles this processor can run, the fastest last.
func simdTiles() []tileSet {
	var sets []tileSet
	if archsimd.X86.AVX2() && archsimd.X86.FMA() {
		sets = append(sets, tiles8)
	}
	if archsimd.X86.AVX512() {
		sets = append(sets, tiles16)
	}
	return sets
}
