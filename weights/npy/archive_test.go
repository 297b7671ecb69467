package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/readertest"
	"tweedie/weights"
	"tweedie/weights/lazytensor"
)

// TestOpenArchive compares with the arrays that testdata/make_npz.py defines.
func TestOpenArchive(t *testing.T) {
	for _, name := range []string{"all.npz", "compressed.npz", "big-endian.npz"} {
		a, err := OpenArchive(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if len(a.Tensors) != 15 {
			t.Errorf("%s: %d arrays, want 15", name, len(a.Tensors))
		}
		for i := range a.Tensors {
			x := &a.Tensors[i]
			got, err := x.Float32()
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float32, x.Len())
			for j := range want {
				switch {
				case x.DType == "BOOL":
					want[j] = float32(j % 2)
				case strings.Contains(string(x.DType), "F"):
					want[j] = float32(j) / 2
				default:
					want[j] = float32(j)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s %s %v: got %v, want %v", name, x.Name, x.DType, x.Shape, got, want)
			}
		}
	}
}

// TestOpenArray: a .npy file is an archive of one array.
func TestOpenArray(t *testing.T) {
	a, err := OpenArchive("testdata/f4.npy")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := Read("testdata/f4.npy")
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Tensors[0].Float32()
	if err != nil || len(a.Tensors) != 1 || !slices.Equal(got, b.Float32()) || !slices.Equal(a.Tensors[0].Shape, b.Shape) {
		t.Errorf("got %v %v, %v", a.Tensors, got, err)
	}
}

// TestSwapBytes: the two parts of a complex number are reversed separately.
func TestSwapBytes(t *testing.T) {
	for dtype, want := range map[weights.DType]string{"U8": "abcdefgh", "F16": "badcfehg", "C64": "dcbahgfe", "F64": "hgfedcba"} {
		data := []byte("abcdefgh")
		if swapBytes(data, dtype); string(data) != want {
			t.Errorf("%s: got %q, want %q", dtype, data, want)
		}
	}
}

// zipped returns a compressed archive of entries.
func zipped(t testing.TB, entries map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, data := range entries {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// headed returns a .npy file of that shape without its data.
func headed(shape string) []byte {
	text := "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }\n"
	return append([]byte(magic+"\x01\x00"+string([]byte{byte(len(text)), 0})), text...)
}

func TestArchiveRefuses(t *testing.T) {
	if _, err := OpenArchive("testdata/bad-object.npz"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `elements are "|O"`) {
		t.Errorf("objects: got error %v", err)
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "zip:", nil},
		{"other entry", "is not a .npy file", zipped(t, map[string][]byte{"x.txt": nil})},
		{"bomb", "more than 100 times", zipped(t, map[string][]byte{"x.npy": make([]byte, 80<<20)})},
		{"2^32 by 2^32", "larger than", zipped(t, map[string][]byte{"x.npy": headed("4294967296, 4294967296")})},
		{"negative", "no valid descr", zipped(t, map[string][]byte{"x.npy": headed("-1,")})},
		{"many arrays", "contains 40000 arrays", zipped(t, many(40_000))},
		{"long header", "ends inside its header", zipped(t, map[string][]byte{"x.npy": []byte("\x93NUMPY\x02\x00\xff\xff")})},
		{"header of 2 GB", "header is 2147483647 bytes", zipped(t, map[string][]byte{"x.npy": append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f"), make([]byte, 1<<17)...)})},
		{"short", "larger than the limit of 0 bytes", zipped(t, map[string][]byte{"x.npy": headed("4,")})},
		{"long", "needs 4 bytes, got 8", zipped(t, map[string][]byte{"x.npy": append(headed("1,"), make([]byte, 8)...)})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			readertest.Refuses(t, tt.want, 64<<20, func() error {
				_, err := ParseArchive(readertest.File(t, tt.data, 4*len(tt.data)+1<<16), int64(len(tt.data)))
				return err
			})
		})
	}
}

// many returns n arrays without elements.
func many(n int) map[string][]byte {
	all := map[string][]byte{}
	for i := range n {
		all[fmt.Sprint(i, ".npy")] = headed("0,")
	}
	return all
}

// FuzzParseArchive: no bytes cause a panic, and a listed array has the numbers of its shape or
// gives an error.
func FuzzParseArchive(f *testing.F) {
	begin(f, "testdata/*.np[yz]")
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseArchive(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i := range a.Tensors {
			check(t, &a.Tensors[i])
		}
	})
}

func check(t *testing.T, x *lazytensor.Tensor) {
	numbers, err := x.Read() // a checksum may be wrong
	if err == nil && len(numbers) != x.Len()*x.DType.Size() {
		t.Fatalf("%q has %d bytes, shape %v of %s needs %d", x.Name, len(numbers), x.Shape, x.DType, x.Len()*x.DType.Size())
	}
}
