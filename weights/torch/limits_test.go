package torch

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/core/readertest"
)

// archive returns a zip archive of the given entries.
func archive(t testing.TB, entries map[string]string, method uint16) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 9) })
	for _, name := range []string{"a/data.pkl", "a/byteorder", "a/data/0"} { // in torch.save's order
		if text, ok := entries[name]; ok {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, text)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Parts of pickles.
const (
	proto    = "\x80\x02"
	aStorage = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
)

// rebuilt returns a pickle of one tensor of storage "0" with four numbers.
func rebuilt(offset, size, stride string) string {
	return proto + "ctorch._utils\n_rebuild_tensor_v2\n(" + aStorage + offset + size + stride + "\x89ccollections\nOrderedDict\n)RtR."
}

// tensorText is the part of a pickle that makes a tensor.
var tensorText = strings.TrimSuffix(strings.TrimPrefix(rebuilt("K\x00", "K\x04\x85", "K\x01\x85"), proto), ".")

// long8 returns LONG1 with eight bytes.
func long8(v uint64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, v))
}

// nested returns a dict of dicts, each twice in the next: there are 2ⁿ paths to the innermost.
func nested(n int) string {
	text := proto + "}q\x00"
	for i := range n {
		at, next := string(byte(i)), string(byte(i+1))
		text += "}q" + next + "(X\x01\x00\x00\x00ah" + at + "X\x01\x00\x00\x00bh" + at + "u"
	}
	return text + "."
}

// kept returns opcodes that store None in n memo slots.
func kept(n int) string {
	out := []byte("N")
	for i := range n {
		out = binary.LittleEndian.AppendUint32(append(out, 'r'), uint32(i))
	}
	return string(out)
}

// TestOpenRefuses: a pickle in a file is not read byte by byte.
func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.pt")
	if err := os.WriteFile(path, archive(t, map[string]string{"a/data.pkl": proto + strings.Repeat("N0", 5<<20)}, zip.Store), 0o666); err != nil {
		t.Fatal(err)
	}
	readertest.Refuses(t, "more than 4194304 steps", 192<<20, func() error {
		_, err := Open(path)
		return err
	})
}

func TestLimits(t *testing.T) {
	numbers := strings.Repeat("\x00\x00\x80\x3f", 4)
	file := func(pickle string) []byte {
		return archive(t, map[string]string{"a/data.pkl": pickle, "a/data/0": numbers}, zip.Store)
	}
	beyond := file(rebuilt("K\x00", "K\x04\x85", "K\x01\x85"))
	entry := bytes.LastIndex(beyond, []byte("PK\x01\x02")) // a/data/0 in the directory: its two sizes
	binary.LittleEndian.PutUint64(beyond[entry+20:], 0x7fffffff_7fffffff)
	legacy := proto + "\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + proto + "M\xe9\x03." + proto + "}."
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "is 0 bytes", nil},
		{"text", "neither a zip archive", []byte("(lp0\n.")},
		{"cut zip", "zip:", file(rebuilt("K\x00", "K\x04\x85", "K\x01\x85"))[:200]},
		{"entry beyond the archive", "are left in the archive", beyond},
		{"no pickle", "without data.pkl", archive(t, map[string]string{"a/byteorder": "little"}, zip.Store)},
		{"zip bomb", "is compressed", archive(t, map[string]string{"a/data.pkl": strings.Repeat("N0", 1<<22)}, zip.Deflate)},
		{"big-endian", "byte order", archive(t, map[string]string{"a/byteorder": "big", "a/data.pkl": proto + "N."}, zip.Store)},
		{"no storage", "not in the archive", archive(t, map[string]string{"a/data.pkl": rebuilt("K\x00", "K\x04\x85", "K\x01\x85")}, zip.Store)},
		{"short storage", "must be 16 bytes (got 4)", archive(t, map[string]string{"a/data.pkl": rebuilt("K\x00", "K\x04\x85", "K\x01\x85"), "a/data/0": "abcd"}, zip.Store)},
		{"beyond the storage", "exceed storage", file(rebuilt("K\x01", "K\x04\x85", "K\x01\x85"))},
		{"negative offset", "must be at least 0", file(rebuilt("J\xff\xff\xff\xff", "K\x04\x85", "K\x01\x85"))},
		{"negative size", "must be a number from 0", file(rebuilt("K\x00", "J\xff\xff\xff\xff\x85", "K\x01\x85"))},
		{"negative stride", "must be a number from 0", file(rebuilt("K\x00", "K\x04\x85", "J\xff\xff\xff\xff\x85"))},
		{"2^32 by 2^32", "larger than the", file(rebuilt("K\x00", long8(1<<32)+long8(1<<32)+"\x86", "K\x00K\x00\x86"))},
		{"2^40 long", "exceed storage", file(rebuilt("K\x00", long8(1<<40)+"\x85", long8(1<<40)+"\x85"))},
		{"2^63", "must be a number from 0", file(rebuilt("K\x00", long8(1<<63)+"\x85", "K\x01\x85"))},
		{"many axes", "at most 8 numbers", file(rebuilt("K\x00", "("+strings.Repeat("K\x01", 9)+"t", "("+strings.Repeat("K\x01", 9)+"t"))},
		{"axes that differ", "differ in their number of axes", file(rebuilt("K\x00", "K\x04\x85", ")"))},
		{"long string", "1 are left", file(proto + "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.")},
		{"long number", "at most 64 bytes", file(proto + "\x8b\x00\x00\x00\x40.")},
		{"holds itself", "contains itself", file(proto + "}q\x00X\x01\x00\x00\x00ah\x00s.")},
		{"list that holds itself", "contains itself", file(proto + "]q\x00h\x00a.")},
		{"2^40 ways", "contains more than", file(nested(40))},
		{"empty stack", "empty stack", file(proto + "0s.")},
		{"open mark", "a mark as a value", file(proto + "(.")},
		{"no mark", "did not set", file(proto + "t.")},
		{"unknown recall", "did not store", file(proto + "h\x07.")},
		{"endless", "0 are left", file(proto + "N")},
		{"many steps", "more than 4194304 steps", file(proto + strings.Repeat("N0", 5<<20))},
		{"many kept", "1048576 values at once", file(proto + kept(2<<20))},
		{"high stack", "1048576 values at once", file(proto + strings.Repeat("N", 2<<20))},
		{"many globals", "which is not supported", file(proto + strings.Repeat("ctorch\nFloatStorage\n0", 1<<16) + "X\x01\x00\x00\x00a)R.")},
		{"many values", "contains more than 262144 values", file(proto + "](" + strings.Repeat("K\x01", 1<<19) + "e.")},
		{"one tensor often", "contains more than 262144 values", file(proto + "](" + tensorText + "q\x01" + strings.Repeat("h\x01", 1<<19) + "e.")},
		{"long names", "bytes of names", file(proto + "](" + strings.Repeat("}X\xe8\x03\x00\x00"+strings.Repeat("n", 1000)+tensorText+"s", 20_000) + "e.")},
		{"many marks", "a mark as a value", file(proto + strings.Repeat("(", 1<<19) + ".")},
		{"opcode", "which is not supported", file(proto + "\x82.")},
		{"call of a string", "which is not supported", file(proto + "X\x01\x00\x00\x00a)R.")},
		{"call of a type", "which is not supported", file(proto + "ctorch\nFloatStorage\n)R.")},
		{"class of classes", "which is not supported", file(proto + "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nN)tR.")},
		{"global over lines", "a line of more than", file(proto + "c" + strings.Repeat("x", 1<<12))},
		{"legacy storage of 2^63", "8 bytes are left", []byte(legacy + rebuilt("K\x00", "K\x04\x85", "K\x01\x85") + proto + "]X\x01\x00\x00\x000a." + "\xff\xff\xff\xff\xff\xff\xff\x7f" + "12345678")},
		{"legacy storage that is not there", "is not in the file", []byte(legacy + rebuilt("K\x00", "K\x04\x85", "K\x01\x85") + proto + "].")},
		{"legacy storage too short", "must be 16 bytes (got 4)", []byte(legacy + rebuilt("K\x00", "K\x04\x85", "K\x01\x85") + proto + "]X\x01\x00\x00\x000a." + "\x01\x00\x00\x00\x00\x00\x00\x00" + "1234")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			readertest.Refuses(t, tt.want, 192<<20, func() error {
				_, err := Parse(readertest.File(t, tt.data, 4*len(tt.data)+1<<16), int64(len(tt.data)))
				return err
			})
		})
	}
}

// FuzzParse: no bytes cause a panic, and listed tensors can be read.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.pt")
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
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i := range file.Tensors[:min(len(file.Tensors), 100)] {
			tensor := &file.Tensors[i]
			numbers, err := tensor.Read()
			if err != nil {
				t.Fatalf("%q was listed, but: %v", tensor.Name, err)
			}
			if len(numbers) != tensor.Len()*tensor.DType.Size() {
				t.Fatalf("%q has %d bytes, shape %v of %s needs %d", tensor.Name, len(numbers), tensor.Shape, tensor.DType, tensor.Len()*tensor.DType.Size())
			}
		}
	})
}
