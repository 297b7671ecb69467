package onnx

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"tweedie/core/num"
)

// dtype is the type of a value's numbers, as far as arithmetic differs.
type dtype int

const (
	float dtype = iota // float32 and shorter types
	double
	integer
	boolean
)

// elements are the supported types of TensorProto, by number: their dtype, their size in bytes,
// and the conversion from bytes.
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
	13: {integer, 8, func(b []byte) float64 { return float64(binary.LittleEndian.Uint64(b)) }},
	16: {float, 2, func(b []byte) float64 { return float64(num.FromBFloat16(binary.LittleEndian.Uint16(b))) }},
}

// dtypeOf returns the dtype of TensorProto's type of that number.
func dtypeOf(element int) (dtype, error) {
	e, ok := elements[element]
	if !ok {
		return 0, fmt.Errorf("has element type %d, need numbers of 8 to 64 bits", element)
	}
	return e.dtype, nil
}

// maxNumbers bounds the elements of a constant.
const maxNumbers = 1 << 29

// constant returns t's numbers as a constant node. More than maxKept numbers are read on
// demand.
func (f *file) constant(t *tensorProto) (*node, error) {
	e, ok := elements[t.dtype]
	if !ok {
		_, err := dtypeOf(t.dtype)
		return nil, fmt.Errorf("tensor %q %w", t.name, err)
	}
	n := 1
	var dims []int
	for _, d := range t.dims {
		if d < 0 || d > maxNumbers || int(d)*n > maxNumbers || len(t.dims) > maxRank {
			return nil, fmt.Errorf("tensor %q: shape is %v, need at most %d elements and %d axes", t.name, t.dims, maxNumbers, maxRank)
		}
		n *= int(d)
		dims = append(dims, int(d))
	}
	c := &constant{name: t.name, cost: n}
	c.read = func() ([]float32, []float64) {
		f.spend(n)
		floats, numbers, err := t.numbers(n)
		if err != nil {
			refuse("tensor %q: %w", t.name, err)
		}
		return floats, numbers
	}
	if t.external != nil {
		var err error
		if t.raw, err = f.external(t.external, int64(n*e.size)); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
	}
	if size := t.raw.size(); (t.raw.of != nil || n == 0) && size != int64(n*e.size) {
		return nil, fmt.Errorf("tensor %q: got %d bytes, shape %v needs %d", t.name, size, t.dims, n*e.size)
	}
	if n <= maxKept {
		floats, numbers, err := t.numbers(n)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
		c.floats, c.numbers, c.read = floats, numbers, nil
	}
	return &node{op: c, dims: dims, dtype: e.dtype}, nil
}

// numbers reads t's n numbers.
func (t *tensorProto) numbers(n int) ([]float32, []float64, error) {
	e := elements[t.dtype]
	c := filler{t: e.dtype}
	if t.raw.of != nil || n == 0 {
		c.room(n)
		err := t.raw.chunks(func(b []byte) error {
			for ; len(b) > 0; b = b[e.size:] {
				c.add(e.of(b))
			}
			return nil
		})
		return c.floats, c.numbers, err
	}
	from := func(x uint64) float64 { return float64(int64(x)) }
	width := 0 // of a varint
	switch {
	case t.kind == 4:
		from, width = func(x uint64) float64 { return float64(toFloat(x)) }, 4
	case t.kind == 10:
		from, width = math.Float64frombits, 8
	case e.size == 2 && e.dtype == float: // float16 and bfloat16 are stored as their bits
		from = func(x uint64) float64 { return e.of(binary.LittleEndian.AppendUint16(nil, uint16(x))) }
	}
	if size := t.packed.size(); t.packed.of != nil && (size < int64(n*max(width, 1)) || size > int64(n*cmp.Or(width, 10))) || t.packed.of == nil && len(t.loose) != n {
		return nil, nil, fmt.Errorf("got %d numbers in %d bytes, shape %v needs %d", len(t.loose), size, t.dims, n)
	}
	c.room(n)
	for _, x := range t.loose {
		c.add(from(x))
	}
	var rest []byte // a varint that continues in the next chunk
	err := t.packed.chunks(func(b []byte) error {
		b = append(rest, b...)
		for len(b) > 0 {
			var x uint64
			var size int
			switch width {
			case 0:
				x, size = protowire.ConsumeVarint(b)
				if size < 0 && len(b) < 10 {
					rest = slices.Clone(b)
					return nil
				}
			case 4:
				x, size = uint64(binary.LittleEndian.Uint32(b)), 4
			default:
				x, size = binary.LittleEndian.Uint64(b), 8
			}
			if size < 0 || c.n == n {
				return fmt.Errorf("packed numbers are invalid or more than %d, which shape %v needs", n, t.dims)
			}
			c.add(from(x))
			b = b[size:]
		}
		rest = nil
		return nil
	})
	if err == nil && (c.n != n || len(rest) > 0) {
		err = fmt.Errorf("got %d numbers, shape %v needs %d", c.n, t.dims, n)
	}
	return c.floats, c.numbers, err
}

// filler collects the numbers of a constant.
type filler struct {
	t       dtype
	n       int
	floats  []float32
	numbers []float64
}

func (c *filler) room(n int) {
	if c.t == float {
		c.floats = make([]float32, n)
	} else {
		c.numbers = make([]float64, n)
	}
}

func (c *filler) add(x float64) {
	if c.t == float {
		c.floats[c.n] = float32(x)
	} else {
		c.numbers[c.n] = x
	}
	c.n++
}
