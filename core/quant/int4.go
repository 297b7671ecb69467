package quant

import (
	"fmt"
	"math"

	"tweedie/core/num"
)

// Group is how many weights of a row share a scale in the int4 layout. The last
// group of a row may be shorter.
const Group = 32

// The codes of the int4 layout.
const (
	MinInt4 = -8
	MaxInt4 = 7
)

// Groups returns how many groups a row of so many weights has.
func Groups(cols int) int { return (cols + Group - 1) / Group }

// QuantiseInt4 quantises w, a matrix of so many rows, group by group: the scale is
// Int4Scale's, and
//
//	code[r,c] = w[r,c] / scale[r, c/Group], rounded to the nearest integer, ties to even, within [−8, 7]
//
// importance says how much the squared error of a column weighs, nil for all the
// same. It writes scales, one a group, rows·Groups(cols) of them, and codes, packed
// as PackInt4 says; w is left unchanged.
//
// The error names a row with a weight that is not finite or that no scale reaches;
// codes and scales are then undefined. It panics unless the lengths fit.
func QuantiseInt4(codes []byte, scales, w, importance []float32, rows int) error {
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
				return fmt.Errorf("quant: row %d holds a weight of %g, need a number below %d", r, s, MaxInt4*maxInt4Scale)
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

// Int4Code returns the code of v at this scale.
func Int4Code(v, scale float32) int8 {
	if scale == 0 {
		return 0
	}
	return int8(max(MinInt4, min(MaxInt4, math.RoundToEven(float64(v)/float64(scale)))))
}

// Int4Scale returns the scale of a group with the smallest sum of squared errors,
// each times its importance (nil: 1), among the float16 numbers of four bits of
// mantissa between a fifteenth and a sixth of the largest magnitude. A large one
// clips nothing, a small one clips the few large weights and is finer for the others.
// So few bits compress to three or four a group, and are at most 1/32 off the best.
//
// It is 0 for a group of zeros, and no float16 for one that has none: NaN, or large.
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

// coarse returns the float16 h with four bits of mantissa, or whole if subnormal.
func coarse(h uint16) uint16 {
	if h < 0x400 {
		return h
	}
	return h &^ 0x3f
}

// int4Error returns the sum of squared errors of a group at this scale.
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

// PackInt4 writes the codes of a matrix of so many rows two to a byte: codes [r,c] of
// rows 2p and 2p+1 are the low and the high half of byte [p,c], each 8 more than the
// code. Behind an odd last row the high half is 0. It panics unless
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

// DequantiseInt4 writes w[r,c] = code[r,c]·scale[r, c/Group], one float32 product
// each, for a matrix of so many rows. It panics unless the lengths fit.
func DequantiseInt4(w []float32, packed []byte, scales []float32, rows int) {
	cols := columns(len(w), rows, len(w))
	g := Groups(cols)
	if len(packed) != (rows+1)/2*cols || len(scales) != rows*g {
		panic("quant: DequantiseInt4: wrong length")
	}
	for r := range rows {
		shift, scale := r%2*4, scales[r*g:]
		in, out := packed[r/2*cols:], w[r*cols:(r+1)*cols]
		for c := range out {
			out[c] = float32(int(in[c]>>shift&15)+MinInt4) * scale[c/Group]
		}
	}
}

// CheckInt4 reports the first scale that is not one of the layout: a float16, finite
// and not negative. Any codes will do.
func CheckInt4(scales []float32) error {
	for i, s := range scales {
		if !(s >= 0 && s <= maxInt4Scale) || num.FromFloat16(num.ToFloat16(s)) != s {
			return fmt.Errorf("scale of group %d is %g, need a float16 in [0, %d]", i, s, maxInt4Scale)
		}
	}
	return nil
}
