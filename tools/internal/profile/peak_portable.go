//go:build !goexperiment.simd

package profile

const sums = 0

func lanes() int                { return 0 }
func mulAdd(_ int, _ []float32) {}
func fused(_ int, _ []float32)  {}
