package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/weights"
)

// encode returns a safetensors file of tensors.
func encode(t testing.TB, tensors ...weights.Tensor) []byte {
	t.Helper()
	data, err := weights.EncodeSafetensors(tensors, map[string]string{"format": "pt"})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var one = weights.Tensor{Name: "one", DType: weights.F32, Shape: []int{2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}}

// TestOpenKinds: formats are recognized by the first bytes, whatever the file's name.
func TestOpenKinds(t *testing.T) {
	for path, kind := range map[string]string{
		"../torch/testdata/views.pt": TorchZip, "../torch/testdata/legacy-views.pt": TorchLegacy, "../npy/testdata/all.npz": NumPy,
		"../npy/testdata/f4.npy": NumPy, "../../core/unet/testdata/gray/model.safetensors": Safetensors,
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(write(t, "weights", data))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if f.Kind != kind || len(f.Tensors) == 0 {
			t.Errorf("%s: kind is %q with %d tensors, want %q", path, f.Kind, len(f.Tensors), kind)
		}
		if _, err := f.Describe(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		f.Close()
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "neither safetensors nor", nil},
		{"text", "neither safetensors nor", []byte("hello")},
		{"pointer", "git lfs pull", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")},
		{"page", "HTML", []byte("<!DOCTYPE html>")},
		{"gzip", "gzip", []byte("\x1f\x8b\x08")},
		{"HDF5", "HDF5", []byte("\x89HDF\r\n\x1a\n")},
		{"empty zip", "zip", []byte("PK\x05\x06")},
		{"short zip", "zip", []byte("PK\x03\x04")},
		{"long header", "header must be at most 2 bytes (got 16777216)", []byte("\x00\x00\x00\x01\x00\x00\x00\x00{}")},
	} {
		if _, err := Open(write(t, "weights", tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

// TestEveryType reads each of safetensors' types, including the 8-bit floats: 0x38 is 1 as
// E4M3, 0x3c as E5M2, 127 as E8M0.
func TestEveryType(t *testing.T) {
	le := binary.LittleEndian
	for _, tt := range []struct {
		dtype weights.DType
		data  []byte
		want  []float32
	}{
		{"F64", le.AppendUint64(nil, 0x3ff8000000000000), []float32{1.5}},
		{"F32", le.AppendUint32(nil, 0x3fc00000), []float32{1.5}},
		{"F16", le.AppendUint16(nil, 0x3e00), []float32{1.5}},
		{"BF16", le.AppendUint16(nil, 0x3fc0), []float32{1.5}},
		{"I64", le.AppendUint64(nil, ^uint64(2)+1), []float32{-2}},
		{"I32", le.AppendUint32(nil, ^uint32(2)+1), []float32{-2}},
		{"I16", le.AppendUint16(nil, ^uint16(2)+1), []float32{-2}},
		{"I8", []byte{0xfe}, []float32{-2}},
		{"U64", le.AppendUint64(nil, 1<<40), []float32{1 << 40}},
		{"U32", le.AppendUint32(nil, 7), []float32{7}},
		{"U16", le.AppendUint16(nil, 7), []float32{7}},
		{"U8", []byte{0, 200}, []float32{0, 200}},
		{"BOOL", []byte{0, 1}, []float32{0, 1}},
		{"F8_E4M3", []byte{0, 0x38, 0xb8, 0x01, 0x7e}, []float32{0, 1, -1, 0x1p-9, 448}},
		{"F8_E5M2", []byte{0, 0x3c, 0xbc, 0x01, 0x7b}, []float32{0, 1, -1, 0x1p-16, 57344}},
		{"F8_E8M0", []byte{127, 128, 120}, []float32{1, 2, 0x1p-7}},
	} {
		data := encode(t, weights.Tensor{Name: "x", DType: tt.dtype, Shape: []int{len(tt.want)}, Data: tt.data})
		tensors, metadata, err := ParseSafetensors(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensors[0].Float32()
		if err != nil || !slices.Equal(got, tt.want) || metadata["format"] != "pt" {
			t.Errorf("%s: got %v, %v, want %v", tt.dtype, got, err, tt.want)
		}
		if _, err := tensors[0].Dense(); err != nil {
			t.Errorf("%s as an array: %v", tt.dtype, err)
		}
	}
}

// TestShards opens the files of an index, and reports inconsistencies.
func TestShards(t *testing.T) {
	two := one
	two.Name = "two"
	for _, tt := range []struct {
		name, want string
		index      map[string]string
		files      map[string][]byte
	}{
		{"whole", "", map[string]string{"one": "a.safetensors", "two": "b.safetensors"}, map[string][]byte{"a.safetensors": encode(t, one), "b.safetensors": encode(t, two)}},
		{"no file", "no such file", map[string]string{"one": "a.safetensors"}, nil},
		{"not there", `tensor "two" is not in file "a.safetensors"`, map[string]string{"one": "a.safetensors", "two": "a.safetensors"}, map[string][]byte{"a.safetensors": encode(t, one)}},
		{"not listed", `which the index assigns to ""`, map[string]string{"one": "a.safetensors"}, map[string][]byte{"a.safetensors": encode(t, one, two)}},
		{"outside", "it must be a file of weights in the same folder", map[string]string{"one": "../a.safetensors"}, nil},
		{"itself", "it must be a file of weights in the same folder", map[string]string{"one": "w.safetensors.index.json"}, nil},
		{"nothing", "has no weight_map", nil, nil},
	} {
		text, err := json.Marshal(map[string]any{"weight_map": tt.index})
		if err != nil {
			t.Fatal(err)
		}
		path := write(t, "w.safetensors.index.json", text)
		for name, data := range tt.files {
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f, err := Open(path)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Tensors {
			if got, err := f.Tensors[i].Float32(); err != nil || !slices.Equal(got, []float32{1, 2}) {
				t.Errorf("%s: got %v, %v", f.Tensors[i].Name, got, err)
			}
		}
		if f.Kind != Sharded || len(f.Tensors) != 2 {
			t.Errorf("kind is %q with %d tensors", f.Kind, len(f.Tensors))
		}
		f.Close()
	}
}

// FuzzParseSafetensors: no bytes cause a panic, and every listed tensor can be read.
func FuzzParseSafetensors(f *testing.F) {
	f.Add(encode(f, one))
	data, err := os.ReadFile("../../core/unet/testdata/gray/case.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, _, err := ParseSafetensors(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i := range tensors {
			x := &tensors[i]
			if numbers, err := x.Read(); err != nil || len(numbers) != x.Len()*x.DType.Size() {
				t.Fatalf("%q: %d bytes, %v", x.Name, len(numbers), err)
			}
		}
	})
}
