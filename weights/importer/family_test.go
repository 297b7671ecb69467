package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/model"
	"tweedie/core/unet"
	"tweedie/weights"
	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
)

// copyOf returns a network's state below a root, with every number replaced by v.
func copyOf(state []weights.Tensor, root string, v float32) []weights.Tensor {
	out := slices.Clone(state)
	for i := range out {
		out[i].Name = root + out[i].Name
		numbers := make([]float32, out[i].Len())
		for j := range numbers {
			numbers[j] = v
		}
		out[i].Data = bytesOf(numbers)
	}
	return out
}

// withoutDots renames tensors as LitEma does.
func withoutDots(tensors []weights.Tensor) []weights.Tensor {
	for i := range tensors {
		tensors[i].Name = "model_ema." + strings.ReplaceAll(tensors[i].Name, ".", "")
	}
	return tensors
}

// shadowList returns a network's state as an unnamed list of averages, without buffers.
func shadowList(state []weights.Tensor, v float32) []weights.Tensor {
	out := copyOf(slices.DeleteFunc(slices.Clone(state), func(t weights.Tensor) bool { return isBuffer(t.Name) }), "", v)
	for i := range out {
		out[i].Name = fmt.Sprintf("ema.shadow_params.%d", i)
	}
	return out
}

// TestAverage: an average of the weights (all numbers 2) is preferred to the weights (all 1),
// unless Options.Plain is set.
func TestAverage(t *testing.T) {
	plain, score := readCase(t, "ddpm").state, readCase(t, "ncsnpp").state
	short := shadowList(score, 2)
	for _, tt := range []struct {
		name, want string // in what was found, or the error
		tensors    []weights.Tensor
		plain      bool
		value      float32
	}{
		{"none", "", copyOf(plain, "", 1), false, 1},
		{"with a prefix", "", copyOf(plain, "state_dict.module.", 1), false, 1},
		{"by name", `"ema" contains an average`, append(copyOf(plain, "model.", 1), copyOf(plain, "ema.", 2)...), false, 2},
		{"by a longer name", `"ema_model.module" contains an average`, append(copyOf(plain, "model.", 1), copyOf(plain, "ema_model.module.", 2)...), false, 2},
		{"by name, plain", "tensors that do not belong", append(copyOf(plain, "model.", 1), copyOf(plain, "ema.", 2)...), true, 1},
		{"with its trained copy", `"ema.ema_model" contains an average`, append(copyOf(plain, "ema.online_model.", 1), copyOf(plain, "ema.ema_model.", 2)...), false, 2},
		{"names without dots", `"model_ema" contains an average`, append(copyOf(plain, "model.diffusion_model.", 1), withoutDots(copyOf(plain, "diffusion_model.", 2))...), false, 2},
		{"names without dots, plain", "tensors that do not belong", append(copyOf(plain, "model.diffusion_model.", 1), withoutDots(copyOf(plain, "diffusion_model.", 2))...), true, 1},
		{"some names without dots", `"model_ema" contains an average of only a part of the weights: 1 missing: "model.diffusion_model.` + plain[0].Name + `"`,
			append(copyOf(plain, "model.diffusion_model.", 1), withoutDots(copyOf(plain, "diffusion_model.", 2))[1:]...), false, 0},
		{"some names without dots, plain", "tensors that do not belong", append(copyOf(plain, "model.diffusion_model.", 1), withoutDots(copyOf(plain, "diffusion_model.", 2))[1:]...), true, 1},
		{"some names", fmt.Sprintf(`"state.ema" contains an average of only a part of the weights: %d missing: "model.`, len(plain)-2), append(copyOf(plain, "model.", 1), copyOf(plain, "state.ema.", 2)[:2]...), false, 0},
		{"some names, plain", "2 tensors that do not belong", append(copyOf(plain, "model.", 1), copyOf(plain, "state.ema.", 2)[:2]...), true, 1},
		{"one name missing", `1 missing: "ema.mid.attn_1.q.weight"`, slices.DeleteFunc(append(copyOf(plain, "model.", 1), copyOf(plain, "ema.", 2)...), func(v weights.Tensor) bool { return v.Name == "ema.mid.attn_1.q.weight" }), false, 0},
		{"DDIM's list", `"4.module" contains an average`, append(copyOf(plain, "0.module.", 1), copyOf(plain, "4.module.", 2)...), false, 2},
		{"a list", `"ema.shadow_params.0" to`, append(copyOf(score, "model.module.", 1), shadowList(score, 2)...), false, 2},
		{"a list, plain", "", append(copyOf(score, "model.module.", 1), shadowList(score, 2)...), true, 1},
		{"a short list", "as the network has (got 209)", append(copyOf(score, "model.module.", 1), short[1:]...), false, 0},
		{"a list of other shapes", "must have shape [64 32] as", append(copyOf(score, "model.module.", 1), append(slices.Clone(short[1:]), short[0])...), false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := &checkpoint.File{Path: "net.pt", Kind: checkpoint.TorchZip} // keeps the order of tensors, which a list needs
			for _, v := range tt.tensors {
				file.Tensors = append(file.Tensors, lazytensor.Tensor{Name: v.Name, DType: v.DType, Shape: v.Shape, Read: func() ([]byte, error) { return v.Data, nil }})
			}
			ck := &Checkpoint{file: file}
			err := ck.read("net.pt", files{weights: "net.pt"}, Options{Plain: tt.plain, Hints: Hints{Size: unet.Square(8)}})
			if tt.value == 0 {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got error %v, want one with %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(ck.Found, "\n"), tt.want) {
				t.Errorf("found %q, want %q", ck.Found, tt.want)
			}
			if got := ck.Model.Params().Named("conv_in.weight")[0]; ck.Model.Err() != nil || got != tt.value {
				t.Errorf("took %g, want %g", got, tt.value)
			}
		})
	}
}

// TestNCSN reads the network of 2019, recognized by its names, as PyTorch saved it.
func TestNCSN(t *testing.T) {
	data, err := os.ReadFile("../../core/unet/testdata/ncsn/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ncsn.safetensors")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	ck, err := Read(path, Options{Hints: Hints{Size: unet.Square(8)}})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	tensors, _, err := weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	same(t, ck.Model, tensors)
	if ck.Family != "ncsn" || ck.Model.Config().Arch != model.NCSN {
		t.Errorf("family is %q", ck.Family)
	}
}

// TestReadRefusesNetworks: errors say why a file cannot be read.
func TestReadRefusesNetworks(t *testing.T) {
	state := readCase(t, "guided").state
	for _, tt := range []struct {
		name, want string
		tensors    []weights.Tensor
		o          Options
	}{
		{"unknown", `"x"`, []weights.Tensor{{Name: "x", DType: weights.F32, Shape: []int{1}, Data: make([]byte, 4)}}, Options{}},
		{"another family", "which --arch ddpm requires", state, Options{Arch: "ddpm"}},
		{"no such family", `--arch must be auto or one of ["diffusers" "ddpm" "guided-diffusion" "score-sde" "edm" "lucidrains" "ncsn" "ncsnv2"] (got "x")`, state, Options{Arch: "x"}},
		{"no size", "--size", state, Options{Hints: Hints{Heads: 4}}},
		{"no heads", "give --heads or --head-channels", state, Options{Hints: Hints{Size: unet.Square(8)}}},
		{"heads", "--heads must be a divisor of 32 channels (got 5)", state, Options{Hints: Hints{Size: unet.Square(8), Heads: 5}}},
		{"head channels", "--head-channels must be a divisor of 64 channels (got 7)", state, Options{Hints: Hints{Size: unet.Square(8), HeadChannels: 7}}},
		{"a layer missing", `missing: "middle_block.2.out_layers.3.bias"`, slices.DeleteFunc(slices.Clone(state), func(t weights.Tensor) bool { return t.Name == "middle_block.2.out_layers.3.bias" }), Options{Hints: Hints{Size: unet.Square(8), Heads: 4}}},
		{"prediction", `prediction must be`, state, Options{Hints: Hints{Size: unet.Square(8), Heads: 4, Prediction: "x"}}},
		{"schedule", `kind must be`, state, Options{Hints: Hints{Size: unet.Square(8), Heads: 4, Schedule: "x"}}},
	} {
		path := filepath.Join(t.TempDir(), "net.safetensors")
		if err := os.WriteFile(path, encode(t, tt.tensors), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestHintsOverride: hints are used, and are not listed as assumptions.
func TestHintsOverride(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.safetensors")
	if err := os.WriteFile(path, encode(t, readCase(t, "guided").state), 0o644); err != nil {
		t.Fatal(err)
	}
	ck, err := Read(path, Options{Hints: Hints{Size: unet.Square(8), Heads: 4, Schedule: "cosine", Steps: 4000, Prediction: "x0", TimeScale: 0.25}})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	c := ck.Model.Config()
	if c.Schedule.Kind != "cosine" || c.Schedule.Steps != 4000 || c.Prediction != "x0" || c.TimeScale != 0.25 {
		t.Errorf("got %+v, %+v", c, c.Schedule)
	}
	if text := strings.Join(ck.Assumed, "\n"); strings.Contains(text, "chain") {
		t.Errorf("assumed %q", text)
	}
}

// FuzzPlan: no names and shapes make a family panic. A line of the input is a tensor: its name
// and its axes, separated by spaces.
func FuzzPlan(f *testing.F) {
	for _, tt := range parityCases {
		var text strings.Builder
		for _, v := range readCase(f, tt.name).state {
			fmt.Fprintln(&text, v.Name, strings.Trim(fmt.Sprint(v.Shape), "[]"))
		}
		f.Add(text.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := &checkpoint.File{Path: "fuzz"}
		for line := range strings.Lines(text) {
			parts := strings.Fields(line)
			if len(parts) == 0 {
				continue
			}
			v := lazytensor.Tensor{Name: parts[0], DType: weights.F32}
			for _, part := range parts[1:min(len(parts), 9)] {
				var d int
				fmt.Sscan(part, &d)
				v.Shape = append(v.Shape, min(max(d, 0), 1<<31))
			}
			v.Read = func() ([]byte, error) { return nil, fmt.Errorf("no numbers") }
			file.Tensors = append(file.Tensors, v)
		}
		ck := &Checkpoint{file: file}
		ck.read("fuzz", files{weights: "fuzz"}, Options{Hints: Hints{Size: unet.Square(8), Heads: 2}})
	})
}
