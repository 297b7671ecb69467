//go:build goexperiment.simd

package kernel

import "simd/archsimd"

// simdTiles lists the tiles this processor can run, the fastest last.
func simdTiles() []tileSet {
	var sets []tileSet
	if archsimd.X86.AVX2() && archsimd.X86.FMA() {
		sets = append(sets, tileSet{
			name: "avx2", lanes: 8,
			exact: []tileFunc{nil, tile8x1Exact, tile8x2Exact},
			fast:  []tileFunc{nil, tile8x1Fast, tile8x2Fast},
			grad:  []gradTileFunc{nil, gradTile8x1, gradTile8x2},
		})
	}
	if archsimd.X86.AVX512() {
		sets = append(sets, tileSet{
			name: "avx512", lanes: 16,
			exact: []tileFunc{nil, tile16x1Exact, tile16x2Exact, tile16x3Exact},
			fast:  []tileFunc{nil, tile16x1Fast, tile16x2Fast, tile16x3Fast},
			grad:  []gradTileFunc{nil, gradTile16x1, gradTile16x2, gradTile16x3},
		})
	}
	return sets
}
