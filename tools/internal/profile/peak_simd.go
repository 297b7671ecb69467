//go:build goexperiment.simd

package profile

import "simd"

// sums is the number of independent sums in mulAdd and fused: enough to hide the latency of an
// addition after a multiplication.
const sums = 12

// lanes returns the number of elements of a vector, 0 if vectors are emulated.
func lanes() int {
	if simd.Emulated() {
		return 0
	}
	var v simd.Float32s
	return v.Len()
}

// mulAdd computes s ← s·x + y n times for every sum, rounded twice.
func mulAdd(n int, out []float32) {
	x, y := simd.BroadcastFloat32s(0.999), simd.BroadcastFloat32s(1e-3)
	s0 := y
	s1 := y
	s2 := y
	s3 := y
	s4 := y
	s5 := y
	s6 := y
	s7 := y
	s8 := y
	s9 := y
	s10 := y
	s11 := y
	for i := 0; i < n; i++ { // go1.27.4 cannot compile "for range n" around vectors
		s0 = s0.Mul(x).Add(y)
		s1 = s1.Mul(x).Add(y)
		s2 = s2.Mul(x).Add(y)
		s3 = s3.Mul(x).Add(y)
		s4 = s4.Mul(x).Add(y)
		s5 = s5.Mul(x).Add(y)
		s6 = s6.Mul(x).Add(y)
		s7 = s7.Mul(x).Add(y)
		s8 = s8.Mul(x).Add(y)
		s9 = s9.Mul(x).Add(y)
		s10 = s10.Mul(x).Add(y)
		s11 = s11.Mul(x).Add(y)
	}
	sum := s0.Add(s1).Add(s2).Add(s3).Add(s4).Add(s5).Add(s6).Add(s7).Add(s8).Add(s9).Add(s10).Add(s11)
	sum.Store(out)
}

// fused is mulAdd with a single rounding, if the machine supports it.
func fused(n int, out []float32) {
	x, y := simd.BroadcastFloat32s(0.999), simd.BroadcastFloat32s(1e-3)
	s0 := y
	s1 := y
	s2 := y
	s3 := y
	s4 := y
	s5 := y
	s6 := y
	s7 := y
	s8 := y
	s9 := y
	s10 := y
	s11 := y
	for i := 0; i < n; i++ { // go1.27.4 cannot compile "for range n" around vectors
		s0 = s0.MulAdd(x, y)
		s1 = s1.MulAdd(x, y)
		s2 = s2.MulAdd(x, y)
		s3 = s3.MulAdd(x, y)
		s4 = s4.MulAdd(x, y)
		s5 = s5.MulAdd(x, y)
		s6 = s6.MulAdd(x, y)
		s7 = s7.MulAdd(x, y)
		s8 = s8.MulAdd(x, y)
		s9 = s9.MulAdd(x, y)
		s10 = s10.MulAdd(x, y)
		s11 = s11.MulAdd(x, y)
	}
	sum := s0.Add(s1).Add(s2).Add(s3).Add(s4).Add(s5).Add(s6).Add(s7).Add(s8).Add(s9).Add(s10).Add(s11)
	sum.Store(out)
}
