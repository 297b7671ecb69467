// Package lazytensor has the type that all readers of checkpoints return: a tensor in a file
// that is read on demand.
package lazytensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	gorgonia "gorgonia.org/tensor"

	"tweedie/core/num"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// Tensor is a named array in a file. Its numbers are not in memory.
type Tensor struct {
	Name  string        // with dots between its parts, like PyTorch's
	DType weights.DType // the type in the file
	Shape []int         // empty for a scalar
	// Read returns the numbers in DType, little-endian and row-major, as a new slice. The error
	// says why they cannot be read.
	Read func() ([]byte, error)
}

// Len returns the number of elements of the tensor.
func (t *Tensor) Len() int { return tensor.Size(t.Shape) }

// Size returns the size in bytes of an array of that shape and type. The error names an
// unsupported type, a negative axis, or a size of more than limit bytes.
func Size(dtype weights.DType, shape []int, limit int64) (int, error) {
	size := int64(dtype.Size())
	if size == 0 {
		return 0, fmt.Errorf("numbers have type %q, which is not supported", dtype)
	}
	if len(shape) > weights.MaxAxes {
		return 0, fmt.Errorf("shape must have at most %d axes (got %d)", weights.MaxAxes, len(shape))
	}
	for i, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("axis %d of shape %v must be at least 0 (got %d)", i, shape, d)
		}
	}
	if slices.Contains(shape, 0) {
		return 0, nil
	}
	for i, d := range shape {
		if int64(d) > limit/size {
			return 0, fmt.Errorf("axis %d of shape %v makes the tensor larger than the limit of %d bytes", i, shape, limit)
		}
		size *= int64(d)
	}
	return int(size), nil
}

// Gather returns, in row-major order, the numbers that shape and strides select from data.
// number is the size of a number in bytes; strides count numbers. It panics if they exceed
// data.
func Gather(data []byte, shape, strides []int, number int) []byte {
	return gather(make([]byte, 0, number*tensor.Size(shape)), data, shape, strides, number)
}

func gather(out, data []byte, shape, strides []int, number int) []byte {
	if len(shape) == 0 {
		return append(out, data[:number]...)
	}
	for i := range shape[0] {
		out = gather(out, data[i*strides[0]*number:], shape[1:], strides[1:], number)
	}
	return out
}

// Float32 reads the numbers as float32: integers and F64 rounded to nearest, booleans as 0 and
// 1, smaller types exactly. The error names complex numbers, or a finite F64 number beyond the
// range of float32.
func (t *Tensor) Float32() ([]float32, error) {
	data, err := t.Read()
	if err != nil {
		return nil, err
	}
	if t.DType == "C64" {
		return nil, fmt.Errorf("lazytensor: tensor %q must be of real numbers (got complex ones)", t.Name)
	}
	out := make([]float32, t.Len())
	if size := t.DType.Size(); len(data) != size*len(out) {
		return nil, fmt.Errorf("lazytensor: tensor %q: %d bytes of %s, shape %v needs %d", t.Name, len(data), t.DType, t.Shape, size*len(out))
	}
	for i := range out {
		if t.DType == weights.F32 { // the usual case, without conversion to float64
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			continue
		}
		v := number(data, t.DType, i)
		out[i] = float32(v)
		if math.IsInf(float64(out[i]), 0) && !math.IsInf(v, 0) {
			return nil, fmt.Errorf("lazytensor: tensor %q: number %d is %g, which is beyond the range of float32", t.Name, i, v)
		}
	}
	return out, nil
}

// number returns element i of data, of any type but F32. 64-bit integers are rounded to
// float64.
func number(data []byte, dtype weights.DType, i int) float64 {
	le := binary.LittleEndian
	switch dtype {
	case weights.F16:
		return float64(num.FromFloat16(le.Uint16(data[2*i:])))
	case weights.BF16:
		return float64(num.FromBFloat16(le.Uint16(data[2*i:])))
	case weights.F64:
		return math.Float64frombits(le.Uint64(data[8*i:]))
	case "I64":
		return float64(int64(le.Uint64(data[8*i:])))
	case "U64":
		return float64(le.Uint64(data[8*i:]))
	case "I32":
		return float64(int32(le.Uint32(data[4*i:])))
	case "U32":
		return float64(le.Uint32(data[4*i:]))
	case "I16":
		return float64(int16(le.Uint16(data[2*i:])))
	case "U16":
		return float64(le.Uint16(data[2*i:]))
	case weights.I8:
		return float64(int8(data[i]))
	case "U8":
		return float64(data[i])
	case "BOOL":
		return float64(min(data[i], 1))
	}
	return float8(dtype, data[i])
}

// float8 returns the value of an 8-bit float with sign, exponent and mantissa as in the name of
// its type (Open Compute Project, OFP8 formats, 2023; E8M0 of its microscaling formats).
func float8(dtype weights.DType, b byte) float64 {
	mantissaBits, bias := 3, 7
	switch dtype {
	case "F8_E8M0":
		if b == 0xff {
			return math.NaN()
		}
		return math.Ldexp(1, int(b)-127)
	case "F8_E5M2":
		mantissaBits, bias = 2, 15
	}
	exponent, mantissa := int(b&0x7f)>>mantissaBits, int(b)&(1<<mantissaBits-1)
	v := 0.0
	switch {
	case dtype == "F8_E4M3" && b&0x7f == 0x7f, dtype == "F8_E5M2" && exponent == 31 && mantissa != 0:
		v = math.NaN()
	case dtype == "F8_E5M2" && exponent == 31:
		v = math.Inf(1)
	case exponent == 0:
		v = math.Ldexp(float64(mantissa), 1-bias-mantissaBits)
	default:
		v = math.Ldexp(float64(mantissa+1<<mantissaBits), exponent-bias-mantissaBits)
	}
	if b&0x80 != 0 {
		return -v
	}
	return v
}

// Dense reads the tensor as a gorgonia tensor of its own type; floats smaller than float32
// become float32. A tensor with an empty axis is an error, because gorgonia does not support
// it.
func (t *Tensor) Dense() (*gorgonia.Dense, error) {
	if slices.Contains(t.Shape, 0) {
		return nil, fmt.Errorf("lazytensor: tensor %q must have at least one element (got shape %v)", t.Name, t.Shape)
	}
	backing, err := t.backing()
	if err != nil {
		return nil, err
	}
	return gorgonia.New(gorgonia.WithShape(t.Shape...), gorgonia.WithBacking(backing)), nil
}

// backing reads the tensor as a slice of the Go type of its dtype.
func (t *Tensor) backing() (any, error) {
	var out any
	n := t.Len()
	switch t.DType {
	case weights.F64:
		out = make([]float64, n)
	case "I64":
		out = make([]int64, n)
	case "U64":
		out = make([]uint64, n)
	case "I32":
		out = make([]int32, n)
	case "U32":
		out = make([]uint32, n)
	case "I16":
		out = make([]int16, n)
	case "U16":
		out = make([]uint16, n)
	case weights.I8:
		out = make([]int8, n)
	case "U8":
		out = make([]uint8, n)
	case "BOOL":
		out = make([]bool, n)
	case "C64":
		out = make([]complex64, n)
	default:
		return t.Float32()
	}
	data, err := t.Read()
	if err != nil {
		return nil, err
	}
	if _, err := binary.Decode(data, binary.LittleEndian, out); err != nil || len(data) != binary.Size(out) {
		return nil, fmt.Errorf("lazytensor: tensor %q: %d bytes of %s do not match shape %v", t.Name, len(data), t.DType, t.Shape)
	}
	return out, nil
}
