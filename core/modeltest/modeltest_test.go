package modeltest

import (
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/model"
	"tweedie/weights"
)

const config = `{
	"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 40, "shape": [1, 8, 8],
	"defaults": {"sampler": "dpmpp2m", "steps": 4, "guidance": 1},
	"unet": {
		"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": [8],
		"down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"],
		"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5
	}
}`

// TestFiles: what is encoded decodes to a model of the same weights, which noise changes.
func TestFiles(t *testing.T) {
	m := New(t, "small", config, 0.1)
	manifest, shards := Encode(t, "small", m, weights.Storage{DType: weights.F32})
	read, err := model.Open(Decode(t, manifest, shards))
	if err != nil {
		t.Fatal(err)
	}
	_, want := Tensors(t, m, weights.Storage{DType: weights.F32})
	_, got := Tensors(t, read, weights.Storage{DType: weights.F32})
	_, bare := Tensors(t, New(t, "small", config, 0), weights.Storage{DType: weights.F32})
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("got %d tensors, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Name != want[i].Name || string(got[i].Data) != string(want[i].Data) {
			t.Errorf("tensor %q differs from %q", got[i].Name, want[i].Name)
		}
		if string(bare[i].Data) == string(want[i].Data) {
			t.Errorf("tensor %q has no noise", want[i].Name)
		}
	}
	floattest.SameBits(t, "noise levels", []float32{float32(m.Config().SigmaMin), float32(m.Config().SigmaMax)}, []float32{0.01, 40})
}
