package npy

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tweedie/weights"
	"tweedie/weights/lazytensor"
)

// Archive is an open .npz file, or a .npy file as an archive of one array. Its tensors can be
// read until it is closed.
type Archive struct {
	Tensors []lazytensor.Tensor
	closer  io.Closer
}

// maxHeader bounds the header of an array, maxArrays the number of arrays in a file.
const maxHeader, maxArrays = 1 << 12, 1 << 14

// An entry larger than bombSize must not be more than bombRatio times its compressed size.
// Weights never are, since they are close to their entropy.
const (
	bombSize  = 64 << 20
	bombRatio = 100
)

// dtypes maps NumPy's descr to types. Types of more than one byte are supported in big-endian
// order too, for example ">f4" for "<f4".
var dtypes = map[string]weights.DType{
	"|b1": "BOOL", "|u1": "U8", "|i1": weights.I8, "<u2": "U16", "<i2": "I16", "<u4": "U32", "<i4": "I32", "<u8": "U64",
	"<i8": "I64", "<f2": weights.F16, "<f4": weights.F32, "<f8": weights.F64, "<c8": "C64",
}

// OpenArchive opens the .npz or .npy file at path. The error wraps ErrFormat if it is about the
// content of the file.
func OpenArchive(path string) (*Archive, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	info, err := in.Stat()
	var a *Archive
	if err == nil {
		a, err = ParseArchive(in, info.Size())
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("npy: %w: %q: %w", ErrFormat, path, err)
	}
	a.closer = in
	return a, nil
}

// Close closes the file. Tensors cannot be read afterwards.
func (a *Archive) Close() error { return a.closer.Close() }

// ParseArchive lists the arrays of a file of size bytes, without reading their data.
func ParseArchive(in io.ReaderAt, size int64) (*Archive, error) {
	var start [len(magic)]byte
	if _, err := in.ReadAt(start[:], 0); err == nil && string(start[:]) == magic {
		open := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(in, 0, size)), nil }
		t, err := describe("array", size, open)
		return &Archive{Tensors: []lazytensor.Tensor{t}}, err
	}
	z, err := zip.NewReader(in, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > maxArrays {
		return nil, fmt.Errorf("contains %d arrays, more than %d", len(z.File), maxArrays)
	}
	a := &Archive{}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("entry %q is not a .npy file", f.Name)
		}
		if n := f.UncompressedSize64; n > maxBytes || n > bombSize && n/bombRatio > f.CompressedSize64 {
			return nil, fmt.Errorf("entry %q decompresses from %d bytes to %d, more than %d times the size", f.Name, f.CompressedSize64, n, bombRatio)
		}
		t, err := describe(name, int64(f.UncompressedSize64), f.Open)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", f.Name, err)
		}
		a.Tensors = append(a.Tensors, t)
	}
	return a, nil
}

// describe returns the array in a .npy file of size bytes.
func describe(name string, size int64, open func() (io.ReadCloser, error)) (lazytensor.Tensor, error) {
	h, err := readHeader(size, open)
	if err != nil {
		return lazytensor.Tensor{}, err
	}
	kind, bigEndian := strings.CutPrefix(h.Descr, ">")
	if bigEndian {
		kind = "<" + kind
	}
	t := lazytensor.Tensor{Name: name, DType: dtypes[kind], Shape: h.Shape}
	if t.DType == "" {
		return t, fmt.Errorf("elements are %q, which is not supported", h.Descr)
	}
	n, err := lazytensor.Size(t.DType, t.Shape, size-int64(h.Size))
	if err != nil {
		return t, err
	}
	if int64(n) != size-int64(h.Size) {
		return t, fmt.Errorf("shape %v of %s needs %d bytes, got %d", h.Shape, h.Descr, n, size-int64(h.Size))
	}
	t.Read = func() ([]byte, error) {
		data, err := readBody(open, h.Size, n)
		if err != nil {
			return nil, fmt.Errorf("npy: array %q: %w", name, err)
		}
		if bigEndian {
			swapBytes(data, t.DType)
		}
		if h.Fortran && len(h.Shape) > 1 {
			data = rowMajor(data, h.Shape, t.DType.Size())
		}
		return data, nil
	}
	return t, nil
}

// readHeader reads the header at the start of a file.
func readHeader(size int64, open func() (io.ReadCloser, error)) (*Header, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data := make([]byte, min(size, maxHeader))
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, err
	}
	return ParseHeader(data)
}

// readBody reads the n bytes after the first skip bytes of a file, which must be the last.
func readBody(open func() (io.ReadCloser, error), skip, n int) ([]byte, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if _, err := io.CopyN(io.Discard, in, int64(skip)); err != nil {
		return nil, err
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, err
	}
	// Reading to the end verifies the checksum.
	if _, err := in.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the data continues after %d bytes, or its checksum is wrong: %w", n, err)
	}
	return data, nil
}

// swapBytes reverses the bytes of every number; a complex number is two of them.
func swapBytes(data []byte, dtype weights.DType) {
	size := dtype.Size()
	if dtype == "C64" {
		size /= 2
	}
	for number := range slices.Chunk(data, size) {
		slices.Reverse(number)
	}
}

// rowMajor converts an array in column-major order to row-major order.
func rowMajor(data []byte, shape []int, number int) []byte {
	if slices.Contains(shape, 0) {
		return data
	}
	strides, n := make([]int, len(shape)), 1
	for i, d := range shape {
		strides[i], n = n, n*d
	}
	return lazytensor.Gather(data, shape, strides, number)
}
