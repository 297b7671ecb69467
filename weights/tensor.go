package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"tweedie/core/minijson"
	"tweedie/core/num"
	"tweedie/core/quant"
)

// Tensor is a named array in the representation of a file.
type Tensor struct {
	Name  string    // PyTorch's, such as down_blocks.0.resnets.0.conv1.weight
	DType DType     // the type of the numbers in Data
	Shape []int     // PyTorch's; empty for a scalar
	Data  []byte    // the numbers, little-endian, row-major
	Scale []float32 // I8 in a model file: one per entry of the first axis; I4: one per group; otherwise nil
}

// Len returns the number of elements of the tensor.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Codes returns the int8 codes of an I8 tensor, sharing Data's memory. It panics
// on another type.
func (t *Tensor) Codes() []int8 {
	if t.DType != I8 {
		panic("weights: codes of a tensor that is not I8")
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(t.Data))), len(t.Data))
}

// Float32 returns the numbers as a new slice: F32, F16 and BF16 exactly, F64
// rounded to nearest, I8 and I4 as code·scale. The error names any other type, codes
// without scales, or a finite F64 number beyond the range of float32.
func (t *Tensor) Float32() ([]float32, error) {
	if n, err := dataSize(t.DType, t.Shape); err != nil || n != len(t.Data) {
		return nil, fmt.Errorf("weights: tensor %q: %d bytes do not match shape %v of %s", t.Name, len(t.Data), t.Shape, t.DType)
	}
	out := make([]float32, t.Len())
	switch t.DType {
	case F32:
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
	case F16:
		for i := range out {
			out[i] = num.FromFloat16(binary.LittleEndian.Uint16(t.Data[2*i:]))
		}
	case BF16:
		for i := range out {
			out[i] = num.FromBFloat16(binary.LittleEndian.Uint16(t.Data[2*i:]))
		}
	case F64:
		for i := range out {
			v := math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
			out[i] = float32(v)
			if math.IsInf(float64(out[i]), 0) && !math.IsInf(v, 0) {
				return nil, fmt.Errorf("weights: tensor %q: number %d is %g, which is beyond the range of float32", t.Name, i, v)
			}
		}
	case I8:
		if len(t.Shape) == 0 || len(t.Scale) != t.Shape[0] {
			return nil, fmt.Errorf("weights: tensor %q: I8 of shape %v must have one scale per row (got %d)", t.Name, t.Shape, len(t.Scale))
		}
		quant.DequantizeInt8(out, t.Codes(), t.Scale)
	case I4:
		if len(t.Scale) != scales(t.Shape) {
			return nil, fmt.Errorf("weights: tensor %q: I4 of shape %v must have one scale per group (got %d)", t.Name, t.Shape, len(t.Scale))
		}
		quant.DequantizeInt4(out, t.Data, t.Scale, t.Shape[0])
	default:
		return nil, fmt.Errorf("weights: tensor %q must be F32, F16, BF16, F64, I8 or I4 (got %s)", t.Name, t.DType)
	}
	return out, nil
}

// check reports how t violates the rules for a tensor in a model file. The error has no
// package prefix.
func (t *Tensor) check() error {
	if !t.DType.inModel() {
		return fmt.Errorf("type must be F32, F16, I8 or I4 (got %q)", t.DType)
	}
	for i, d := range t.Shape {
		if d < 1 {
			return fmt.Errorf("axis %d of shape %v must be at least 1 (got %d)", i, t.Shape, d)
		}
	}
	if n, err := dataSize(t.DType, t.Shape); err != nil {
		return err
	} else if n != len(t.Data) {
		return fmt.Errorf("has %d bytes, shape %v of %s needs %d", len(t.Data), t.Shape, t.DType, n)
	}
	if !t.coded() {
		if t.Scale != nil {
			return fmt.Errorf("type must be I8 or I4 with scales (got %s)", t.DType)
		}
		return t.checkFinite()
	}
	if len(t.Shape) < 2 {
		return fmt.Errorf("%s of shape %v must have two or more axes", t.DType, t.Shape)
	}
	need := t.Shape[0]
	if t.DType == I4 {
		need = scales(t.Shape)
	}
	if len(t.Scale) != need {
		return fmt.Errorf("%d scales for %s of shape %v, which has %d", len(t.Scale), t.DType, t.Shape, need)
	}
	if t.DType == I4 {
		return quant.CheckInt4(t.Scale)
	}
	return quant.CheckInt8(t.Codes(), t.Scale)
}

// coded reports whether t consists of codes, which need scales.
func (t *Tensor) coded() bool { return t.DType == I8 || t.DType == I4 }

// scales returns the number of scales of an I4 tensor of this shape.
func scales(shape []int) int {
	cols := 1
	for _, d := range shape[1:] {
		cols *= d
	}
	return shape[0] * quant.Groups(cols)
}

// checkFinite reports the first number that is NaN or infinite; integers always pass.
// In each floating-point type those are the numbers whose exponent bits are all set.
func (t *Tensor) checkFinite() error {
	var exponent uint64
	switch t.DType {
	case F16:
		exponent = 0x7c00
	case BF16:
		exponent = 0x7f80
	case F32:
		exponent = 0x7f80_0000
	case F64:
		exponent = 0x7ff0_0000_0000_0000
	default:
		return nil
	}
	for i := range t.Len() {
		var bits uint64
		switch t.DType.Size() {
		case 2:
			bits = uint64(binary.LittleEndian.Uint16(t.Data[2*i:]))
		case 4:
			bits = uint64(binary.LittleEndian.Uint32(t.Data[4*i:]))
		case 8:
			bits = binary.LittleEndian.Uint64(t.Data[8*i:])
		}
		if bits&exponent == exponent {
			return fmt.Errorf("number %d of %d is NaN or infinite (bits %#x)", i, t.Len(), bits)
		}
	}
	return nil
}

// dataSize returns the length of Data for that type and shape. It is byteSize, extended
// to I4.
func dataSize(d DType, shape []int) (int, error) {
	if d == I4 && len(shape) > 0 {
		d, shape = u8, packed(shape)
	}
	return byteSize(d, shape)
}

// packed returns the shape of an I4 tensor's codes in bytes, each of which holds two rows.
func packed(shape []int) []int { return append([]int{shape[0] - shape[0]/2}, shape[1:]...) }

// byteSize returns the size in bytes of an array of that type and shape. The error names
// an unknown type, or a shape that is invalid or whose size overflows an int.
func byteSize(d DType, shape []int) (int, error) {
	size := d.Size()
	if size == 0 {
		return 0, fmt.Errorf("unknown type %q", minijson.Clip(string(d)))
	}
	if len(shape) > MaxAxes {
		return 0, fmt.Errorf("shape must have at most %d axes (got %d)", MaxAxes, len(shape))
	}
	n := size
	for _, d := range shape {
		if d < 0 || (d > 0 && n > math.MaxInt/d) {
			return 0, fmt.Errorf("shape %v is out of range", shape)
		}
		n *= d
	}
	return n, nil
}

// checkName reports a name that is empty, too long, not UTF-8, or that contains a
// control character.
func checkName(name string) error {
	if len(name) < 1 || len(name) > MaxName {
		return fmt.Errorf("name must be 1 to %d bytes (got %d)", MaxName, len(name))
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("name %q is not UTF-8", name)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return fmt.Errorf("name %q contains a control character", name)
		}
	}
	return nil
}
