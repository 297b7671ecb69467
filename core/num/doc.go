// Package num holds elementary functions and half-precision conversions that
// return the same bits on every target: amd64 at any GOAMD64, arm64, wasm, with
// and without SIMD. The functions of package math do not: some are assembly on
// one target, and a compiler may fuse a product into a sum on another. Here every
// product that meets a sum is rounded by an explicit conversion, which forbids that.
//
// The float64 functions (Exp, Log, Sin, …) serve schedules and noise; they stay
// within 2 units in the last place (ulp) of the true value over their whole range.
// The float32 functions (Exp32, Sigmoid32) serve the networks; SIMD kernels repeat
// Exp32 lane by lane from the constants exported beside it.
package num
