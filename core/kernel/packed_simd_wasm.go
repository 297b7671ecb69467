//go:build goexperiment.simd

package kernel

import "simd/archsimd"

// unpack is unpackRef, 16 numbers at a time if a row has 16.
func unpack(w []float32, codes []int8, scales []float32) {
	if len(scales) != 16 {
		unpackRef(w, codes, scales)
		return
	}
	s := (*[16]float32)(scales)
	s0, s1 := archsimd.LoadFloat32x4Array((*[4]float32)(s[0:4])), archsimd.LoadFloat32x4Array((*[4]float32)(s[4:8]))
	s2, s3 := archsimd.LoadFloat32x4Array((*[4]float32)(s[8:12])), archsimd.LoadFloat32x4Array((*[4]float32)(s[12:16]))
	for len(w) >= 16 && len(codes) >= 16 {
		out, code := (*[16]float32)(w), archsimd.LoadInt8x16Array((*[16]int8)(codes))
		lo, hi := code.ExtendLo8ToInt16(), code.ExtendHi8ToInt16()
		lo.ExtendLo4ToInt32().ConvertToFloat32().Mul(s0).StoreArray((*[4]float32)(out[0:4]))
		lo.ExtendHi4ToInt32().ConvertToFloat32().Mul(s1).StoreArray((*[4]float32)(out[4:8]))
		hi.ExtendLo4ToInt32().ConvertToFloat32().Mul(s2).StoreArray((*[4]float32)(out[8:12]))
		hi.ExtendHi4ToInt32().ConvertToFloat32().Mul(s3).StoreArray((*[4]float32)(out[12:16]))
		w, codes = w[16:], codes[16:]
	}
}
