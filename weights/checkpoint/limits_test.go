package checkpoint

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/core/readertest"
)

// headed returns a safetensors file with that header and the given number of data bytes.
func headed(header string, numbers int) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), make([]byte, numbers)...)
}

// entries returns members of a header for n tensors without data.
func entries(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`, i)
	}
	return b.String()
}

// short returns n members of a header that are as short as possible.
func short(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":1,`, i)
	}
	return b.String()
}

func TestSafetensorsRefuses(t *testing.T) {
	one := func(shape, offsets string) string {
		return `{"a":{"dtype":"F32","shape":` + shape + `,"data_offsets":` + offsets + `}}`
	}
	two := func(first, second string) string {
		return `{"a":{"dtype":"U8","shape":[4],"data_offsets":` + first + `},"b":{"dtype":"U8","shape":[4],"data_offsets":` + second + `}}`
	}
	long := headed("{}", 0)
	binary.LittleEndian.PutUint64(long, 1<<63)
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"header of 2^63", "header must be at most 2 bytes (got 9223372036854775808)", long},
		{"header beyond the file", "header must be at most 2 bytes (got 100)", append([]byte{100, 0, 0, 0, 0, 0, 0, 0}, "{}"...)},
		{"overlap", "", headed(two("[0,4]", "[2,6]"), 6)},
		{"hole", "", headed(two("[0,4]", "[5,9]"), 9)},
		{"same place", "", headed(two("[0,4]", "[0,4]"), 4)},
		{"backwards", "", headed(one("[1]", "[4,0]"), 4)},
		{"negative", "", headed(one("[-1]", "[0,4]"), 4)},
		{"negative offset", "", headed(one("[1]", "[-4,0]"), 4)},
		{"2^32 by 2^32", "", headed(one("[4294967296,4294967296]", "[0,4]"), 4)},
		{"overflow to nothing", "", headed(one("[2147483647,2147483647,2147483647,8]", "[0,4]"), 4)},
		{"2^63", "", headed(one("[9223372036854775808]", "[0,4]"), 4)},
		{"many axes", "", headed(one("["+strings.Repeat("1,", 1000)+"1]", "[0,4]"), 4)},
		{"beyond the file", "", headed(one("[1000]", "[0,4000]"), 4)},
		{"nesting", "", headed(`{"a":`+strings.Repeat("[", 8<<20), 0)},
		{"nested objects", "", headed(strings.Repeat(`{"a":`, 2<<20), 0)},
		{"one name often", "", headed("{"+strings.Repeat(`"a":{},`, 2<<20)+`"a":{}}`, 0)},
		{"many members", "", headed(`{"a":{`+entries(250_000)+`"z":1}}`, 0)},
		{"long name", "", headed(`{"`+strings.Repeat("n", 8<<20)+`":{}}`, 0)},
		{"long number", "", headed(one("["+strings.Repeat("9", 8<<20)+"]", "[0,4]"), 4)},
		{"members of a byte", "", headed(`{"a":{`+short(1_300_000)+`"z":1}}`, 0)},
		{"tensors of a byte", "", headed(`{`+short(1_300_000)+`"z":1}`, 0)},
		{"long type", "", headed(`{"a":{"dtype":"`+strings.Repeat("F", 15<<20)+`","shape":[1],"data_offsets":[0,4]}}`, 4)},
		{"axes to the end", "shape has more than 8", headed(one("["+strings.Repeat("1,", 7<<20)+"1]", "[0,4]"), 4)},
		{"as many as there may be", "(got number 8)", headed("{"+entries(60_000)+`"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 4)},
		{"many tensors", "too many names in one object", headed("{"+entries(250_000)+`"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 4)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			readertest.Refuses(t, tt.want, 192<<20, func() error {
				_, _, err := ParseSafetensors(readertest.File(t, tt.data, 4*len(tt.data)+1<<16), int64(len(tt.data)))
				return err
			})
		})
	}
}

func TestIndexRefuses(t *testing.T) {
	whole := encode(t, one)
	for _, tt := range []struct{ name, want, index string }{
		{"nesting", "index", `{"weight_map":` + strings.Repeat("[", 8<<20)},
		{"nested objects", "index", strings.Repeat(`{"weight_map":`, 1<<20)},
		{"long", "must be at most", strings.Repeat(" ", maxIndex) + "{}"},
		{"many names", "is not in file", `{"weight_map":{` + entriesOf(300_000, "a.safetensors") + `"one":"a.safetensors"}}`},
		{"many files", "no such file", `{"weight_map":{"one":"a.safetensors",` + strings.TrimSuffix(filesOf(100_000), ",") + `}}`},
		{"numbers", "index", `{"weight_map":{"one":1}}`},
		{"itself", "it must be a file of weights", `{"weight_map":{"one":"w.safetensors.index.json"}}`},
		{"folder", "it must be a file of weights", `{"weight_map":{"one":"/etc/a.safetensors"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "w.safetensors.index.json", []byte(tt.index))
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "a.safetensors"), whole, 0o666); err != nil {
				t.Fatal(err)
			}
			readertest.Refuses(t, tt.want, 256<<20, func() error {
				f, err := Open(path)
				if err == nil {
					f.Close()
				}
				return err
			})
		})
	}
}

func entriesOf(n int, file string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":"%s",`, i, file)
	}
	return b.String()
}

func filesOf(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":"b%d.safetensors",`, i, i)
	}
	return b.String()
}

// FuzzOpen: no file of any name causes a panic, and listed tensors can be read or give an
// error. One of the names is the index of a sharded checkpoint, with a shard in its folder.
func FuzzOpen(f *testing.F) {
	for _, pattern := range []string{"../torch/testdata/*.pt", "../npy/testdata/*.np[yz]", "../../core/unet/testdata/*/*.safetensors"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("%s: no corpus, %v", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 20_000 {
				f.Add(data)
			}
		}
	}
	f.Add([]byte(`{"metadata":{"total_size":8},"weight_map":{"one":"a.safetensors"}}`))
	whole := encode(f, one)
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		folder, err := os.MkdirTemp(folder, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, "w.safetensors.index.json")
		for name, text := range map[string][]byte{path: data, filepath.Join(folder, "a.safetensors"): whole} {
			if err := os.WriteFile(name, text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		for i := range file.Tensors[:min(len(file.Tensors), 100)] {
			x := &file.Tensors[i]
			if numbers, err := x.Read(); err == nil && len(numbers) != x.Len()*x.DType.Size() {
				t.Fatalf("%q: %d bytes", x.Name, len(numbers))
			}
		}
	})
}
