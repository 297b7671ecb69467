package gorgonia

import (
	"slices"
	"strings"
	"testing"

	gotensor "gorgonia.org/tensor"

	"tweedie/core/tensor"
)

// counted returns 0, 1, 2 … in the given shape.
func counted(t *testing.T, shape ...int) *gotensor.Dense {
	t.Helper()
	x := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32(i)
	}
	d, err := FromTensor(x)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRoundTrip(t *testing.T) {
	for _, shape := range [][]int{{}, {1}, {5}, {1, 1}, {2, 3}, {3, 1}, {1, 3}, {2, 3, 4}, {2, 1, 3, 2}, {1, 1, 2, 2, 2}} {
		d := counted(t, shape...)
		back, err := ToTensor(d)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back.Shape, shape) {
			t.Errorf("got shape %v, want %v", back.Shape, shape)
		}
		for i, v := range back.Data {
			if v != float32(i) {
				t.Errorf("shape %v: got %v", shape, back.Data)
				break
			}
		}
	}
}

func TestShares(t *testing.T) {
	x := tensor.New(2, 3)
	d, err := FromTensor(x)
	if err != nil {
		t.Fatal(err)
	}
	x.Data[4] = 7
	if v, err := d.At(1, 1); err != nil || v != float32(7) {
		t.Errorf("got %v, %v; want the tensor's own memory", v, err)
	}
	back, err := ToTensor(d)
	if err != nil {
		t.Fatal(err)
	}
	if back.Data[4] = 8; x.Data[4] != 7 {
		t.Error("ToTensor shares memory, want a copy")
	}
}

// TestViews: transposed, sliced and column-major arrays come out as they read.
func TestViews(t *testing.T) {
	lazy := counted(t, 1, 2, 3, 4)
	if err := lazy.T(0, 2, 3, 1); err != nil { // NCHW to NHWC, nothing moved yet
		t.Fatal(err)
	}
	moved := counted(t, 1, 2, 3, 4)
	if err := moved.T(0, 2, 3, 1); err != nil {
		t.Fatal(err)
	}
	if err := moved.Transpose(); err != nil {
		t.Fatal(err)
	}
	slice := func(d *gotensor.Dense, at ...gotensor.Slice) *gotensor.Dense {
		v, err := d.Slice(at...)
		if err != nil {
			t.Fatal(err)
		}
		return v.(*gotensor.Dense)
	}
	matrix := counted(t, 4, 4)
	column := gotensor.New(gotensor.WithShape(2, 3), gotensor.AsFortran([]float32{0, 1, 2, 3, 4, 5}))
	for _, tt := range []struct {
		name  string
		d     *gotensor.Dense
		shape []int
	}{
		{"transposed", lazy, []int{1, 3, 4, 2}},
		{"transposed in memory", moved, []int{1, 3, 4, 2}},
		{"columns of a matrix", slice(matrix, nil, gotensor.S(1, 3)), []int{4, 2}},
		{"a column", slice(matrix, nil, gotensor.S(2)), []int{4}},
		{"a row", slice(matrix, gotensor.S(2)), []int{4}},
		{"one number", slice(matrix, gotensor.S(1), gotensor.S(2)), []int{}},
		{"every other row", slice(matrix, gotensor.S(0, 4, 2)), []int{2, 4}},
		{"column-major", column, []int{2, 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ToTensor(tt.d)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Shape, tt.shape) {
				t.Fatalf("got shape %v, want %v", got.Shape, tt.shape)
			}
			at := make([]int, len(tt.shape))
			for i, v := range got.Data {
				want := any(tt.d.Float32s()[0])
				if len(at) > 0 {
					if want, err = tt.d.At(at...); err != nil {
						t.Fatal(err)
					}
				}
				if v != want {
					t.Fatalf("number %d: got %v, want %v, which gorgonia finds at %v", i, v, want, at)
				}
				for axis := len(at) - 1; axis >= 0; axis-- { // the next place
					if at[axis]++; at[axis] < tt.shape[axis] {
						break
					}
					at[axis] = 0
				}
			}
		})
	}
}

func TestInts(t *testing.T) {
	for _, backing := range []any{[]int64{0, 3, 4}, []int32{0, 3, 4}, []uint8{0, 3, 4}} {
		got, err := Ints(gotensor.New(gotensor.WithShape(3), gotensor.WithBacking(backing)))
		if err != nil || !slices.Equal(got, []int{0, 3, 4}) {
			t.Errorf("%T: got %v, %v", backing, got, err)
		}
	}
}

func TestBridgeRefuses(t *testing.T) {
	masked := counted(t, 2)
	masked.ResetMask(true)
	_, empty := FromTensor(tensor.New(2, 0))
	_, double := ToTensor(gotensor.New(gotensor.WithShape(1), gotensor.WithBacking([]float64{1})))
	_, mask := ToTensor(masked)
	_, float := Ints(counted(t, 1))
	_, short := FromTensor(&tensor.Tensor{Shape: []int{2, 3}, Data: make([]float32, 5)})
	for i, f := range []func() error{
		func() error { _, err := FromTensor(nil); return err },
		func() error { _, err := ToTensor(nil); return err },
		func() error { _, err := Ints(nil); return err },
		func() error { _, err := ToTensor(new(gotensor.Dense)); return err },
		func() error { _, err := Ints(new(gotensor.Dense)); return err },
	} {
		if err := f(); err == nil {
			t.Errorf("call %d took nothing for an array", i)
		}
	}
	for want, err := range map[string]error{
		"gorgonia: a tensor of shape [2 3] must have":                         short,
		"gorgonia: every axis must have at least one entry (got shape [2 0])": empty,
		"gorgonia: array must be of float32 (got float64)":                    double,
		"gorgonia: array must have no mask (got one of shape (2))":            mask,
		"gorgonia: array must be of int64, int32 or uint8 (got float32)":      float,
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}
