package npy

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// file returns a version 1 file with the given header and body.
func file(header string, body ...byte) []byte {
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), body...)
}

// TestWritesAsNumPy compares with the bytes that numpy.save writes for numpy.arange(3,
// dtype=numpy.uint8).
func TestWritesAsNumPy(t *testing.T) {
	want := file("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"+strings.Repeat(" ", 60)+"\n", 0, 1, 2)
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := Write(path, &Array{[]int{3}, []uint8{0, 1, 2}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, a := range []*Array{
		{[]int{2, 3}, []uint8{1, 2, 3, 4, 5, 255}},
		{[]int{2}, []int32{-1, 1 << 30}},
		{[]int{1, 1, 2}, []int64{-1, 1 << 60}},
		{[]int{3}, []float32{1.5, float32(math.Inf(-1)), -0}},
		{[]int{}, []float64{math.Pi}},
		{[]int{0, 7}, []float32{}},
	} {
		path := filepath.Join(t.TempDir(), "a.npy")
		if err := Write(path, a); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("got %v, %v, want %v", got, err, a)
		}
		if data, _ := os.ReadFile(path); (len(data)-binary.Size(a.Data))%64 != 0 {
			t.Errorf("data of %v begins at byte %d, want a multiple of 64", a.Shape, len(data)-binary.Size(a.Data))
		}
	}
}

func TestParseErrors(t *testing.T) {
	good := "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "does not start with the magic bytes"},
		{"text", []byte("hello world"), "does not start with the magic bytes"},
		{"version", append([]byte(magic), 9, 0, 0, 0), "format version must be 1, 2 or 3 (got 9)"},
		{"short header", file(good, 1, 2, 3)[:20], "header is 57 bytes, but only 10 are left"},
		{"short", file(good, 1, 2), "needs 3 bytes, got 2"},
		{"long", file(good, 1, 2, 3, 4), "needs 3 bytes, got 4"},
		{"huge", file("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"), "larger than"},
		{"negative", file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"), "has no valid"},
		{"endless number", file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }"), "is invalid"},
		{"fortran", file("{'descr': '|u1', 'fortran_order': True, 'shape': (3,), }", 1, 2, 3), "Fortran order"},
		{"objects", file("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 1, 2, 3), `elements must be one of |u1 <i4 <i8 <f4 <f8 (got "|O")`},
		{"big endian", file("{'descr': '>f4', 'fortran_order': False, 'shape': (0,), }"), `elements must be one of |u1 <i4 <i8 <f4 <f8 (got ">f4")`},
	} {
		if _, err := Parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want one with %q", c.name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "a.npy")
	os.WriteFile(path, []byte("x"), 0o666)
	if _, err := Read(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want one that names the file", err)
	}
}

func TestConversions(t *testing.T) {
	if got := (&Array{[]int{2}, []float64{1, 2.5}}).Float32(); !reflect.DeepEqual(got, []float32{1, 2.5}) {
		t.Errorf("float64: got %v", got)
	}
	if got := (&Array{[]int{1}, []int64{1<<24 + 1}}).Float32(); got != nil {
		t.Errorf("a whole number beyond float32: got %v, want nil", got)
	}
	if got := (&Array{[]int{2}, []float32{3, 4}}).Ints(); !reflect.DeepEqual(got, []int{3, 4}) {
		t.Errorf("whole floats: got %v", got)
	}
	for _, v := range []float64{0.5, math.NaN(), math.Inf(1), 1e300} {
		if got := (&Array{[]int{1}, []float64{v}}).Ints(); got != nil {
			t.Errorf("%g: got %v, want nil", v, got)
		}
	}
}

// begin adds the files that match a pattern, at least one, to the seeds of f.
func begin(f *testing.F, pattern string) {
	f.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		f.Fatal("no corpus")
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

func FuzzParse(f *testing.F) {
	begin(f, "testdata/*.npy")
	f.Add(file("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", 1, 2, 3))
	f.Add(file("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 1, 2, 3, 4, 5, 6, 7, 8))
	f.Add([]byte("\x93NUMPY\x02\x00\x01\x00\x00\x00{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Parse(data)
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.Shape {
			n *= d
		}
		if got := reflect.ValueOf(a.Data).Len(); got != n {
			t.Errorf("shape %v with %d elements", a.Shape, got)
		}
		a.Ints()
		a.Float32()
	})
}
