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

// sharded writes a model of so many shards, a large tensor and a small one to each, and
// behind them one in parts. Its numbers are 0 where a codec makes little of them.
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

// TestReader reads what Open reads, in any order of tensors.
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
			t.Errorf("outlines %d tensors of %d numbers, want %d of %d", len(got.Tensors()), got.Parameters(), len(want.Tensors()), want.Parameters())
		}
		for _, w := range slices.Backward(want.Tensors()) {
			if o := r.Outline().Tensor(w.Name); o == nil || o.Data != nil || o.Scale != nil || o.DType != w.DType || !slices.Equal(o.Shape, w.Shape) {
				t.Errorf("%q is outlined as %v", w.Name, o)
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
			t.Errorf("came as %q", order)
		}
		if _, err := r.Tensor("absent"); err == nil || !strings.Contains(err.Error(), `"absent" is not in model`) {
			t.Errorf("got error %v", err)
		}
	}
}

// TestReaderHolds: two shards and a packed one are in memory at most, whatever the model holds, and each is
// decoded once to be verified and once to be read in the order of names.
func TestReaderHolds(t *testing.T) {
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
		beside := 0
		if x.Name == "z" {
			beside = len(x.Data)
		}
		most = max(most, alive()-before-beside)
		runtime.KeepAlive(x)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if limit := (shardsKept+1)*MaxShard + 1<<20; most > limit || most < MaxShard {
		t.Errorf("%d bytes are held of %d, need one shard at least and %d at most", most, m.RawBytes(), limit)
	}
	if limit := 2 * len(m.Shards); r.read > limit || r.read <= len(m.Shards) {
		t.Errorf("decoded %d shards, need each once more than once, %d at most", r.read, limit)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestReaderReplaced: a reader goes on with the model that it opened after another took its
// place, and refuses a shard that is changed under it.
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
		t.Errorf("files %q are there, want the next model's", left)
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

// TestReaderRefuses: what Open refuses, a reader refuses when it opens, whichever shard it
// is in, and nothing stays open.
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
				t.Errorf("reader %v, error %v, Open says %v", r, err, want)
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
				t.Errorf("error %v, Open says %v", err, want)
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

// FuzzReader: whatever a shard holds, a reader says what Open says, and reads what it reads.
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
				t.Fatalf("error %v, Open says %v", err, want)
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
