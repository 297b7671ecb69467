package dense

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestNpyGolden reads what NumPy wrote (testdata/make.py), and writes version 1
// files back byte for byte.
func TestNpyGolden(t *testing.T) {
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
		{"scalar", []int{}, float32(7)},
		{"version2", []int{2}, []float32{1.5, 2.5}},
		{"version3", []int{2}, []float32{1.5, 2.5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + tt.name + ".npy")
			if err != nil {
				t.Fatal(err)
			}
			d, err := ParseNpy(data)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.Shape(), tt.shape) || !reflect.DeepEqual(d.Data(), tt.want) {
				t.Errorf("got %v %v, want %v %v", d.Shape(), d.Data(), tt.shape, tt.want)
			}
			out, err := EncodeNpy(d)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(tt.name, "version") && !bytes.Equal(out, data) {
				t.Errorf("wrote %q, NumPy writes %q", out, data)
			}
			for n := range data {
				if _, err := ParseNpy(data[:n]); err == nil {
					t.Errorf("no error for the first %d of %d bytes", n, len(data))
				}
			}
		})
	}
}

func TestNpyGoldenRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"bad-big-endian": `numbers are ">f4", need <f4, <f8, <i4, <i8 or |u1`,
		"bad-fortran":    "array is in Fortran order, need C order",
		"bad-half":       `numbers are "<f2"`,
		"bad-record":     `"descr": need a string`,
		"bad-object":     `numbers are "|O"`,
		"bad-empty":      "shape [0 3] has an empty axis",
	} {
		_, err := ReadNpy("testdata/" + name + ".npy")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one with %q", name, err, want)
		}
	}
}

// withHeader returns a version 1 file with that header.
func withHeader(header string, body ...byte) []byte {
	out := append([]byte(npyMagic), 1, 0, byte(len(header)), byte(len(header)>>8))
	return append(append(out, header...), body...)
}

// hostile are files to refuse; the fuzz target starts from them too.
var hostile = []struct {
	name, want string
	data       []byte
}{
	{"empty", "does not begin", nil},
	{"text", "does not begin", []byte("hello, world")},
	{"version", "format version is 9", []byte(npyMagic + "\x09\x00\x00\x00")},
	{"cut version 2", "ends before its header", []byte(npyMagic + "\x02\x00\x00\x00")},
	{"header beyond", "header is 65535 bytes, need at most 0", []byte(npyMagic + "\x01\x00\xff\xff")},
	{"header huge", "header is 4294967295 bytes", []byte(npyMagic + "\x02\x00\xff\xff\xff\xff")},
	{"no dict", "is no Python dict", withHeader("[]")},
	{"open dict", "need a string", withHeader("{")},
	{"no shape", "has 2 of the entries", withHeader("{'descr': '<f4', 'fortran_order': False}")},
	{"twice", `"descr" stands twice`, withHeader("{'descr': '<f4', 'descr': '<f4'}")},
	{"other key", "is not known", withHeader("{'dtype': '<f4'}")},
	{"no colon", "no colon", withHeader("{'descr' '<f4'}")},
	{"no comma", "no comma", withHeader("{'descr': '<f4' 'shape': ()}")},
	{"after", "something follows", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': ()}}", 0, 0, 0, 0)},
	{"order", "need True or False", withHeader("{'fortran_order': 0}")},
	{"shape list", "need a tuple", withHeader("{'shape': [2]}")},
	{"negative", "need a whole number", withHeader("{'shape': (-1,)}")},
	{"text in shape", "need a whole number", withHeader("{'shape': (a,)}")},
	{"spaced shape", "need a comma", withHeader("{'shape': (1 2)}")},
	{"huge axis", "need a whole number", withHeader("{'shape': (99999999999999999999,)}")},
	{"many axes", "more than 64 axes", withHeader("{'shape': (" + strings.Repeat("1,", 65) + ")}")},
	{"overflow", "is out of range", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}")},
	{"large", "needs 4000000000000 bytes, found 4", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}", 0, 0, 0, 0)},
	{"empty axis", "empty axis", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}")},
	{"trailing", "needs 4 bytes, found 5", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 0, 0, 0, 0, 0)},
	{"escape", "need a string", withHeader(`{'des\x63r': '<f4'}`)},
}

func TestNpyHostile(t *testing.T) {
	for _, tt := range hostile {
		if _, err := ParseNpy(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "dense: ") {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestNpyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	lazy := counted(t, 2, 3)
	if err := lazy.T(); err != nil {
		t.Fatal(err)
	}
	if err := WriteNpy(path, lazy); err != nil {
		t.Fatal(err)
	}
	d, err := ReadNpy(path)
	if err != nil {
		t.Fatal(err)
	}
	x, err := ToTensor(d)
	if err != nil || !slices.Equal(x.Shape, []int{3, 2}) || !slices.Equal(x.Data, []float32{0, 3, 1, 4, 2, 5}) {
		t.Errorf("got %v, %v; want the transposed array", x, err)
	}
	if _, err := ReadNpy(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want a missing file", err)
	}
}

// FuzzParseNpy: any bytes give an array that is written and read back the same,
// or an error.
func FuzzParseNpy(f *testing.F) {
	for _, tt := range hostile {
		f.Add(tt.data)
	}
	for _, name := range []string{"f4", "i8", "u1", "scalar", "version2"} {
		data, err := os.ReadFile("testdata/" + name + ".npy")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseNpy(data)
		if err != nil {
			return
		}
		out, err := EncodeNpy(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseNpy(out)
		if err != nil {
			t.Fatal(err)
		}
		out2, err := EncodeNpy(again)
		if err != nil || !bytes.Equal(out, out2) {
			t.Fatalf("written again: %v, %q and %q", err, out, out2)
		}
	})
}
