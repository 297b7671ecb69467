package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"tweedie/core/model"
	"tweedie/core/readertest"
	"tweedie/weights"
)

// TestHostileModel: a manifest and shards that mean harm are refused within bounds, and so
// is what they say of the network.
func TestHostileModel(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := z.EncodeAll(make([]byte, 256<<20), nil)
	sum := sha256.Sum256(bomb)
	shard := func(raw int) string {
		return fmt.Sprintf(`{"file":"m.000.00000000.safetensors.zst","bytes":%d,"sha256":"%s","raw_bytes":%d}`, len(bomb), hex.EncodeToString(sum[:]), raw)
	}
	manifest := func(config, shards string) string {
		return `{"format":"tweedie-model","version":1,"name":"m","config":` + config + `,"shards":[` + shards + `]}`
	}
	unet := func(members string) string {
		return `{"arch":"unet2d","prediction":"edm","sigma_data":0.5,"sigma_min":0.1,"sigma_max":1,"shape":[1,8,8],"defaults":{},"unet":{` + members + `}}`
	}
	for _, c := range []struct{ name, want, text string }{
		{"bomb", "zstd", manifest("{}", shard(1<<20))},
		{"bomb as it is", "raw_bytes", manifest("{}", shard(256<<20))},
		{"nesting", "levels of nesting", strings.Repeat("[", weights.MaxManifest)},
		{"nested objects", "", strings.Repeat(`{"config":`, 100_000)},
		{"long", "must be at most", strings.Repeat(" ", weights.MaxManifest+1)},
		{"many shards", "shards", manifest("{}", strings.Repeat(shard(100)+",", 4000)+shard(100))},
		{"many members", "", `{` + strings.Repeat(`"a":1,`, 170_000) + `"b":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.json")
			for name, data := range map[string][]byte{path: []byte(c.text), filepath.Join(filepath.Dir(path), "m.000.00000000.safetensors.zst"): bomb} {
				if err := os.WriteFile(name, data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			readertest.Refuses(t, c.want, 96<<20, func() error { _, err := weights.Open(path); return err })
		})
	}
	for name, config := range map[string]string{
		"2^31 channels":  unet(`"sample_size":8,"in_channels":1,"out_channels":1,"block_out_channels":[2147483647],"down_block_types":["DownBlock2D"],"up_block_types":["UpBlock2D"],"layers_per_block":1,"norm_num_groups":1,"norm_eps":1e-5`),
		"2^31 layers":    unet(`"sample_size":8,"in_channels":1,"out_channels":1,"block_out_channels":[8],"down_block_types":["DownBlock2D"],"up_block_types":["UpBlock2D"],"layers_per_block":2147483647,"norm_num_groups":1,"norm_eps":1e-5`),
		"2^31 classes":   unet(`"sample_size":8,"in_channels":1,"out_channels":1,"block_out_channels":[8],"down_block_types":["DownBlock2D"],"up_block_types":["UpBlock2D"],"layers_per_block":1,"norm_num_groups":1,"norm_eps":1e-5,"num_class_embeds":2147483647`),
		"2^31 pixels":    unet(`"sample_size":2147483648,"in_channels":1,"out_channels":1,"block_out_channels":[8],"down_block_types":["DownBlock2D"],"up_block_types":["UpBlock2D"],"layers_per_block":1,"norm_num_groups":1,"norm_eps":1e-5`),
		"many levels":    unet(`"block_out_channels":[` + strings.Repeat("8,", 100_000) + `8]`),
		"a long program": `{"arch":"program","prediction":"edm","sigma_data":0.5,"sigma_min":0.1,"sigma_max":1,"shape":[1,8,8],"defaults":{},"program":{"inputs":[` + strings.Repeat(`{"name":"x","shape":[8,8,1]},`, 20_000) + `{}],"ops":[]}}`,
		"a long chain":   `{"arch":"unet2d","prediction":"epsilon","schedule":{"kind":"linear","steps":2147483647},"sigma_min":0.1,"sigma_max":1,"shape":[1,8,8],"defaults":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			readertest.Refuses(t, "", 96<<20, func() error {
				_, err := model.Outline(&weights.Manifest{Name: "m", Config: jsontext.Value(config)})
				return err
			})
		})
	}
}

// TestHostileFolder: the same for what stands beside a checkpoint of diffusers.
func TestHostileFolder(t *testing.T) {
	source := filepath.Join("..", "..", "core", "unet", "testdata", "gray")
	config, err := os.ReadFile(filepath.Join(source, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	weightsFile, err := os.ReadFile(filepath.Join(source, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ config, scheduler string }{
		"nested config":      {strings.Repeat(`{"a":`, 180_000), "{}"},
		"nested scheduler":   {string(config), strings.Repeat("[", 1<<20)},
		"long config":        {strings.Repeat(" ", 2<<20), "{}"},
		"2^31 steps":         {string(config), `{"_class_name":"DDPMScheduler","beta_schedule":"linear","beta_start":1e-4,"beta_end":0.02,"num_train_timesteps":2147483647}`},
		"negative steps":     {string(config), `{"_class_name":"DDPMScheduler","beta_schedule":"linear","beta_start":1e-4,"beta_end":0.02,"num_train_timesteps":-1}`},
		"many betas":         {string(config), `{"_class_name":"DDPMScheduler","trained_betas":[` + strings.Repeat("2,", 400_000) + `2]}`},
		"2^40 channels":      {strings.Replace(string(config), "16", "1099511627776", 1), "{}"},
		"2^31 layers":        {strings.Replace(string(config), `"layers_per_block": 1`, `"layers_per_block": 2147483647`, 1), "{}"},
		"another json":       {"null", "null"},
		"a number too large": {strings.Replace(string(config), "1e-06", "1e999", 1), "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, data := range map[string][]byte{"config.json": []byte(c.config), "scheduler_config.json": []byte(c.scheduler), "diffusion_pytorch_model.safetensors": weightsFile} {
				if err := os.WriteFile(filepath.Join(dir, file), data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			readertest.Refuses(t, "", 96<<20, func() error {
				status, _, stderr := call(t, "convert", dir, "-o", filepath.Join(dir, "out.json"), "--no-measure")
				if status == 0 {
					return nil
				}
				return errors.New(stderr)
			})
		})
	}
}
