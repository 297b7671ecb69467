package npy

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestGolden reads files of NumPy (testdata/make.py), and writes those of version 1 byte for
// byte.
func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shape []int
		want  any
	}{
		{"f4", []int{2, 3}, []float32{0.1, -2.5, 3e38, 1e-45, float32(math.Copysign(0, -1)), 7}},
		{"f8", []int{2}, []float64{0.1, -1e300}},
		{"i4", []int{1, 2, 1}, []int32{math.MaxInt32, -5}},
		{"i8", []int{3}, []int64{0, 3, 1 << 53}},
		{"u1", []int{2, 2, 3, 1}, []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"scalar", []int{}, []float32{7}},
		{"version2", []int{2}, []float32{1.5, 2.5}},
		{"version3", []int{2}, []float32{1.5, 2.5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join("testdata", tt.name+".npy")
			a, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Shape, tt.shape) || !reflect.DeepEqual(a.Data, tt.want) {
				t.Errorf("got %v %v, want %v %v", a.Shape, a.Data, tt.shape, tt.want)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			again := filepath.Join(t.TempDir(), "again.npy")
			if err := Write(again, a); err != nil {
				t.Fatal(err)
			}
			out, err := os.ReadFile(again)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(tt.name, "version") && !bytes.Equal(out, data) {
				t.Errorf("got %q, want %q as NumPy writes it", out, data)
			}
			for n := range data {
				if _, err := Parse(data[:n]); err == nil {
					t.Errorf("no error for the first %d of %d bytes", n, len(data))
				}
			}
		})
	}
}

func TestGoldenRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"bad-big-endian": `elements must be one of |u1 <i4 <i8 <f4 <f8 (got ">f4")`,
		"bad-fortran":    "array must be in C order (got Fortran order)",
		"bad-half":       `elements must be one of |u1 <i4 <i8 <f4 <f8 (got "<f2")`,
		"bad-record":     "no valid descr",
		"bad-object":     `elements must be one of |u1 <i4 <i8 <f4 <f8 (got "|O")`,
	} {
		_, err := Read(filepath.Join("testdata", name+".npy"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one with %q", name, err, want)
		}
	}
}
