package weights

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"tweedie/core/num"
	"tweedie/core/quant"
)

// Storage specifies how Quantize stores numbers.
type Storage struct {
	DType  DType
	Levels int // I8: the largest magnitude of a code, 1 to 127; 0 means 127. Fewer levels compress better
}

// Quantize returns the tensor of the given name, shape and numbers, stored as
// specified: F32 exactly, F16 rounded to nearest even, I8 and I4 in core/quant's
// layouts, I8 with one scale per output channel, I4 with one per 32 weights of a
// channel. I8 and I4 are for matrices: a tensor of fewer than two axes (a bias, a
// norm's gain) is stored as F32, which adds almost nothing to a model.
//
// data is left unchanged and not kept. The error names a number that is not
// finite, a number beyond the range of F16 (65520 or more), another dtype, or a
// shape that does not match the length of data.
func Quantize(name string, shape []int, data []float32, as Storage) (Tensor, error) {
	dtype, levels := as.DType, cmp.Or(as.Levels, quant.MaxCode)
	if (dtype == I8 || dtype == I4) && len(shape) < 2 {
		dtype = F32
	}
	t := Tensor{Name: name, DType: dtype, Shape: slices.Clone(shape)}
	if !dtype.inModel() {
		return Tensor{}, fmt.Errorf("weights: tensor %q: type must be F32, F16, I8 or I4 (got %q)", name, dtype)
	}
	if levels < 1 || levels > quant.MaxCode {
		return Tensor{}, fmt.Errorf("weights: tensor %q: levels must be 1 to %d (got %d)", name, quant.MaxCode, levels)
	}
	size, err := dataSize(dtype, shape)
	if err == nil && t.Len() != len(data) {
		err = fmt.Errorf("%d numbers for shape %v, which has %d", len(data), shape, t.Len())
	}
	if err != nil {
		return Tensor{}, fmt.Errorf("weights: tensor %q: %w", name, err)
	}
	t.Data = make([]byte, 0, size)
	switch dtype {
	case F32:
		for _, v := range data {
			t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
		}
	case F16:
		for _, v := range data {
			t.Data = binary.LittleEndian.AppendUint16(t.Data, num.ToFloat16(v))
		}
	case I8:
		codes := make([]int8, size)
		t.Scale = make([]float32, shape[0])
		if err := quant.QuantizeInt8(codes, t.Scale, data, levels); err != nil {
			return Tensor{}, fmt.Errorf("weights: tensor %q: %w", name, err)
		}
		t.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(codes))), len(codes))
	case I4:
		t.Data, t.Scale = make([]byte, size), make([]float32, scales(shape))
		if err := quant.QuantizeInt4(t.Data, t.Scale, data, nil, shape[0]); err != nil {
			return Tensor{}, fmt.Errorf("weights: tensor %q: %w", name, err)
		}
	}
	if err := t.check(); err != nil {
		return Tensor{}, fmt.Errorf("weights: tensor %q as %s: %w", name, dtype, err)
	}
	return t, nil
}
