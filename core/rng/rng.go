package rng

import (
	"math"

	"tweedie/core/num"
)

// positions is the count of numbers for one (seed, sample, stream): four in each of 2³²
// blocks.
const positions = 1 << 34

// Uint32s fills dst with the uniform words at positions 0 to len(dst)−1. It does not
// allocate. It panics if dst is longer than 2³⁴.
func Uint32s(dst []uint32, seed, sample uint64, stream uint32) {
	Uint32sAt(dst, seed, sample, stream, 0)
}

// Uniform fills dst with the numbers at positions 0 to len(dst)−1, uniform on the
// multiples of 2⁻²⁴ in [0, 1). It does not allocate. It panics if dst is longer than 2³⁴.
func Uniform(dst []float32, seed, sample uint64, stream uint32) {
	UniformAt(dst, seed, sample, stream, 0)
}

// Normal fills dst with the numbers at positions 0 to len(dst)−1, standard normal and
// independent, within ±6.77. It does not allocate. It panics if dst is longer than 2³⁴.
func Normal(dst []float32, seed, sample uint64, stream uint32) {
	NormalAt(dst, seed, sample, stream, 0)
}

// Uint32sAt is Uint32s for the positions from position on, for parts of a long array. It
// panics if a position reaches 2³⁴.
func Uint32sAt(dst []uint32, seed, sample uint64, stream uint32, position uint64) {
	block, skip := locate(position, len(dst))
	for len(dst) > 0 {
		w0, w1, w2, w3 := words(seed, sample, stream, block)
		v := [4]uint32{w0, w1, w2, w3}
		dst = dst[copy(dst, v[skip:]):]
		block, skip = block+1, 0
	}
}

// UniformAt is Uniform for the positions from position on. It panics if a position
// reaches 2³⁴.
func UniformAt(dst []float32, seed, sample uint64, stream uint32, position uint64) {
	block, skip := locate(position, len(dst))
	for len(dst) > 0 {
		w0, w1, w2, w3 := words(seed, sample, stream, block)
		v := [4]float32{unit(w0), unit(w1), unit(w2), unit(w3)}
		dst = dst[copy(dst, v[skip:]):]
		block, skip = block+1, 0
	}
}

// NormalAt is Normal for the positions from position on. It panics if a position reaches
// 2³⁴.
func NormalAt(dst []float32, seed, sample uint64, stream uint32, position uint64) {
	block, skip := locate(position, len(dst))
	for len(dst) > 0 {
		w0, w1, w2, w3 := words(seed, sample, stream, block)
		var v [4]float32
		v[0], v[1] = boxMuller(w0, w1)
		v[2], v[3] = boxMuller(w2, w3)
		dst = dst[copy(dst, v[skip:]):]
		block, skip = block+1, 0
	}
}

// locate returns the block that contains position and the index in it. It panics unless
// there are n numbers from position on.
func locate(position uint64, n int) (block uint32, skip int) {
	if position > positions || uint64(n) > positions-position {
		panic("rng: positions must be below 2^34")
	}
	return uint32(position / 4), int(position % 4)
}

// words returns the four words of a block.
func words(seed, sample uint64, stream, block uint32) (w0, w1, w2, w3 uint32) {
	return philox(block, stream, uint32(sample), uint32(sample>>32), uint32(seed), uint32(seed>>32))
}

// unit returns the upper 24 bits of w divided by 2²⁴.
func unit(w uint32) float32 {
	return float32(float32(w>>8) * 0x1p-24)
}

// boxMuller turns two uniform words into two independent standard normal numbers:
// √(−2·log u) times cosine and sine of a uniform angle (Box & Muller 1958). u is at least
// half a step away from 0 and 1; the angle is a multiple of 2⁻³¹ half turns.
func boxMuller(w0, w1 uint32) (a, b float32) {
	u := float64((float64(w0) + 0.5) * 0x1p-32)
	radius := math.Sqrt(-2 * num.Log(u))
	sin, cos := num.SincosPi(float64(float64(w1) * 0x1p-31))
	return float32(radius * cos), float32(radius * sin)
}
