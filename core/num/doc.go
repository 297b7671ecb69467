// Package num has elementary functions and half-precision conversions that return the
// same bits on every target: amd64 at any GOAMD64, arm64, wasm, with and without SIMD.
// The functions of package math do not: some are assembly on one target, and a compiler
// may fuse a product and a sum on another. Here every product in a sum is rounded by an
// explicit conversion, which forbids that.
//
// The float64 functions (Exp, Log, Sin, …) are for schedules and noise; their error is
// at most 2 units in the last place (ulp) over their whole range. The float32 functions
// (Exp32, Sigmoid32) are for networks; SIMD kernels repeat Exp32 in every lane with the
// exported constants.
package num
