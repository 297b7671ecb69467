//go:build !js

package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/modeltest"
	"tweedie/weights"
)

// The models of the tests are small U-Nets with random weights. Their images are noise, but
// every weight and every code path changes the hash.
// One is in colour, with classes and guidance, preconditioned as EDM; the other
// is gray, without classes, on a chain, whose ends its noise levels are.
const (
	colour = `{"title": "Colour", "arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 40,
		"shape": [3, 8, 8], "classes": ["red", "green", "blue"], "null_class": 3, "defaults": {"sampler": "dpmpp2m", "steps": 5, "guidance": 1.5},
		"unet": {"sample_size": 8, "in_channels": 3, "out_channels": 3, "block_out_channels": [16, 32],
			"down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
			"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5, "attention_head_dim": 8, "downsample_padding": 1,
			"flip_sin_to_cos": true, "freq_shift": 0, "num_class_embeds": 4}}`
	gray = `{"arch": "unet2d", "prediction": "epsilon", "schedule": {"kind": "linear"}, "sigma_min": 0.0100005, "sigma_max": 157.40729,
		"shape": [1, 8, 8], "defaults": {"steps": 4},
		"unet": {"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": [16],
			"down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"],
			"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5, "attention_head_dim": null, "downsample_padding": 0,
			"flip_sin_to_cos": false, "freq_shift": 1, "num_class_embeds": null}}`
)

// modelFile is a model as files, and the engine that reads it here.
type modelFile struct {
	manifest []byte
	parsed   *weights.Manifest
	shards   [][]byte
	engine   *engine.Engine
}

// newModel makes a model of a configuration and random weights.
func newModel(t testing.TB, name, config string) *modelFile {
	t.Helper()
	f := newFiles(t, name, config)
	var err error
	if f.engine, err = engine.Open(f.file(t), engine.Options{}); err != nil {
		t.Fatal(err)
	}
	return f
}

// file reads the files.
func (f *modelFile) file(t testing.TB) *weights.File {
	t.Helper()
	file, err := f.parsed.Decode(f.shards)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// newFiles is newModel without an engine.
func newFiles(t testing.TB, name, config string) *modelFile {
	t.Helper()
	manifest, shards := modeltest.Encode(t, name, modeltest.New(t, name, config, 0.1), weights.Storage{DType: weights.I8})
	parsed, err := weights.ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	return &modelFile{manifest: manifest, parsed: parsed, shards: shards}
}

// put serves the model as /models/NAME.json.
func (f *modelFile) put(s *site, name string) {
	s.put("/models/"+name+".json", f.manifest)
	for i, shard := range f.parsed.Shards {
		s.put("/models/"+shard.File, f.shards[i])
	}
}

// openFile opens a model from files.
func openFile(t testing.TB, path string) *modelFile {
	t.Helper()
	f := &modelFile{}
	var err error
	if f.manifest, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if f.parsed, err = weights.ParseManifest(f.manifest); err != nil {
		t.Fatal(err)
	}
	for _, s := range f.parsed.Shards {
		shard, err := os.ReadFile(filepath.Join(filepath.Dir(path), s.File))
		if err != nil {
			t.Fatal(err)
		}
		f.shards = append(f.shards, shard)
	}
	file, err := f.parsed.Decode(f.shards)
	if err != nil {
		t.Fatal(err)
	}
	if f.engine, err = engine.Open(file, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	return f
}
