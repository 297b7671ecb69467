//go:build !js

package weights

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// sharded writes a model of the given number of shards, with a large and a small tensor in
// each, followed by a tensor in parts. Most of its numbers are 0, so that it compresses well.
func sharded(t *testing.T, shards int) (path string, m *Manifest) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "large.json")
	m = &Manifest{Name: "large", Config: []byte("{}")}
	w, err := Create(path, m)
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, shape ...int) {
		tensor := Tensor{Name: name, DType: F32, Shape: shape}
		tensor.Data = make([]byte, 4*tensor.Len())
		tensor.Data[4] = byte(len(m.Shards) + 1)
		if err := w.Add(tensor); err != nil {
			t.Fatal(err)
		}
	}
	for i := range shards {
		add(fmt.Sprintf("%03d.a", i), 1, 23<<18)
		add(fmt.Sprintf("%03d.b", i), 2)
	}
	add("z", 64, 104<<10) // 26 MiB
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path, m
}

// TestReader: a Reader reads the same as Open, in any order of tensors.
func TestReader(t *testing.T) {
	path, _ := sharded(t, 2)
	small, _ := written(t)
	for _, path := range []string{path, small} {
		want, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		same := func(got Tensor) {
			t.Helper()
			w := want.Tensor(got.Name)
			if w == nil || got.DType != w.DType || !slices.Equal(got.Shape, w.Shape) || !bytes.Equal(got.Data, w.Data) || !slices.Equal(got.Scale, w.Scale) {
				t.Errorf("%q is not what Open reads", got.Name)
			}
		}
		if got := r.Outline(); len(got.Tensors()) != len(want.Tensors()) || got.Parameters() != want.Parameters() {
			t.Errorf("outline has %d tensors of %d numbers, want %d of %d", len(got.Tensors()), got.Parameters(), len(want.Tensors()), want.Parameters())
		}
		for _, w := range slices.Backward(want.Tensors()) {
			if o := r.Outline().Tensor(w.Name); o == nil || o.Data != nil || o.Scale != nil || o.DType != w.DType || !slices.Equal(o.Shape, w.Shape) {
				t.Errorf("outline of %q is %v", w.Name, o)
			}
			got, err := r.Tensor(w.Name)
			if err != nil {
				t.Fatal(err)
			}
			same(got)
		}
		var order []string
		if err := r.Each(func(got Tensor) error { same(got); order = append(order, got.Name); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(order) != len(want.Tensors()) || !slices.IsSorted(order) {
			t.Errorf("got tensors %q, want all of them in order", order)
		}
		if _, err := r.Tensor("absent"); err == nil || !strings.Contains(err.Error(), `"absent" is not in model`) {
			t.Errorf("got error %v", err)
		}
	}
}

// TestReaderMemory: at most two decoded shards and a compressed one are in memory, however
// large the model is, and each shard is decoded once for verification and once for reading
// in the order of names.
func TestReaderMemory(t *testing.T) {
	const shards = 12
	path, m := sharded(t, shards)
	alive := func() int {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	before := alive()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	most := alive() - before
	err = r.Each(func(x Tensor) error {
		merged := 0 // bytes of a tensor merged from parts, which belong to the caller
		if x.Name == "z" {
			merged = len(x.Data)
		}
		most = max(most, alive()-before-merged)
		runtime.KeepAlive(x)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if limit := (maxCached+1)*MaxShard + 1<<20; most > limit || most < MaxShard {
		t.Errorf("%d of %d bytes are in memory, want at least one shard and at most %d", most, m.RawBytes(), limit)
	}
	if limit := 2 * len(m.Shards); r.decoded > limit || r.decoded <= len(m.Shards) {
		t.Errorf("decoded %d shards, want more than %d and at most %d", r.decoded, len(m.Shards), limit)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestReaderReplaced: a Reader continues with the model that it opened after another has
// replaced it, and refuses a shard that is changed while it is open.
func TestReaderReplaced(t *testing.T) {
	path, m := sharded(t, 4)
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, tensors := example(t)
	if err := Write(path, &Manifest{Name: "next", Config: m.Config}, tensors); err != nil {
		t.Fatal(err)
	}
	if left := names(t, filepath.Dir(path)); len(left) != 2 {
		t.Errorf("got files %q, want those of the next model", left)
	}
	if x, err := r.Tensor("000.a"); err != nil || x.Data[4] != 1 {
		t.Errorf("the first model's tensor: %v", err)
	}

	path, m = sharded(t, 4)
	if r, err = OpenReader(path); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), m.Shards[0].File), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{'x'}, int64(m.Shards[0].Bytes/2)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Tensor("000.a"); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("got error %v, want one about the hash", err)
	}
}

// TestReaderRefuses: OpenReader refuses what Open refuses, with the same error, whichever
// shard is at fault.
func TestReaderRefuses(t *testing.T) {
	path, m := sharded(t, 3)
	last := filepath.Join(filepath.Dir(path), m.Shards[len(m.Shards)-1].File)
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 4
	for name, data := range map[string][]byte{"flipped": flipped, "short": whole[1:], "long": append(bytes.Clone(whole), 0), "huge": make([]byte, MaxShard+1), "missing": nil} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(last, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if data == nil {
				os.Remove(last)
			}
			_, want := Open(path)
			r, err := OpenReader(path)
			if !errors.Is(want, ErrCorrupt) || !errors.Is(err, ErrCorrupt) || err.Error() != want.Error() {
				t.Errorf("reader %v, error %v, Open returns %v", r, err, want)
			}
		})
	}
	for _, tt := range decodeCases() {
		t.Run(tt.name, func(t *testing.T) {
			data, err := compress(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			path := onDisk(t, sealed(data, len(tt.raw)), data)
			_, want := Open(path)
			_, err = OpenReader(path)
			corrupt(t, err, tt.want)
			if err.Error() != want.Error() {
				t.Errorf("error %v, Open returns %v", err, want)
			}
		})
	}
}

// onDisk writes a model of one shard and returns its path.
func onDisk(t testing.TB, m *Manifest, shard []byte) string {
	t.Helper()
	manifest, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.json")
	for name, data := range map[string][]byte{path: manifest, filepath.Join(filepath.Dir(path), m.Shards[0].File): shard} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// FuzzReader: for any shard a Reader returns the same error or the same tensors as Open.
func FuzzReader(f *testing.F) {
	m, tensors := example(f)
	_, encoded, err := Encode("example", m, tensors)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := decompress(encoded[0], m.Shards[0].RawBytes)
	if err != nil {
		f.Fatal(err)
	}
	for _, tt := range decodeCases() {
		f.Add(tt.raw)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		data, err := compress(raw)
		if err != nil {
			t.Fatal(err)
		}
		path := onDisk(t, sealed(data, len(raw)), data)
		file, want := Open(path)
		r, err := OpenReader(path)
		if err != nil || want != nil {
			if err == nil || want == nil || err.Error() != want.Error() {
				t.Fatalf("error %v, Open returns %v", err, want)
			}
			return
		}
		defer r.Close()
		read := 0
		err = r.Each(func(got Tensor) error {
			read++
			if w := file.Tensor(got.Name); w == nil || got.DType != w.DType || !slices.Equal(got.Shape, w.Shape) || !bytes.Equal(got.Data, w.Data) || !slices.Equal(got.Scale, w.Scale) {
				t.Errorf("%q is not what Open reads", got.Name)
			}
			return nil
		})
		if err != nil || read != len(file.Tensors()) {
			t.Errorf("read %d tensors of %d, %v", read, len(file.Tensors()), err)
		}
	})
}
