package quant

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// MaxCode is the largest magnitude of an int8 code. The code −128 is not used, so that
// the codes are symmetric and negating a weight negates its code.
const MaxCode = 127

// MaxScale is the largest scale: the largest float32 whose product with MaxCode
// is still finite, so that no code dequantizes to an infinity.
const MaxScale float32 = 0x1.020406p121

// QuantizeInt8 quantizes w, a matrix of len(scales) rows, row by row, with codes
// of magnitude levels at most, 1 to MaxCode:
//
//	scale[r]  = max over the row of |w| / levels, and at most MaxScale
//	code[r,c] = w[r,c] / scale[r], rounded to the nearest integer, ties to even
//
// Fewer levels compress better: halving them reduces the entropy of a code by one bit
// and doubles the error.
//
// It writes codes, which is as long as w, and scales; w is left unchanged. A row
// of zeros has scale 0 and codes 0. In a row whose largest magnitude is 2⁻¹¹⁹ or
// more |w − code·scale| ≤ scale·(½ + 2⁻⁴⁵): half a step plus the rounding of the
// float64 quotient. In smaller rows the scale is subnormal, or underflows to 0 together
// with the codes; there the error is only bounded by 2⁻¹¹⁹.
//
// The error names a weight that is not finite; codes and scales are then
// undefined. It panics unless len(codes) = len(w), a multiple of len(scales), and
// levels is in range.
func QuantizeInt8(codes []int8, scales []float32, w []float32, levels int) error {
	if levels < 1 || levels > MaxCode {
		panic("quant: QuantizeInt8: levels must be between 1 and 127")
	}
	cols := columns(len(codes), len(scales), len(w))
	for r := range scales {
		row := w[r*cols : (r+1)*cols]
		var largest float32
		for c, v := range row {
			if a := float32(math.Abs(float64(v))); a > largest {
				largest = a
			} else if math.IsNaN(float64(v)) {
				return fmt.Errorf("quant: weights must be finite (got NaN at [%d,%d])", r, c)
			}
		}
		if math.IsInf(float64(largest), 0) {
			return fmt.Errorf("quant: weights must be finite (got an infinite one in row %d)", r)
		}
		scales[r] = min(largest/float32(levels), MaxScale)
		int8Row(codes[r*cols:(r+1)*cols], row, scales[r], levels)
	}
	return nil
}

// int8Row writes the codes of one row.
func int8Row(codes []int8, row []float32, scale float32, levels int) {
	most := float64(levels)
	if scale == 0 {
		clear(codes)
		return
	}
	for c, v := range row {
		q := math.RoundToEven(float64(v) / float64(scale))
		codes[c] = int8(max(-most, min(most, q)))
	}
}

// DequantizeInt8 writes w[r,c] = code[r,c]·scale[r], a single float32 product. It
// panics unless len(codes) = len(w), a multiple of len(scales).
func DequantizeInt8(w []float32, codes []int8, scales []float32) {
	cols := columns(len(codes), len(scales), len(w))
	for r, s := range scales {
		out := w[r*cols : (r+1)*cols]
		for c, q := range codes[r*cols : (r+1)*cols] {
			out[c] = float32(q) * s
		}
	}
}

// CheckInt8 returns an error that names the first invalid code or scale: a code of −128,
// or a scale outside [0, MaxScale]. It panics unless len(codes) is a multiple of
// len(scales).
func CheckInt8(codes []int8, scales []float32) error {
	cols := columns(len(codes), len(scales), len(codes))
	for r, s := range scales {
		if !(s >= 0 && s <= MaxScale) {
			return fmt.Errorf("scale of row %d must be in [0, %g] (got %g)", r, MaxScale, s)
		}
		if c := outside(codes[r*cols : (r+1)*cols]); c >= 0 {
			return fmt.Errorf("code [%d,%d] must be in [%d, %d] (got %d)", r, c, -MaxCode, MaxCode, codes[r*cols+c])
		}
	}
	return nil
}

// outside returns the index of the first code of −128, or −1. It checks eight codes at
// a time: a byte of y is 0 where a code is −128, and subtracting 1 from every byte
// borrows into the top bit of such a byte.
func outside(codes []int8) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	rest := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(codes))), len(codes))
	for ; len(rest) >= 8; rest = rest[8:] {
		y := binary.LittleEndian.Uint64(rest) ^ tops
		if (y-ones)&^y&tops != 0 {
			break
		}
	}
	for i, b := range rest {
		if int8(b) < -MaxCode {
			return len(codes) - len(rest) + i
		}
	}
	return -1
}

// columns returns the number of columns, or 0 if there are no rows.
func columns(codes, rows, weights int) int {
	if codes != weights {
		panic("quant: codes and weights must have the same length")
	}
	if rows == 0 {
		if codes != 0 {
			panic("quant: there must be a row for the weights")
		}
		return 0
	}
	if codes%rows != 0 {
		panic("quant: the number of rows must divide the number of weights")
	}
	return codes / rows
}
