package importer

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/unet"
	"tweedie/weights"
	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
	"tweedie/weights/torch"
)

// trainerFile returns what lucidrains' Trainer saves: the network and its average, each with
// its chain and the loss weights of a prediction.
func trainerFile(t *testing.T, weight func(r float64) float64) []weights.Tensor {
	t.Helper()
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear, Steps: 50, BetaStart: 0.002, BetaEnd: 0.4})
	if err != nil {
		t.Fatal(err)
	}
	var betas, loss []float32
	for i, b := range chain.Betas {
		r := 1 / (chain.Sigmas[i] * chain.Sigmas[i])
		betas, loss = append(betas, float32(b)), append(loss, float32(weight(r)))
	}
	state := readCase(t, "lucid").state
	out := append(copyOf(state, "model.model.", 1), copyOf(state, "ema.ema_model.model.", 2)...)
	for _, root := range []string{"model.", "ema.ema_model."} {
		out = append(out, weights.Tensor{Name: root + "betas", DType: weights.F32, Shape: []int{50}, Data: bytesOf(betas)},
			weights.Tensor{Name: root + "loss_weight", DType: weights.F32, Shape: []int{50}, Data: bytesOf(loss)})
	}
	return out
}

// TestLucidProcess: the chain is read from the file, and the prediction is recognized by the
// loss weights, clipped (min-SNR) or not.
func TestLucidProcess(t *testing.T) {
	clipped := func(r float64) float64 { return min(r, 5) }
	for what, weight := range map[diffusion.Prediction]func(r float64) float64{
		diffusion.PredictEpsilon: func(r float64) float64 { return clipped(r) / r },
		diffusion.PredictX0:      clipped,
		diffusion.PredictV:       func(r float64) float64 { return r / (r + 1) },
		"":                       math.Sqrt,
	} {
		path := filepath.Join(t.TempDir(), "model-1.safetensors")
		if err := os.WriteFile(path, encode(t, trainerFile(t, weight)), 0o644); err != nil {
			t.Fatal(err)
		}
		ck, err := Read(path, Options{Hints: Hints{Size: unet.Square(8)}})
		if what == "" {
			if err == nil || !strings.Contains(err.Error(), "give --prediction") {
				t.Errorf("got error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		c := ck.Model.Config()
		if c.Prediction != string(what) || c.Schedule.Kind != diffusion.Table || len(c.Schedule.Betas) != 50 {
			t.Errorf("got %q on %+v, want %q", c.Prediction, c.Schedule, what)
		}
		if got := ck.Model.Params().Named("init_conv.bias")[0]; got != 2 {
			t.Errorf("took %g, want the average's 2", got)
		}
		ck.Close()
	}
}

// TestLucidVersion: the version in a file of the author's Trainer distinguishes releases whose
// names are the same.
func TestLucidVersion(t *testing.T) {
	state := readCase(t, "lucid10").state
	for version, want := range map[string]string{"": "subtract the mean", "1.5.0": "", "1.7.5": "version 1.7.5 of the program is not supported"} {
		file := &checkpoint.File{Path: "net.pt"}
		if version != "" {
			file.Values = []torch.Value{{Name: "step", Value: 7}, {Name: "version", Value: version}}
		}
		for _, v := range state {
			file.Tensors = append(file.Tensors, lazytensor.Tensor{Name: v.Name, DType: v.DType, Shape: v.Shape, Read: func() ([]byte, error) { return v.Data, nil }})
		}
		ck := &Checkpoint{file: file}
		err := ck.read("net.pt", files{weights: "net.pt"}, Options{Hints: Hints{Size: unet.Square(8), Schedule: "linear", Prediction: "epsilon"}})
		text := strings.Join(ck.Assumed, "\n")
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, want) || want == "" && strings.Contains(text, "subtract") {
			t.Errorf("version %q: got %q, want %q", version, text, want)
		}
	}
}

func TestLucidRefuses(t *testing.T) {
	state := readCase(t, "lucid").state
	h := Hints{Size: unet.Square(8), Schedule: "linear", Prediction: "epsilon"}
	without := func(name string) []weights.Tensor {
		return slices.DeleteFunc(slices.Clone(state), func(t weights.Tensor) bool { return t.Name == name })
	}
	extra := weights.Tensor{Name: "extra", DType: weights.F32, Shape: []int{1}, Data: make([]byte, 4)}
	for _, tt := range []struct {
		name, want string
		tensors    []weights.Tensor
		h          Hints
	}{
		{"no size", "--size", state, Hints{}},
		{"odd size", "must be a multiple of 4", state, Hints{Size: unet.Square(10)}},
		{"no chain", "give --beta-schedule and --prediction", state, Hints{Size: unet.Square(8)}},
		{"a norm missing", `1 missing: "final_res_block.block1.norm.g"`, without("final_res_block.block1.norm.g"), h},
		{"heads", `"downs.0.2.fn.fn.to_qkv.weight" of shape [384 16 1 1] must have 3 times the channels of 7 heads`, readCase(t, "lucid10").state, Hints{Size: unet.Square(8), Heads: 7, Schedule: "linear", Prediction: "epsilon"}},
		{"a bias missing", `1 missing: "mid_block1.mlp.1.bias"`, without("mid_block1.mlp.1.bias"), h},
		{"an additional tensor", `1 unexpected: "extra" [1]`, append(slices.Clone(state), extra), h},
	} {
		path := filepath.Join(t.TempDir(), "net.safetensors")
		if err := os.WriteFile(path, encode(t, tt.tensors), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path, Options{Hints: tt.h}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
