//go:build !js

package model_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/weights"
)

// onDisk writes m to a file and returns its path.
func onDisk(t *testing.T, m *model.Model, dtype weights.DType) string {
	t.Helper()
	tensors, err := m.Tensors(weights.Storage{DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := m.Manifest(nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.json")
	if err := weights.Write(path, manifest, tensors); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenReader: a model on disk has the same numbers, codes and outputs as one in memory.
func TestOpenReader(t *testing.T) {
	for _, dtype := range []weights.DType{weights.F32, weights.F16, weights.I8, weights.I4} {
		path := onDisk(t, newModel(t), dtype)
		f, err := weights.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := model.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := weights.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := model.OpenReader(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range want.Declared() {
			a, b := got.Numbers(d.Name), want.Numbers(d.Name)
			if !slices.Equal(a.Float, b.Float) || !slices.Equal(a.Codes, b.Codes) || !slices.Equal(a.Scales, b.Scales) {
				t.Errorf("%s: %q is not what it is in memory", dtype, d.Name)
			}
		}
		x := images(1)
		var out [2][]float32
		for i, m := range []*model.Model{got, want} {
			n, err := m.NewRunner(1, infer.Options{Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			d, err := n.Denoiser([]int{0}, 1)(x, 0.5)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = d.Data
		}
		if !slices.Equal(out[0], out[1]) || got.Err() != nil {
			t.Errorf("%s: other bits, %v", dtype, got.Err())
		}
	}
}

// TestReaderFails: Each and Err report a failure to read numbers.
func TestReaderFails(t *testing.T) {
	path := onDisk(t, newModel(t), weights.F32)
	r, err := weights.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.OpenReader(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	called := 0
	err = m.Each(func(graph.Declared, []float32) error { called++; return nil })
	if !errors.Is(err, os.ErrClosed) || !errors.Is(m.Err(), os.ErrClosed) || called != 0 {
		t.Errorf("error is %v after %d tensors, Err says %v, want that the files are closed", err, called, m.Err())
	}
}
