//go:build goexperiment.simd

package kernel

import "simd"

var columnMeansSIMD = []impl[func(mean, x []float32, n Norm)]{{"simd", !simd.Emulated(), columnMeansSimd}}

func columnMeansSimd(mean, x []float32, n Norm) {
	var v simd.Float32s
	whole := n.C - n.C%v.Len()
	for c := 0; c < whole; c += 16 {
		stripSums(mean[c:min(c+16, whole)], x[c:], n.C)
	}
	for c := range mean {
		if c >= whole {
			mean[c] = columnSum(x[c:], n.C)
		}
		mean[c] /= float32(n.HW)
	}
}
