package main

import (
	"math"
	"path/filepath"
	"testing"

	"tweedie/core/model"
	"tweedie/core/rng"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/dataset"
	"tweedie/weights"
)

// A network's derivative and differences of its denoiser see one function: with classes
// and without, with its own time, with pixels in [0,1].
func TestProductOfModels(t *testing.T) {
	for _, c := range []struct {
		path  string
		sigma float32
	}{{toyModel(t), 0.7}, {filepath.Join("..", "..", "weights", "models", "ncsn.json"), 0.8}} {
		f, err := weights.Open(c.path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		k := m.Config()
		s := &subject{model: m, config: k, set: &dataset.Dataset{}, class: []int{1, -1}}
		x := tensor.New(2, k.Shape[1], k.Shape[2], k.Shape[0])
		e := tensor.New(x.Shape...)
		rng.Normal(x.Data, 1, 2, 3)
		for i := range e.Data {
			e.Data[i] = float32(1 - 2*(i*i/7%2))
		}
		var denoised [2]*tensor.Tensor
		var along [2][2]float64
		for way, params := range []bool{true, false} {
			if s.params = nil; params {
				s.params = m.Params()
			}
			w, err := s.worker(2, false)
			if err != nil {
				t.Fatal(err)
			}
			w.class, w.tick = s.class, func(int) error { return nil }
			d, product, err := w.product(x, e, c.sigma)
			if err != nil {
				t.Fatal(err)
			}
			denoised[way] = d.Clone()
			for i := range along[way] {
				for j, v := range product.Row(i) {
					along[way][i] += float64(v) * float64(e.Row(i)[j])
				}
			}
		}
		for i, v := range denoised[0].Data {
			if !(math.Abs(float64(v-denoised[1].Data[i])) <= 1e-4) {
				t.Fatalf("%s: number %d is %g by the tape, %g by the model's runner", c.path, i, v, denoised[1].Data[i])
			}
		}
		for i := range along[0] {
			// Differences are good to about three digits of what is summed.
			if d := float64(tensor.Size(x.Shape[1:])); !(math.Abs(along[0][i]-along[1][i]) <= 2e-3*(d+math.Abs(along[1][i]))) || math.Abs(along[0][i]) < 1e-4*d {
				t.Errorf("%s, image %d: e·J·e is %g by the tape, %g by differences", c.path, i, along[0][i], along[1][i])
			}
		}
	}
}
