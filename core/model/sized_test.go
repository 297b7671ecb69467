package model_test

import (
	"errors"
	"strings"
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/model"
	"tweedie/core/modeltest"
	"tweedie/core/tensor"
	"tweedie/core/unet"
)

// A model for images of another size computes what a model does that was made for that size
// with the same weights.
func TestSized(t *testing.T) {
	for _, c := range []struct {
		name, config, square, rectangle string
		classes                         []int
	}{
		{"U-Net", config, `"sample_size": 8`, `"sample_size": [12, 4]`, []int{0, 2}},
		{"NCSN", ncsn, `"image_size": 8`, `"image_size": [12, 4]`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := strings.NewReplacer(c.square, c.rectangle, `"shape": [1, 8, 8]`, `"shape": [1, 12, 4]`).Replace(c.config)
			square, want := modeltest.New(t, "test", c.config, 0.1), modeltest.New(t, "test", made, 0.1)
			got, err := square.Sized(unet.Size{H: 12, W: 4})
			if err != nil {
				t.Fatal(err)
			}
			if got.Config().Shape != [3]int{1, 12, 4} || square.Config().Shape != [3]int{1, 8, 8} {
				t.Errorf("got shapes %v and, of the original, %v", got.Config().Shape, square.Config().Shape)
			}
			x := tensor.Of(images(3).Data[:2*12*4], 2, 12, 4, 1)
			var outputs [2][]float32
			for i, m := range []*model.Model{got, want} {
				y, err := runner(t, m, 2, 1).Forward(x, []float32{1, 3}, c.classes)
				if err != nil {
					t.Fatal(err)
				}
				outputs[i] = y.Data
			}
			floattest.SameBits(t, "output", outputs[0], outputs[1])
			if same, err := square.Sized(unet.Square(8)); err != nil || same != square {
				t.Errorf("its own size: got another model or %v", err)
			}
			if _, err := square.Sized(unet.Size{H: 11, W: 4}); !errors.Is(err, model.ErrConfig) || !strings.Contains(err.Error(), "11x4") {
				t.Errorf("an odd height: got %v, want ErrConfig that names the size", err)
			}
		})
	}
}
