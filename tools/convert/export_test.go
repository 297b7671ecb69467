package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/modeltest"
	"tweedie/weights"
)

// torchCases are networks that PyTorch wrote, with diffusers' names.
var torchCases = []string{"gray", "rgb"}

func torchCase(name string) string {
	return filepath.Join("..", "..", "core", "unet", "testdata", name)
}

// tensorsOf returns the tensors of a safetensors file by name.
func tensorsOf(t *testing.T, path string) map[string]weights.Tensor {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]weights.Tensor{}
	for _, tensor := range all {
		out[tensor.Name] = tensor
	}
	return out
}

// readJSON returns the members of a file.
func readJSON(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExportIsPyTorchs: what was imported from PyTorch's file is exported as its very
// tensors, bit by bit, and its configuration; and imported again it is the same model.
func TestExportIsPyTorchs(t *testing.T) {
	for _, name := range torchCases {
		for _, format := range []string{"diffusers", "safetensors", "npz"} {
			t.Run(name+"/"+format, func(t *testing.T) {
				dir := t.TempDir()
				first, folder, second := filepath.Join(dir, "first.json"), filepath.Join(dir, "exported"), filepath.Join(dir, "second.json")
				must(t, "convert", filepath.Join(torchCase(name), "model.safetensors"), "-o", first, "--name", "x")
				must(t, "export", first, "-o", folder, "--format", format)
				must(t, "convert", folder, "-o", second, "--name", "x")
				if a, b := readJSON(t, first), readJSON(t, second); !sameShards(a, b) || !reflect.DeepEqual(a["config"], b["config"]) {
					t.Errorf("imported again: %v, want %v", b, a)
				}
				config, want := readJSON(t, filepath.Join(folder, "config.json")), readJSON(t, filepath.Join(torchCase(name), "config.json"))
				for key, value := range want {
					if got := config[key]; !reflect.DeepEqual(got, value) {
						t.Errorf("config.json: %s is %v, PyTorch has %v", key, got, value)
					}
				}
				file := map[string]string{"diffusers": "diffusion_pytorch_model.safetensors", "safetensors": "model.safetensors"}[format]
				if file == "" {
					return
				}
				got, torch := tensorsOf(t, filepath.Join(folder, file)), tensorsOf(t, filepath.Join(torchCase(name), "model.safetensors"))
				if len(got) != len(torch) {
					t.Errorf("%d tensors, PyTorch has %d", len(got), len(torch))
				}
				for key, w := range torch {
					if g := got[key]; g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
						t.Errorf("%s: is %s %v, other than PyTorch's %s %v", key, g.DType, g.Shape, w.DType, w.Shape)
					}
				}
			})
		}
	}
}

// sameShards reports whether two manifests name the same bytes.
func sameShards(a, b map[string]any) bool {
	hashes := func(m map[string]any) (out []any) {
		for _, s := range m["shards"].([]any) {
			out = append(out, s.(map[string]any)["sha256"])
		}
		return out
	}
	return slices.Equal(hashes(a), hashes(b))
}

// exported writes a small model of that configuration and exports it.
func exported(t *testing.T, c *model.Config, format string) (path, folder, stderr string, status int) {
	t.Helper()
	dir := t.TempDir()
	path, folder = filepath.Join(dir, "x.json"), filepath.Join(dir, "out")
	writeModel(t, path, c)
	status, _, stderr = call(t, "export", path, "-o", folder, "--format", format)
	return path, folder, stderr, status
}

// small is the configuration of a network that diffusers has, without a process.
const small = `{"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.002, "sigma_max": 80, "shape": [1,8,8],
	"defaults": {"sampler": "dpmpp2m", "steps": 20, "guidance": 1},
	"unet": {"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": [8, 8], "layers_per_block": 1,
		"down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "norm_num_groups": 4, "norm_eps": 1e-5,
		"act_fn": "silu", "mid_block_scale_factor": 1, "time_embedding_type": "positional"}}`

// TestExportKeepsTheProcess: a scheduler_config.json says how the network was trained, and
// convert reads it; where diffusers has nothing for it, export says so.
func TestExportKeepsTheProcess(t *testing.T) {
	linear := diffusion.Schedule{Kind: diffusion.Linear, Steps: 1000, BetaStart: 1e-4, BetaEnd: 0.02}
	for _, tt := range []struct {
		name   string
		change func(*model.Config)
		note   string // "" where nothing is lost
	}{
		{"edm", func(*model.Config) {}, ""},
		{"edm, scaled", func(c *model.Config) { c.TimeScale = 100 }, "the network's time input is 100 times the time"},
		{"linear", func(c *model.Config) { c.Prediction, c.Schedule = "epsilon", &linear }, ""},
		{"clipped", func(c *model.Config) {
			c.Prediction, c.Schedule, c.Defaults.Threshold, c.Defaults.Schedule = "epsilon", &linear, "static", "trailing"
		}, ""},
		{"thresholded", func(c *model.Config) {
			c.Prediction, c.Schedule = "epsilon", &linear
			c.Defaults.Threshold, c.Defaults.Percentile, c.Defaults.ThresholdMax = "dynamic", 0.9, 2
		}, ""},
		{"v", func(c *model.Config) { c.Prediction, c.Schedule = "v", &linear }, ""},
		{"x0, cosine", func(c *model.Config) {
			c.Prediction, c.Schedule = "x0", &diffusion.Schedule{Kind: diffusion.Cosine, Steps: 500}
		}, ""},
		{"table", func(c *model.Config) {
			c.Prediction, c.Schedule = "epsilon", &diffusion.Schedule{Kind: diffusion.Table, Betas: []float64{0.1, 0.2, 0.5}}
		}, ""},
		{"another cosine", func(c *model.Config) {
			c.Prediction, c.Schedule = "epsilon", &diffusion.Schedule{Kind: diffusion.Cosine, Steps: 500, Offset: 0.1}
		}, "no scheduler_config.json"},
		{"vp", func(c *model.Config) {
			c.Prediction, c.Process, c.SigmaMin = "epsilon", &diffusion.Spec{Kind: diffusion.KindVP}, 0.01
		}, "no scheduler_config.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := model.ParseConfig([]byte(small))
			if err != nil {
				t.Fatal(err)
			}
			tt.change(c)
			if c.Prediction != model.EDM {
				c.SigmaData = 0
			}
			if c.Schedule != nil {
				chain, err := c.Chain()
				if err != nil {
					t.Fatal(err)
				}
				low, high := chain.SigmaRange()
				c.SigmaMin, c.SigmaMax = float64(low), float64(high)
			}
			path, folder, stderr, status := exported(t, c, "diffusers")
			if status != 0 || !strings.Contains(stderr, tt.note) || tt.note == "" && stderr != "" {
				t.Fatalf("status %d, stderr %q, want %q", status, stderr, tt.note)
			}
			if _, err := os.Stat(filepath.Join(folder, "scheduler_config.json")); err != nil {
				return
			}
			again := filepath.Join(t.TempDir(), "again.json")
			must(t, "convert", folder, "-o", again)
			if got, want := readJSON(t, again)["config"], readJSON(t, path)["config"]; !reflect.DeepEqual(got, want) {
				t.Errorf("imported again: %v, want %v", got, want)
			}
		})
	}
}

// TestExportOfOwn: a network that diffusers does not have, of its own kind or a program,
// goes out and comes in again as it was.
func TestExportOfOwn(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program.json")
	must(t, "convert", filepath.Join("..", "..", "weights", "onnx", "testdata", "plain.onnx"), "-o", program)
	c, err := model.ParseConfig([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	c.UNet.Patch = 2
	patched, _, _, _ := exported(t, c, "npz")
	for name, path := range map[string]string{"program": program, "patched": patched} {
		for _, format := range []string{"safetensors", "npz"} {
			folder, again, first := filepath.Join(dir, name+format), filepath.Join(dir, name+format+".json"), filepath.Join(dir, name+format+"1.json")
			must(t, "convert", path, "-o", first, "--name", "x")
			must(t, "export", first, "-o", folder, "--format", format)
			must(t, "convert", folder, "-o", again, "--name", "x")
			if a, b := readJSON(t, first), readJSON(t, again); !sameShards(a, b) || !reflect.DeepEqual(a["config"], b["config"]) {
				t.Errorf("%s as %s: imported again: %v, want %v", name, format, b, a)
			}
		}
	}
}

// TestExportRefuses: a network that diffusers does not have goes to the other formats only,
// and leaves nothing behind.
func TestExportRefuses(t *testing.T) {
	c, err := model.ParseConfig([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	c.UNet.Patch = 2
	_, folder, stderr, status := exported(t, c, "diffusers")
	if left, _ := os.ReadDir(folder); status != 1 || !strings.Contains(stderr, "has patch = 2, which diffusers' UNet2DModel does not support") || len(left) != 0 {
		t.Errorf("status %d, %q, left %v", status, stderr, left)
	}
	_, folder, stderr, status = exported(t, c, "npz")
	if left, _ := os.ReadDir(folder); status != 0 || !strings.Contains(stderr, "no config.json") || len(left) != 2 || left[0].Name() != "model.npz" || left[1].Name() != "tweedie.json" {
		t.Errorf("status %d, %q, left %v", status, stderr, left)
	}
	if status, _, stderr := call(t, "export", toyModel(t), "-o", t.TempDir(), "--format", "onnx"); status != 2 || !strings.Contains(stderr, `--format must be one of diffusers, safetensors, npz (got "onnx")`) {
		t.Errorf("status %d, %q", status, stderr)
	}
}

// writeModel writes a model that was not trained.
func writeModel(t testing.TB, path string, c *model.Config) {
	manifest, tensors := modeltest.Tensors(t, modeltest.Of(t, "x", c, 0), weights.Storage{DType: weights.F32})
	if err := weights.Write(path, manifest, tensors); err != nil {
		t.Fatal(err)
	}
}

// What diffusers saved and was converted goes back to diffusers, and means the same again.
func TestExportBack(t *testing.T) {
	dir := t.TempDir()
	const folders = "../../weights/importer/testdata/diffusers/"
	for _, name := range []string{"new", "ddpm", "learned-time"} {
		var answers [2][]byte
		from := folders + name
		for i := range answers {
			model, out, back := filepath.Join(dir, name+".json"), filepath.Join(dir, "out.npy"), filepath.Join(dir, name)
			must(t, "convert", from, "-o", model, "--no-measure")
			args := []string{"forward", model, "--x", folders + name + "/x.npy", "--t", folders + name + "/t.npy", "-o", out}
			if name == "new" {
				args = append(args, "--y", folders+name+"/y.npy")
			}
			must(t, args...)
			var err error
			if answers[i], err = os.ReadFile(out); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				must(t, "export", model, "-o", back)
				from = back
			}
		}
		if !bytes.Equal(answers[0], answers[1]) {
			t.Errorf("%s: the exported network answers something else", name)
		}
	}
}
