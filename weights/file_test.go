//go:build !js

package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written returns the path of a model in a folder of its own.
func written(t *testing.T) (path string, m *Manifest) {
	t.Helper()
	m, tensors := example(t)
	path = filepath.Join(t.TempDir(), "example.json")
	if err := Write(path, m, tensors); err != nil {
		t.Fatal(err)
	}
	return path, m
}

// names returns the names of the files in a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteOpen(t *testing.T) {
	path, m := written(t)
	if got, want := names(t, filepath.Dir(path)), []string{m.Shards[0].File, "example.json"}; !slices.Equal(got, want) {
		t.Errorf("got files %q, want %q", got, want)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Parameters() != 16*9+16+64*16+16*9+1+7*45 {
		t.Errorf("got %d parameters", f.Parameters())
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("got mode %v, %v; want readable by all", info.Mode(), err)
	}
}

// TestWriteReplaces: a second model replaces the first and its shards, and another model
// in the same folder stays.
func TestWriteReplaces(t *testing.T) {
	path, m := written(t)
	folder := filepath.Dir(path)
	neighbour, tensors := example(t)
	if err := Write(filepath.Join(folder, "example.2.json"), neighbour, tensors); err != nil {
		t.Fatal(err)
	}
	first := m.Shards[0].File
	if err := Write(path, m, tensors[:2]); err != nil {
		t.Fatal(err)
	}
	if got := names(t, folder); len(got) != 4 || slices.Contains(got, first) {
		t.Errorf("got files %q, want two models of one shard", got)
	}
	for _, name := range []string{"example.json", "example.2.json"} {
		if _, err := Open(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	// Write the same model again: the shard that both use must stay.
	if err := Write(path, m, tensors[:2]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err != nil {
		t.Error(err)
	}
	// A broken manifest can be replaced.
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, m, tensors[:2]); err != nil {
		t.Error(err)
	}
}

// TestWriteKilled: until the manifest is renamed, the old model stays valid.
func TestWriteKilled(t *testing.T) {
	path, m := written(t)
	_, tensors := example(t)
	_, shards, err := Encode("example", m, tensors[:1])
	if err != nil {
		t.Fatal(err)
	}
	// The state that a writer leaves which is killed after writing its shards.
	if err := WriteAtomic(filepath.Join(filepath.Dir(path), m.Shards[0].File), shards[0]); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(path); err != nil || len(f.Tensors()) != len(tensors) {
		t.Errorf("got %v, %v; want the old model", f, err)
	}
}

// TestWriterAbandoned: a writer that is abandoned or fails keeps the old model and removes
// its own files.
func TestWriterAbandoned(t *testing.T) {
	path, m := written(t)
	before := names(t, filepath.Dir(path))
	for _, tt := range []struct {
		name string
		end  func(*Writer) error
	}{
		{"abandoned", (*Writer).Abandon},
		{"failed", func(w *Writer) error {
			w.m.Card = json.RawMessage(`{"long": "` + strings.Repeat("x", MaxManifest) + `"}`)
			if err := w.Close(); err == nil {
				t.Error("no error for a manifest that is too long")
			}
			return nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := Create(path, &Manifest{Name: "next", Config: m.Config})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 { // two shards and the start of a third
				big := Tensor{Name: string(rune('a' + i)), DType: F32, Shape: []int{10 << 18}, Data: make([]byte, 10<<20)}
				if err := w.Add(big); err != nil {
					t.Fatal(err)
				}
			}
			if during := names(t, filepath.Dir(path)); len(during) != len(before)+2 {
				t.Errorf("got files %q while writing, want two new shards", during)
			}
			if err := tt.end(w); err != nil {
				t.Error(err)
			}
			if after := names(t, filepath.Dir(path)); !slices.Equal(after, before) {
				t.Errorf("got files %q, want %q", after, before)
			}
			if f, err := Open(path); err != nil || f.Manifest.Name != "example" {
				t.Errorf("got %v, %v; want the old model", f, err)
			}
		})
	}
}

func TestWriterRefusesUnsortedNames(t *testing.T) {
	_, m := written(t)
	w, err := Create(filepath.Join(t.TempDir(), "x.json"), m)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(quantized(t, "b", F32, 2)); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(quantized(t, "a", F32, 2)); err == nil || !strings.Contains(err.Error(), `"a" was added after "b"`) {
		t.Errorf("got error %v, want one about the order", err)
	}
}

// TestWriteAtomicKeepsOldFile: while a file is written, and after a failure, the path has
// its old content. No temporary file stays.
func TestWriteAtomicKeepsOldFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	hasContent := func(when, want string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: got %.20q, %v; want %q", when, got, err, want)
		}
	}
	if err := WriteAtomic(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for _, end := range []error{broken, nil} {
		err := WriteAtomicFunc(path, func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 3<<20)); err != nil { // more than is buffered
				t.Error(err)
			}
			hasContent("while it is written", "old")
			return end
		})
		if !errors.Is(err, end) {
			t.Errorf("got error %v, want %v", err, end)
		}
		if end != nil {
			hasContent("after an error", "old")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 3<<20 {
		t.Errorf("the new file: %v", err)
	}
	if got := names(t, folder); !slices.Equal(got, []string{"file"}) {
		t.Errorf("left %q", got)
	}
}

func TestWriteAtomicFails(t *testing.T) {
	folder := t.TempDir()
	occupied := filepath.Join(folder, "occupied") // a folder: a file cannot replace it
	if err := os.MkdirAll(filepath.Join(occupied, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteAtomic(occupied, []byte("data")); err == nil {
		t.Error("no error for a folder in the way")
	}
	if got := names(t, folder); !slices.Equal(got, []string{"occupied"}) {
		t.Errorf("a failed write leaves %q", got)
	}
	if err := WriteAtomic(filepath.Join(folder, "absent", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want the folder missing", err)
	}
	if err := Write(filepath.Join(folder, "model.safetensors"), &Manifest{}, nil); err == nil || !strings.Contains(err.Error(), `must end in ".json"`) {
		t.Errorf("got error %v, want one about the suffix", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path, m := written(t)
	shard := filepath.Join(filepath.Dir(path), m.Shards[0].File)
	data, err := os.ReadFile(shard)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, want string
		change     func() error
	}{
		{"cut", "bytes (got", func() error { return os.Truncate(shard, int64(len(data)-1)) }},
		{"flipped", "SHA-256 must be", func() error {
			broken := bytes.Clone(data)
			broken[len(broken)/2] ^= 4
			return os.WriteFile(shard, broken, 0o644)
		}},
		{"huge", "must be at most 25165824 bytes", func() error { return os.Truncate(shard, 1<<40) }},
		{"missing", "is missing", func() error { return os.Remove(shard) }},
		{"manifest cut", "manifest: ", func() error { return os.Truncate(path, 100) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.change(); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			corrupt(t, err, tt.want)
			_, err = Verify(path)
			corrupt(t, err, tt.want)
			_, err = Describe(path)
			corrupt(t, err, tt.want)
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want fs.ErrNotExist", err)
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "must be a file (got a folder)") {
		t.Errorf("got error %v, want one about a folder", err)
	}
}

func TestDescribeModel(t *testing.T) {
	path, m := written(t)
	for _, describe := range []func(string) (*Description, error){Describe, Verify} {
		d, err := describe(path)
		if err != nil {
			t.Fatal(err)
		}
		if d.Kind != KindModel || d.Name != "example" || d.Version != Version || len(d.Tensors) != 6 || d.Parameters != 16*9+16+64*16+16*9+1+7*45 ||
			d.Bytes != m.Bytes() || d.RawBytes != m.RawBytes() || !slices.Equal(d.Shards, m.Shards) || d.Config == nil || d.Card == nil {
			t.Errorf("got %+v", d)
		}
		for _, info := range d.Tensors {
			if info.Name == "conv_in.weight" && (info.DType != I8 || info.Bytes != 16*9+4*16 || !slices.Equal(info.Shape, []int{16, 1, 3, 3}) || len(info.SHA256) != 64) {
				t.Errorf("got %+v", info)
			}
		}
		if _, err := json.Marshal(d); err != nil {
			t.Error(err)
		}
	}
}

func TestDescribeSafetensors(t *testing.T) {
	d, err := Verify("testdata/mixed.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile("testdata/mixed.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != KindSafetensors || len(d.Tensors) != 7 || d.Parameters != 13 || d.Metadata["format"] != "pt" || d.SHA256 != fmt.Sprintf("%x", sha256.Sum256(whole)) {
		t.Errorf("got %+v", d)
	}
	tensors, _, err := ParseSafetensors(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tensors {
		if got, want := d.Tensors[i], tensors[i].describe(); got.Name != want.Name || got.SHA256 != want.SHA256 || got.Bytes != want.Bytes {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for _, tt := range safetensorsCases {
		path := filepath.Join(t.TempDir(), "broken.safetensors")
		if err := os.WriteFile(path, tt.data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Verify(path)
		corrupt(t, err, tt.want)
	}
	path := filepath.Join(t.TempDir(), "nan.safetensors")
	data, err := EncodeSafetensors([]Tensor{binaryNaN(F32), quantized(t, "good", F32, 2)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteAtomic(path, data); err != nil {
		t.Fatal(err)
	}
	if _, err := Describe(path); err != nil {
		t.Errorf("a file with a NaN must be described: %v", err)
	}
	if _, err := Verify(path); err == nil || !strings.Contains(err.Error(), `tensor "nan": number 1 of 2 is NaN or infinite (bits 0x7fc00000)`) {
		t.Errorf("got error %v, want one that names the NaN", err)
	}
	for name, want := range map[string]string{
		"model.bin":               "is a PyTorch pickle",
		"model.pth":               "is a PyTorch pickle",
		"a.000.safetensors.zst":   "is a shard of a model",
		"testdata/no.safetensors": "no such file",
	} {
		if _, err := Describe(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, want)
		}
	}
}

// TestVerifyReportsEveryProblem: problems in two shards are both reported.
func TestVerifyReportsEveryProblem(t *testing.T) {
	folder := t.TempDir()
	manifest, shards := golden(t)
	for name, data := range map[string][]byte{
		"golden.json":                manifest,
		"golden.000.safetensors.zst": shards[0][1:],
		"golden.001.safetensors.zst": append([]byte{1}, shards[1]...),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Verify(filepath.Join(folder, "golden.json"))
	corrupt(t, err, `"golden.000.safetensors.zst": must be 151 bytes (got 150)`)
	corrupt(t, err, "must be 151 bytes (got 150)")
}

// TestEncodeIncompressible: a full shard of incompressible data is within the limit.
func TestEncodeIncompressible(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	data := make([]byte, MaxShard-4096-600)
	for i := range data {
		data[i] = byte(rng.IntN(255) - 127)
	}
	tensor := Tensor{Name: "noise", DType: I8, Shape: []int{1, len(data)}, Data: data, Scale: []float32{1}}
	m := &Manifest{Name: "noise", Config: jsontext.Value(`{}`)}
	manifest, shards, err := Encode("noise", m, []Tensor{tensor})
	if err != nil {
		t.Fatal(err)
	}
	if m, err = ParseManifest(manifest); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Decode(shards); err != nil {
		t.Error(err)
	}
}
