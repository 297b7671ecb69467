//go:build !goexperiment.simd || !(amd64 || arm64 || wasm)

package kernel

// simdTiles is empty: this build has the portable kernels only.
func simdTiles() []tileSet { return nil }

func (*tileSet) tileExact(_ int, to *tileOutput, x []float32, at *[maxRows]int32, taps []int32, c int, b []float32) {
	tileRef(to, x, at, taps, c, b)
}

func (*tileSet) tileFast(_ int, to *tileOutput, x []float32, at *[maxRows]int32, taps []int32, c int, b []float32) {
	tileRef(to, x, at, taps, c, b)
}

func (*tileSet) stripExact(_, times int, to *tileOutput, x []float32, c int, b []float32) {
	stripRef(times, to, x, c, b)
}

func (*tileSet) stripFast(_, times int, to *tileOutput, x []float32, c int, b []float32) {
	stripRef(times, to, x, c, b)
}

func (*tileSet) gradTile(_ int, to *tileOutput, x []float32, at []int32, tap int32, dy []float32, n int) {
	gradTileRef(to, x, at, tap, dy, n)
}

func (*tileSet) winogradInput(to, from runs, times, n int)  { winogradInputRef(to, from, times, n) }
func (*tileSet) winogradFilter(to, from runs, times, n int) { winogradFilterRef(to, from, times, n) }
func (*tileSet) winogradOutput(to, from runs, times, n int) { winogradOutputRef(to, from, times, n) }
