package dense

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	gorgonia "gorgonia.org/tensor"

	"tweedie/weights"
)

// Gorgonia reads .npy itself, but takes every byte order for little-endian,
// allocates what a header claims before the numbers are there, knows version 1
// only, and reads number by number through reflection.

// The limits of a file: its size, and the length of its header. A longer header
// describes records, which are not read.
const (
	maxNpy       = 8 << 30
	maxNpyHeader = 1 << 16
)

// npyMagic begins every file.
const npyMagic = "\x93NUMPY"

// ReadNpy reads the file at path. ParseNpy says what it may hold.
func ReadNpy(path string) (*gorgonia.Dense, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dense: %w", err)
	}
	if info.Size() > maxNpy {
		return nil, fmt.Errorf("dense: %q is %d bytes, need at most %d", path, info.Size(), maxNpy)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("dense: %w", err)
	}
	d, err := ParseNpy(data)
	if err != nil {
		return nil, fmt.Errorf("%w (file %q)", err, path)
	}
	return d, nil
}

// WriteNpy writes d to the file at path, whole or not at all.
func WriteNpy(path string, d *gorgonia.Dense) error {
	data, err := EncodeNpy(d)
	if err != nil {
		return err
	}
	return weights.WriteAtomic(path, data)
}

// ParseNpy reads a NumPy array file, format versions 1 to 3 (numpy.lib.format):
// little-endian float32, float64, int32 or int64, or uint8, in C order, of any
// shape without an empty axis. data is not kept. Everything else is an error that
// names what was found; nothing is allocated that data does not hold.
func ParseNpy(data []byte) (*gorgonia.Dense, error) {
	header, body, err := splitNpy(data)
	if err != nil {
		return nil, fmt.Errorf("dense: npy: %w", err)
	}
	h, err := parseNpyHeader(header)
	if err != nil {
		return nil, fmt.Errorf("dense: npy: header %.100q: %w", strings.TrimSpace(header), err)
	}
	size := npySize[h.descr]
	if size == 0 {
		return nil, fmt.Errorf("dense: npy: numbers are %.20q, need <f4, <f8, <i4, <i8 or |u1", h.descr)
	}
	if h.fortran {
		return nil, errors.New("dense: npy: array is in Fortran order, need C order (numpy.ascontiguousarray)")
	}
	n := 1
	for _, d := range h.shape {
		if d != 0 && n > math.MaxInt/size/d {
			return nil, fmt.Errorf("dense: npy: shape %v is out of range", h.shape)
		}
		n *= d
	}
	if n*size != len(body) {
		return nil, fmt.Errorf("dense: npy: shape %v of %s needs %d bytes, found %d", h.shape, h.descr, n*size, len(body))
	}
	switch h.descr {
	case "<f4":
		return over(h.shape, decode[float32](body, n))
	case "<f8":
		return over(h.shape, decode[float64](body, n))
	case "<i4":
		return over(h.shape, decode[int32](body, n))
	case "<i8":
		return over(h.shape, decode[int64](body, n))
	}
	return over(h.shape, decode[uint8](body, n))
}

// npySize holds the types that are read, by NumPy's descr, and their bytes.
var npySize = map[string]int{"<f4": 4, "<f8": 8, "<i4": 4, "<i8": 8, "|u1": 1}

// number is what an array holds.
type number interface {
	float32 | float64 | int32 | int64 | uint8
}

func decode[T number](body []byte, n int) []T {
	out := make([]T, n)
	if _, err := binary.Decode(body, binary.LittleEndian, out); err != nil {
		panic("dense: bytes do not hold the numbers")
	}
	return out
}

// splitNpy returns the text of the header and the bytes after it.
func splitNpy(data []byte) (header string, body []byte, err error) {
	if len(data) < 10 || string(data[:6]) != npyMagic {
		return "", nil, errors.New("file does not begin as NumPy's do")
	}
	n, start := int(binary.LittleEndian.Uint16(data[8:])), 10
	switch version := data[6]; {
	case version == 1:
	case version == 2 || version == 3:
		if len(data) < 12 {
			return "", nil, errors.New("file ends before its header")
		}
		n, start = int(binary.LittleEndian.Uint32(data[8:])), 12
	default:
		return "", nil, fmt.Errorf("format version is %d, need 1 to 3", version)
	}
	if n > maxNpyHeader || n > len(data)-start {
		return "", nil, fmt.Errorf("header is %d bytes, need at most %d", n, min(maxNpyHeader, len(data)-start))
	}
	return string(data[start : start+n]), data[start+n:], nil
}

// EncodeNpy returns d as a NumPy array file, version 1, in C order whatever the
// layout of d. The error names a type that ParseNpy does not read, or a mask.
func EncodeNpy(d *gorgonia.Dense) ([]byte, error) {
	switch d.Dtype() {
	case gorgonia.Float32:
		return encode(d, "<f4", d.Float32s())
	case gorgonia.Float64:
		return encode(d, "<f8", d.Float64s())
	case gorgonia.Int32:
		return encode(d, "<i4", d.Int32s())
	case gorgonia.Int64:
		return encode(d, "<i8", d.Int64s())
	case gorgonia.Uint8:
		return encode(d, "|u1", d.Uint8s())
	}
	return nil, fmt.Errorf("dense: npy: array of %v, need float32, float64, int32, int64 or uint8", d.Dtype())
}

func encode[T number](d *gorgonia.Dense, descr string, data []T) ([]byte, error) {
	numbers, err := rowMajor(d, data)
	if err != nil {
		return nil, err
	}
	out := appendNpyHeader(nil, descr, d.Shape())
	if out, err = binary.Append(out, binary.LittleEndian, numbers); err != nil {
		return nil, fmt.Errorf("dense: npy: %w", err)
	}
	return out, nil
}

// appendNpyHeader appends everything before the numbers, as NumPy writes it: a
// Python dict, padded with spaces so that the numbers begin at a multiple of 64.
func appendNpyHeader(out []byte, descr string, shape []int) []byte {
	axes := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	if len(shape) == 1 {
		axes += ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, axes)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	out = append(out, npyMagic...)
	out = append(out, 1, 0)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(header)))
	return append(out, header...)
}
