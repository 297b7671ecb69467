// Package tensor has dense float32 arrays: a shape and row-major data.
//
// Images are [N,H,W,C] in this program, so that channels are the contiguous axis.
// Files, arrays of other programs and the JavaScript module use [N,C,H,W]; ToNHWC and
// ToNCHW convert.
//
// Functions with loops are marked noinline: inlining them at every call would add 6 kB
// of brotli to the page.
package tensor

import (
	"errors"
	"fmt"
	"slices"
)

// Tensor is a dense array. The length of Data is the product of Shape; the last axis is
// contiguous. Copying the struct shares the data.
type Tensor struct {
	Shape []int
	Data  []float32
}

// New returns a tensor of zeros. It panics if an axis is negative.
//
//go:noinline
func New(shape ...int) *Tensor {
	return &Tensor{Shape: slices.Clone(shape), Data: make([]float32, Size(shape))}
}

// Of returns a tensor that uses data. It panics unless data has the size of shape.
func Of(data []float32, shape ...int) *Tensor {
	if len(data) != Size(shape) {
		panic("tensor: Of: the length of data must be the size of the shape")
	}
	return &Tensor{Shape: slices.Clone(shape), Data: data}
}

// Check returns an error unless t is valid: not nil, without negative axes, and with data
// of the size of its shape. The methods of Tensor require a valid tensor.
func (t *Tensor) Check() error {
	if t == nil {
		return errors.New("tensor: must not be nil")
	}
	if slices.ContainsFunc(t.Shape, func(n int) bool { return n < 0 }) || len(t.Data) != Size(t.Shape) {
		return fmt.Errorf("tensor: a tensor of shape %v must have that many numbers (got %d)", t.Shape, len(t.Data))
	}
	return nil
}

// Size returns the product of shape, which is 1 for an empty shape. It panics if an axis
// is negative.
//
//go:noinline
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 {
			panic("tensor: negative axis")
		}
		n *= d
	}
	return n
}

// Clone returns a copy that shares no data with t.
//
//go:noinline
func (t *Tensor) Clone() *Tensor {
	return &Tensor{Shape: slices.Clone(t.Shape), Data: slices.Clone(t.Data)}
}

// Row returns the data of entry i along the first axis, shared with t.
//
//go:noinline
func (t *Tensor) Row(i int) []float32 {
	n := Size(t.Shape[1:])
	return t.Data[i*n : (i+1)*n : (i+1)*n]
}

// Rows returns entries [start, end) along the first axis, which share their data with t.
//
//go:noinline
func (t *Tensor) Rows(start, end int) *Tensor {
	n := Size(t.Shape[1:])
	return Of(t.Data[start*n:end*n], append([]int{end - start}, t.Shape[1:]...)...)
}

// Scaled returns a·t, a new tensor.
//
//go:noinline
func (t *Tensor) Scaled(a float32) *Tensor {
	out := New(t.Shape...)
	for i, v := range t.Data {
		out.Data[i] = a * v
	}
	return out
}

// AddScaled returns t + a·u, a new tensor. Product and sum round separately, on
// every machine. It panics unless the shapes are equal.
func (t *Tensor) AddScaled(a float32, u *Tensor) *Tensor {
	t.sameShape(u)
	out := New(t.Shape...)
	for i, v := range t.Data {
		out.Data[i] = v + float32(a*u.Data[i])
	}
	return out
}

// Combine returns a·t + b·u, a new tensor. It panics unless the shapes are equal.
func (t *Tensor) Combine(a float32, b float32, u *Tensor) *Tensor {
	t.sameShape(u)
	out := New(t.Shape...)
	for i, v := range t.Data {
		out.Data[i] = float32(a*v) + float32(b*u.Data[i])
	}
	return out
}

func (t *Tensor) sameShape(u *Tensor) {
	if !slices.Equal(t.Shape, u.Shape) {
		panic("tensor: shapes differ")
	}
}

// ToNHWC returns x of shape [N,C,H,W] as [N,H,W,C], a new tensor. It is an
// error if the shape does not have four axes.
func ToNHWC(x *Tensor) (*Tensor, error) {
	if len(x.Shape) != 4 {
		return nil, fmt.Errorf("tensor: shape %v must have 4 axes (got %d): N, C, H, W", x.Shape, len(x.Shape))
	}
	n, c, hw := x.Shape[0], x.Shape[1], x.Shape[2]*x.Shape[3]
	out := New(n, x.Shape[2], x.Shape[3], c)
	for i := range n {
		transpose(out.Row(i), x.Row(i), c, hw)
	}
	return out, nil
}

// ToNCHW returns x of shape [N,H,W,C] as [N,C,H,W], a new tensor. It is an
// error if the shape does not have four axes.
func ToNCHW(x *Tensor) (*Tensor, error) {
	if len(x.Shape) != 4 {
		return nil, fmt.Errorf("tensor: shape %v must have 4 axes (got %d): N, H, W, C", x.Shape, len(x.Shape))
	}
	n, hw, c := x.Shape[0], x.Shape[1]*x.Shape[2], x.Shape[3]
	out := New(n, c, x.Shape[1], x.Shape[2])
	for i := range n {
		transpose(out.Row(i), x.Row(i), hw, c)
	}
	return out, nil
}

// transpose writes the rows×cols matrix src to dst as cols×rows.
func transpose(dst, src []float32, rows, cols int) {
	for r := range rows {
		for c := range cols {
			dst[c*rows+r] = src[r*cols+c]
		}
	}
}
