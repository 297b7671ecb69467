package gorgonia

import (
	"errors"
	"fmt"
	"slices"

	gotensor "gorgonia.org/tensor"

	"tweedie/core/tensor"
)

// FromTensor returns t as a Dense that shares t's numbers. The error says that t is
// nil, has an empty axis, or has not as many numbers as its shape.
func FromTensor(t *tensor.Tensor) (*gotensor.Dense, error) {
	if t == nil {
		return nil, errNil
	}
	if slices.ContainsFunc(t.Shape, func(n int) bool { return n < 0 }) || len(t.Data) != tensor.Size(t.Shape) {
		return nil, fmt.Errorf("gorgonia: a tensor of shape %v must have that many numbers (got %d)", t.Shape, len(t.Data))
	}
	return over(t.Shape, t.Data)
}

// errNil is the error of a nil array.
var errNil = errors.New("gorgonia: the array must not be nil")

// ToTensor returns a copy of d, a Dense of float32, as a tensor, whatever the
// layout of d. The error says that d is nil, or names another type or a mask.
func ToTensor(d *gotensor.Dense) (*tensor.Tensor, error) {
	if d == nil {
		return nil, errNil
	}
	if d.Dtype() != gotensor.Float32 {
		return nil, fmt.Errorf("gorgonia: array must be of float32 (got %v)", d.Dtype())
	}
	data, err := rowMajor(d, d.Float32s())
	if err != nil {
		return nil, err
	}
	return tensor.Of(data, d.Shape()...), nil
}

// Ints returns a copy of the numbers of d, a Dense of int64, int32 or uint8, in
// row-major order. The error says that d is nil, or names another type or a mask.
func Ints(d *gotensor.Dense) ([]int, error) {
	if d == nil {
		return nil, errNil
	}
	switch d.Dtype() {
	case gotensor.Int64:
		return ints(rowMajor(d, d.Int64s()))
	case gotensor.Int32:
		return ints(rowMajor(d, d.Int32s()))
	case gotensor.Uint8:
		return ints(rowMajor(d, d.Uint8s()))
	}
	return nil, fmt.Errorf("gorgonia: array must be of int64, int32 or uint8 (got %v)", d.Dtype())
}

func ints[T int64 | int32 | uint8](data []T, err error) ([]int, error) {
	out := make([]int, len(data))
	for i, v := range data {
		out[i] = int(v)
	}
	return out, err
}

// over returns a Dense that shares data.
func over[T any](shape []int, data []T) (*gotensor.Dense, error) {
	if slices.Contains(shape, 0) {
		return nil, fmt.Errorf("gorgonia: every axis must have at least one entry (got shape %v)", shape)
	}
	return gotensor.New(gotensor.WithShape(shape...), gotensor.WithBacking(data)), nil
}

// rowMajor returns a copy of d's numbers in row-major order. data is the memory
// under d, which strides walk through.
func rowMajor[T any](d *gotensor.Dense, data []T) ([]T, error) {
	if d.IsMasked() {
		return nil, fmt.Errorf("gorgonia: array must have no mask (got one of shape %v)", d.Shape())
	}
	shape, strides := d.Shape(), d.Strides()
	if d.IsScalar() {
		return slices.Clone(data[:1]), nil
	}
	last := 0
	if len(strides) != len(shape) {
		return nil, fmt.Errorf("gorgonia: array of shape %v must have one stride per axis (got %v)", shape, strides)
	}
	for i, n := range shape {
		last += (n - 1) * strides[i]
	}
	if last >= len(data) {
		return nil, fmt.Errorf("gorgonia: array of shape %v, strides %v reaches number %d of %d", shape, strides, last, len(data))
	}
	out := make([]T, 0, tensor.Size(shape))
	return walk(out, data, shape, strides), nil
}

// walk appends to out the entries that shape and strides take from data.
func walk[T any](out, data []T, shape, strides []int) []T {
	if len(shape) == 0 {
		return append(out, data[0])
	}
	if len(shape) == 1 && strides[0] == 1 {
		return append(out, data[:shape[0]]...)
	}
	for i := range shape[0] {
		out = walk(out, data[i*strides[0]:], shape[1:], strides[1:])
	}
	return out
}
