// Package num provides elementary functions and half-precision conversions that return
// the same bits on every target: amd64 at any GOAMD64, arm64 and wasm, with and without
// SIMD. The functions of package math do not: some are written in assembly for some
// targets, and on others the compiler may fuse a multiplication with an addition. This
// package rounds every product in a sum by an explicit conversion, which forbids fusing.
//
// The float64 functions (Exp, Log, Sin, …) are for schedules and noise. Their error is
// at most 2 units in the last place (ulp) over their whole range. The float32 functions
// (Exp32, Sigmoid32) are for networks. SIMD kernels compute Exp32 in every lane with the
// exported constants.
package num
