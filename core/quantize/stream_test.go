package quantize

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// TestStream: a stream runner gives the same bits as a plan, with float32 weights and with
// codes.
func TestStream(t *testing.T) {
	m, im := newModel(t), pictures(5)
	tensors, err := m.Tensors(weights.Storage{DType: weights.I8})
	if err != nil {
		t.Fatal(err)
	}
	stored, _ := open(t, m, tensors)
	times, classes := []float32{1, -2, 3, 0.5, 0}, []int{0, 1, 2, 1, 0}
	for _, m := range []*model.Model{m, stored} {
		plan, err := m.NewRunner(2, infer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := plan.Forward(im.X, times, classes)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewStreamRunner(m).Forward(im.X, times, classes)
		if err != nil || !slices.Equal(got.Shape, want.Shape) || !slices.Equal(got.Data, want.Data) {
			t.Errorf("the bits differ, %v", err)
		}
		if _, err := NewStreamRunner(m).Forward(tensor.New(1, 3, 3, 3), times[:1], classes[:1]); err == nil {
			t.Error("images of another size are accepted")
		}
	}
}

// TestLiveNumbers: the most numbers that a trace keeps at once is exactly that of liveNumbers.
func TestLiveNumbers(t *testing.T) {
	m := newModel(t)
	s, err := newSearch(t.Context(), m, pictures(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrace(s.p, s.out, 1, [][]float32{make([]float32, 768), {1}, {0}})
	given := 768 + 2
	most := 0
	for i := range s.p.Nodes {
		numbers, err := s.load(i, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := s.p.Size(s.p.Nodes[i].Out)
		for _, v := range tr.values {
			sum += len(v)
		}
		most = max(most, sum)
		tr.step(i, tr.bind(i, numbers))
	}
	if got := liveNumbers(s.p, s.out); got > most || got < most-given {
		t.Errorf("liveNumbers is %d, the trace kept %d, of which %d are inputs", got, most, given)
	}
}

// TestMixedNotResident: a network that is not kept in memory gives the same bytes.
func TestMixedNotResident(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	var all [2][]weights.Tensor
	for i := range all {
		s, err := newSearch(t.Context(), newModel(t), pictures(2), Options{Kinds: []weights.DType{weights.I8, weights.F16, weights.I4}})
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			s.resident = nil
		}
		options, err := s.sensitivities(s.points)
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		out, err := newTensors(folder)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first is forgotten
			if _, err := s.round(out, allocate(options, 0.6*float64(s.model.Parameters()))); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.Each(func(v weights.Tensor) error { all[i] = append(all[i], v); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
			t.Errorf("%d files are left, %v", len(left), err)
		}
	}
	for i, v := range all[0] {
		if w := all[1][i]; v.Name != w.Name || !bytes.Equal(v.Data, w.Data) || !slices.Equal(v.Scale, w.Scale) {
			t.Errorf("%s: the bytes differ", v.Name)
		}
	}
}
