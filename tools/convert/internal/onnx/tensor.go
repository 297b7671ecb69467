package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"tweedie/core/num"
)

// dtype is what a value's numbers are, as far as arithmetic differs.
type dtype int

const (
	float dtype = iota // float32 and shorter
	double
	integer
	boolean
)

// elements are the types of TensorProto that are read: what they are, bytes a
// number, and how one is made of its bytes.
var elements = map[int]struct {
	dtype dtype
	size  int
	of    func(b []byte) float64
}{
	1:  {float, 4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	2:  {integer, 1, func(b []byte) float64 { return float64(b[0]) }},
	3:  {integer, 1, func(b []byte) float64 { return float64(int8(b[0])) }},
	4:  {integer, 2, func(b []byte) float64 { return float64(binary.LittleEndian.Uint16(b)) }},
	5:  {integer, 2, func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }},
	6:  {integer, 4, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	7:  {integer, 8, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }},
	9:  {boolean, 1, func(b []byte) float64 { return float64(b[0]) }},
	10: {float, 2, func(b []byte) float64 { return float64(num.FromFloat16(binary.LittleEndian.Uint16(b))) }},
	11: {double, 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	12: {integer, 4, func(b []byte) float64 { return float64(binary.LittleEndian.Uint32(b)) }},
	16: {float, 2, func(b []byte) float64 { return float64(num.FromBFloat16(binary.LittleEndian.Uint16(b))) }},
}

// dtypeOf returns what TensorProto calls a type of that number.
func dtypeOf(element int) (dtype, error) {
	e, ok := elements[element]
	if !ok {
		return 0, fmt.Errorf("is of element type %d, need numbers of 8 to 64 bits", element)
	}
	return e.dtype, nil
}

// maxNumbers bounds the numbers of a constant.
const maxNumbers = 1 << 29

// constant returns t's numbers as a node that computes nothing. folder is where
// its numbers may lie outside the file.
func (t *tensorProto) constant(folder string) (*node, error) {
	e, ok := elements[t.dtype]
	if !ok {
		_, err := dtypeOf(t.dtype)
		return nil, fmt.Errorf("tensor %q %w", t.name, err)
	}
	n := 1
	var dims []int
	for _, d := range t.dims {
		if d < 0 || d > maxNumbers || int(d)*n > maxNumbers || len(t.dims) > maxRank {
			return nil, fmt.Errorf("tensor %q: shape is %v, need at most %d numbers on %d axes", t.name, t.dims, maxNumbers, maxRank)
		}
		n *= int(d)
		dims = append(dims, int(d))
	}
	raw := t.raw
	if t.external != nil {
		var err error
		if raw, err = t.outside(folder, int64(n*e.size)); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
	}
	c := &constant{name: t.name}
	switch {
	case raw != nil || n == 0:
		if len(raw) != n*e.size {
			return nil, fmt.Errorf("tensor %q: %d bytes, shape %v needs %d", t.name, len(raw), t.dims, n*e.size)
		}
		c.fill(n, e.dtype, func(i int) float64 { return e.of(raw[i*e.size:]) })
	case len(t.floats) == n:
		c.floats = t.floats
	case len(t.doubles) == n:
		c.numbers = t.doubles
	case len(t.ints) == n:
		c.fill(n, e.dtype, func(i int) float64 {
			if e.size == 2 && e.dtype == float { // halves stand as their bits
				return e.of(binary.LittleEndian.AppendUint16(nil, uint16(t.ints[i])))
			}
			return float64(t.ints[i])
		})
	default:
		return nil, fmt.Errorf("tensor %q: found %d numbers, shape %v needs %d", t.name, max(len(t.floats), len(t.doubles), len(t.ints)), t.dims, n)
	}
	return &node{op: c, dims: dims, dtype: e.dtype}, nil
}

// outside reads the bytes of a tensor whose data lie in another file of folder,
// from which no name and no link leads out.
func (t *tensorProto) outside(folder string, size int64) ([]byte, error) {
	name := t.external["location"]
	if folder == "" || !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("its numbers are in %q, need a file in the folder of the model", name)
	}
	offset, err := strconv.ParseInt(orZero(t.external["offset"]), 10, 64)
	if err != nil || offset < 0 {
		return nil, fmt.Errorf("offset is %q, need a whole number", t.external["offset"])
	}
	if length := t.external["length"]; length != "" && length != strconv.FormatInt(size, 10) {
		return nil, fmt.Errorf("length is %q, need %d", length, size)
	}
	f, err := os.OpenInRoot(folder, filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || offset > info.Size()-size {
		return nil, fmt.Errorf("%q is %d bytes, need %d from %d", name, info.Size(), size, offset)
	}
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, offset); err != nil && err != io.EOF {
		return nil, err
	}
	return raw, nil
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}
