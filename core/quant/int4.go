package quant

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// Group is the number of weights of a row that share a scale in the int4 layout. The
// last group of a row may be shorter.
const Group = 32

// The codes of the int4 layout.
const (
	MinInt4 = -8
	MaxInt4 = 7
)

// Groups returns the number of groups in a row of the given length.
func Groups(cols int) int { return (cols + Group - 1) / Group }

// QuantizeInt4 quantizes w, a matrix with the given number of rows, group by group: the
// scale is that of Int4Scale, and
//
//	code[r,c] = w[r,c] / scale[r, c/Group], rounded to the nearest integer, ties to even, within [−8, 7]
//
// importance has the weight of each column's squared error; nil means equal weights. It
// writes rows·Groups(cols) scales, one for each group, and codes in the layout of
// PackInt4; w is left unchanged.
//
// The error names a row with a weight that is not finite or too large for any scale;
// codes and scales are then undefined. It panics if a length is wrong.
func QuantizeInt4(codes []byte, scales, w, importance []float32, rows int) error {
	cols := columns(len(w), rows, len(w))
	plain := make([]int8, len(w))
	g := Groups(cols)
	for r := range rows {
		for i := range g {
			low, high := i*Group, min(cols, (i+1)*Group)
			var weigh []float32
			if importance != nil {
				weigh = importance[low:high]
			}
			group := w[r*cols+low : r*cols+high]
			s := Int4Scale(group, weigh)
			if !(s <= maxInt4Scale) {
				return fmt.Errorf("quant: weights must be finite and below %d in magnitude (got %g in row %d)", MaxInt4*maxInt4Scale, s, r)
			}
			scales[r*g+i] = s
			for c, v := range group {
				plain[r*cols+low+c] = Int4Code(v, s)
			}
		}
	}
	PackInt4(codes, plain, rows)
	return nil
}

// maxInt4Scale is the largest float16.
const maxInt4Scale = 65504

// Int4Code returns the code of v for a scale.
func Int4Code(v, scale float32) int8 {
	if scale == 0 {
		return 0
	}
	return int8(max(MinInt4, min(MaxInt4, math.RoundToEven(float64(v)/float64(scale)))))
}

// Int4Scale returns the scale of a group with the smallest sum of squared errors,
// weighted by importance (nil: 1), among the float16 numbers with four bits of mantissa
// between a fifteenth and a sixth of the largest magnitude. A large scale clips nothing;
// a small one clips a few large weights and is finer for the others. Scales with so few
// bits compress to three or four bits for each group, and are within 1/32 of the best.
//
// It is 0 for a group of zeros. For a group without a valid scale it is NaN or too large
// for a float16.
func Int4Scale(group, importance []float32) float32 {
	var largest float32
	for _, v := range group {
		if v != v {
			return v
		}
		largest = max(largest, float32(math.Abs(float64(v))))
	}
	if largest >= MaxInt4*maxInt4Scale {
		return largest
	}
	best, least := float32(0), math.Inf(1)
	for h := coarse(num.ToFloat16(min(largest/6, maxInt4Scale))); h > 0; h = coarse(h - 1) {
		s := num.FromFloat16(h)
		if best != 0 && s < largest/15 {
			break
		}
		if e := int4Error(group, importance, s); e < least {
			best, least = s, e
		}
	}
	return best
}

// coarse returns the float16 h reduced to four bits of mantissa, or h if it is subnormal.
func coarse(h uint16) uint16 {
	if h < 0x400 {
		return h
	}
	return h &^ 0x3f
}

// int4Error returns the sum of squared errors of a group for a scale.
func int4Error(group, importance []float32, scale float32) float64 {
	sum := 0.0
	for i, v := range group {
		d := float64(v) - float64(float64(Int4Code(v, scale))*float64(scale))
		e := float64(d * d)
		if importance != nil {
			e = float64(e * float64(importance[i]))
		}
		sum += e
	}
	return sum
}

// PackInt4 packs the codes of a matrix with the given number of rows, two in a byte: those
// of rows 2p and 2p+1 in column c are the low and the high half of byte [p,c], each plus
// 8. If the number of rows is odd, the high half for the last row is 0. It panics unless
// len(packed) = ⌈rows/2⌉·cols.
func PackInt4(packed []byte, codes []int8, rows int) {
	cols := columns(len(codes), rows, len(codes))
	if len(packed) != (rows+1)/2*cols {
		panic("quant: PackInt4: wrong length")
	}
	clear(packed)
	for r := range rows {
		out := packed[r/2*cols:]
		for c, q := range codes[r*cols : (r+1)*cols] {
			out[c] |= byte(q-MinInt4) << (r % 2 * 4)
		}
	}
}

// DequantizeInt4 writes w[r,c] = code[r,c]·scale[r, c/Group], a single float32 product,
// for a matrix with the given number of rows. It panics if a length is wrong.
func DequantizeInt4(w []float32, packed []byte, scales []float32, rows int) {
	cols := columns(len(w), rows, len(w))
	g := Groups(cols)
	if len(packed) != (rows+1)/2*cols || len(scales) != rows*g {
		panic("quant: DequantizeInt4: wrong length")
	}
	for r := range rows {
		shift, scale := r%2*4, scales[r*g:]
		in, out := packed[r/2*cols:], w[r*cols:(r+1)*cols]
		for c := range out {
			out[c] = float32(int(in[c]>>shift&15)+MinInt4) * scale[c/Group]
		}
	}
}

// CheckInt4 returns an error that names the first invalid scale: scales are finite
// float16 numbers that are not negative. All codes are valid.
func CheckInt4(scales []float32) error {
	for i, s := range scales {
		if !(s >= 0 && s <= maxInt4Scale) || num.FromFloat16(num.ToFloat16(s)) != s {
			return fmt.Errorf("scale of group %d must be a float16 in [0, %d] (got %g)", i, maxInt4Scale, s)
		}
	}
	return nil
}
