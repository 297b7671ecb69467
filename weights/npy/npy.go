// Package npy reads and writes NumPy's .npy files, format versions 1 to 3 (numpy.lib.format),
// with the few element types that this program uses. Input is not trusted: sizes are checked
// against the file before memory is allocated.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"tweedie/weights"
)

// Array is a dense array in row-major order. Data is a []uint8, []int32, []int64, []float32 or
// []float64 with as many elements as Shape has.
type Array struct {
	Shape []int
	Data  any
}

// maxBytes bounds the size of a file.
const maxBytes = 8 << 30

// ErrFormat is wrapped by errors about the content of a file.
var ErrFormat = errors.New("not a usable .npy file")

// magic is the beginning of every file.
const magic = "\x93NUMPY"

// Read reads the file at path.
func Read(path string) (*Array, error) {
	data, err := weights.ReadFile(path, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	a, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("npy: %w: %q: %w", ErrFormat, path, err)
	}
	return a, nil
}

// Parse parses the bytes of a file.
func Parse(data []byte) (*Array, error) {
	h, err := ParseHeader(data)
	if err != nil {
		return nil, err
	}
	kind, shape, body := h.Descr, h.Shape, data[h.Size:]
	if sizes[kind] == 0 {
		return nil, fmt.Errorf("elements must be one of |u1 <i4 <i8 <f4 <f8 (got %q)", kind)
	}
	if h.Fortran {
		return nil, errors.New("array must be in C order (got Fortran order): convert it with numpy.ascontiguousarray")
	}
	size, n := sizes[kind], 1
	for i, d := range shape {
		if d != 0 && n > maxBytes/d {
			return nil, fmt.Errorf("axis %d of %v makes the array larger than %d elements", i, shape, maxBytes)
		}
		n *= d
	}
	if len(body) != n*size {
		return nil, fmt.Errorf("shape %v of %s needs %d bytes, got %d", shape, kind, n*size, len(body))
	}
	return &Array{shape, elements(kind, body, n)}, nil
}

// sizes are the sizes in bytes of the supported element types, by NumPy's descr.
var sizes = map[string]int{"|u1": 1, "<i4": 4, "<i8": 8, "<f4": 4, "<f8": 8}

// Header is the header of a file.
type Header struct {
	Descr   string // NumPy's name of the element type, such as "<f4"
	Fortran bool   // the first axis varies fastest
	Shape   []int
	Size    int // of the header in bytes, which is the offset of the elements
}

// ParseHeader reads the header at the start of data.
func ParseHeader(data []byte) (*Header, error) {
	if len(data) < 10 || string(data[:6]) != magic {
		return nil, errors.New("does not start with the magic bytes of .npy")
	}
	length, start := int(binary.LittleEndian.Uint16(data[8:])), 10
	switch version := data[6]; version {
	case 1:
	case 2, 3:
		if len(data) < 12 {
			return nil, errors.New("ends inside its header")
		}
		length, start = int(binary.LittleEndian.Uint32(data[8:])), 12
	default:
		return nil, fmt.Errorf("format version must be 1, 2 or 3 (got %d)", version)
	}
	if length > len(data)-start {
		return nil, fmt.Errorf("header is %d bytes, but only %d are left", length, len(data)-start)
	}
	h, err := parseHeader(string(data[start : start+length]))
	if err != nil {
		return nil, err
	}
	h.Size = start + length
	return h, nil
}

// The header is a Python dict with three entries, in any order.
var (
	descrEntry = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	orderEntry = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shapeEntry = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([0-9, L]*)\)`)
)

// maxAxes bounds the number of axes. It is NumPy's limit.
const maxAxes = 64

func parseHeader(header string) (*Header, error) {
	descr, order, axes := descrEntry.FindStringSubmatch(header), orderEntry.FindStringSubmatch(header), shapeEntry.FindStringSubmatch(header)
	if descr == nil || order == nil || axes == nil {
		return nil, fmt.Errorf("header %.200q has no valid descr, fortran_order and shape", header)
	}
	shape := []int{}
	for text := range strings.SplitSeq(axes[1], ",") {
		text = strings.TrimSuffix(strings.TrimSpace(text), "L")
		if text == "" {
			continue // the comma after the last axis
		}
		d, err := strconv.Atoi(text)
		if err != nil || len(shape) == maxAxes {
			return nil, fmt.Errorf("shape (%.200s) is invalid", axes[1])
		}
		shape = append(shape, d)
	}
	return &Header{Descr: descr[1], Fortran: order[1] == "True", Shape: shape}, nil
}

// elements returns the n little-endian elements of b.
func elements(kind string, b []byte, n int) any {
	switch kind {
	case "<i4":
		return decode[int32](b, n)
	case "<i8":
		return decode[int64](b, n)
	case "<f4":
		return decode[float32](b, n)
	case "<f8":
		return decode[float64](b, n)
	}
	return bytes.Clone(b)
}

func decode[T int32 | int64 | float32 | float64](b []byte, n int) []T {
	out := make([]T, n)
	if _, err := binary.Decode(b, binary.LittleEndian, out); err != nil {
		panic("npy: the number of bytes does not match the elements")
	}
	return out
}

// Write writes the file at path, completely or not at all, in format version 1. It panics
// unless a.Data has a type that Array allows and as many elements as a.Shape.
func Write(path string, a *Array) error {
	var kind string
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	switch a.Data.(type) {
	case []uint8:
		kind = "|u1"
	case []int32:
		kind = "<i4"
	case []int64:
		kind = "<i8"
	case []float32:
		kind = "<f4"
	case []float64:
		kind = "<f8"
	}
	if kind == "" || binary.Size(a.Data) != n*sizes[kind] {
		panic("npy: the data does not match the shape")
	}
	out, err := binary.Append(HeaderOf(kind, a.Shape), binary.LittleEndian, a.Data)
	if err != nil {
		return fmt.Errorf("npy: %w", err)
	}
	return weights.WriteAtomic(path, out)
}

// HeaderOf returns the header of a file of format version 1.
func HeaderOf(kind string, shape []int) []byte {
	axes := ""
	for _, d := range shape {
		axes += strconv.Itoa(d) + ", "
	}
	if len(shape) > 1 {
		axes = strings.TrimSuffix(axes, ", ")
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, strings.TrimSuffix(axes, " "))
	// NumPy aligns the data to 64 bytes with spaces before the final newline.
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	out := append([]byte(magic), 1, 0)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(header)))
	return append(out, header...)
}

// Float32 returns a's elements as float32. float64 is rounded. It returns nil if there is an
// integer that float32 does not represent exactly.
func (a *Array) Float32() []float32 {
	switch data := a.Data.(type) {
	case []float32:
		return data
	case []float64:
		return convert(data, func(v float64) (float32, bool) { return float32(v), true })
	case []int64:
		return convert(data, func(v int64) (float32, bool) { return float32(v), v > -1<<24 && v < 1<<24 })
	case []int32:
		return convert(data, func(v int32) (float32, bool) { return float32(v), v > -1<<24 && v < 1<<24 })
	case []uint8:
		return convert(data, func(v uint8) (float32, bool) { return float32(v), true })
	}
	return nil
}

// Ints returns a's elements as int, or nil if one of them is not an integer.
func (a *Array) Ints() []int {
	switch data := a.Data.(type) {
	case []int64:
		return convert(data, func(v int64) (int, bool) { return int(v), int64(int(v)) == v })
	case []int32:
		return convert(data, func(v int32) (int, bool) { return int(v), true })
	case []uint8:
		return convert(data, func(v uint8) (int, bool) { return int(v), true })
	case []float32:
		return convert(data, func(v float32) (int, bool) { return whole(float64(v)) })
	case []float64:
		return convert(data, whole)
	}
	return nil
}

func whole(v float64) (int, bool) {
	return int(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
}

// convert returns to(v) for every v, or nil if a conversion fails.
func convert[T, U any](data []T, to func(T) (U, bool)) []U {
	out := make([]U, len(data))
	for i, v := range data {
		u, ok := to(v)
		if !ok {
			return nil
		}
		out[i] = u
	}
	return out
}
