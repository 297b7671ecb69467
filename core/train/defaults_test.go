package train

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// noise returns n pictures of a shape, C, H, W, with labels if there are classes.
func noise(n int, shape [3]int, classes int) *Data {
	d := &Data{N: n, C: shape[0], H: shape[1], W: shape[2]}
	for i := range n * shape[0] * shape[1] * shape[2] {
		d.Images = append(d.Images, uint8(i*i*7+i))
	}
	for i := range n * min(classes, 1) {
		d.Labels = append(d.Labels, i%classes)
	}
	return d
}

// An almost empty configuration trains.
func TestDefaultsTrain(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  *Config
		shape   [3]int
		classes int
	}{
		{"new", NewConfig([3]int{1, 8, 8}), [3]int{1, 8, 8}, 0},
		{"new with classes", NewConfig([3]int{3, 6, 6}, "a", "b"), [3]int{3, 6, 6}, 2},
		{"steps alone", &Config{Steps: 1}, [3]int{1, 5, 5}, 0},
		{"classes", &Config{Steps: 1, Model: model.Config{Classes: []string{"a", "b"}}}, [3]int{1, 4, 4}, 2},
		{"chain", &Config{Steps: 1, Model: model.Config{Schedule: &diffusion.Schedule{Kind: diffusion.Cosine, Steps: 50}}}, [3]int{1, 4, 4}, 0},
		{"min-snr", &Config{Steps: 1, Objective: "min-snr"}, [3]int{1, 4, 4}, 0},
		{"consistency", &Config{Steps: 1, Model: model.Config{Prediction: model.Consistency}}, [3]int{1, 4, 4}, 0},
		{"classifier", &Config{Steps: 1, Model: model.Config{Arch: model.Classifier, Classes: []string{"a", "b"}}}, [3]int{1, 4, 4}, 2},
		{"channels", &Config{Steps: 1, Model: model.Config{UNet: &unet.Config{BlockOutChannels: []int{12, 20}, Patch: 2}}}, [3]int{1, 8, 8}, 0},
	} {
		c.config.Batch = 2
		tr, err := New(c.config, noise(4, c.shape, c.classes), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, err := tr.Step(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		m, err := tr.Model("m")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if config := m.Config(); config.Shape != c.shape || config.Defaults.Sampler == "" && config.Arch != model.Classifier {
			t.Errorf("%s: model is %+v", c.name, config)
		}
	}
}

// Complete does not change a complete configuration, or its own result.
func TestCompleteKeepsValues(t *testing.T) {
	for name, c := range map[string]*Config{"small": smallConfig(), "new": NewConfig([3]int{3, 64, 64}, "a", "b")} {
		before, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		c.Complete()
		if after, err := c.JSON(); err != nil || string(after) != string(before) {
			t.Errorf("%s: got %s, want %s, %v", name, after, before, err)
		}
	}
	u := NewConfig([3]int{3, 64, 64}).Model.UNet
	if want := []int{32, 64, 128, 256}; !reflect.DeepEqual(u.BlockOutChannels, want) || u.UpBlockTypes[0] != "AttnUpBlock2D" || u.NormNumGroups != 8 || u.NormEps != 1e-5 {
		t.Errorf("got %+v", u)
	}
}

// One error names all invalid fields.
func TestAllErrorsAtOnce(t *testing.T) {
	c := smallConfig()
	c.Steps, c.Batch, c.Model.UNet.NormEps, c.Model.UNet.Patch = 0, -1, 2, 7
	err := c.Validate()
	for _, want := range []string{"steps", "batch", "norm_eps", "patch"} {
		if err == nil || !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want one that names %s", err, want)
		}
	}
	for _, f := range []func() error{
		func() error { _, err := New(nil, noise(1, [3]int{1, 4, 4}, 0), nil); return err },
		func() error { _, err := New(smallConfig(), nil, nil); return err },
		func() error { _, err := New(&Config{Steps: 1}, &Data{N: 1, C: 1, H: -4, W: -4}, nil); return err },
		func() error { _, err := New(&Config{Steps: 1}, &Data{}, nil); return err },
		func() error {
			_, err := New(&Config{Steps: 1, Model: model.Config{UNet: &unet.Config{Patch: -3}}}, noise(1, [3]int{1, 4, 4}, 0), nil)
			return err
		},
	} {
		if f() == nil {
			t.Error("New took it")
		}
	}
}
