// Package modeltest makes small models for tests.
package modeltest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/nn"
	"tweedie/core/rng"
	"tweedie/weights"
)

// New returns a model of a configuration in JSON, with the weights of Of.
func New(t testing.TB, name, config string, sd float32) *model.Model {
	t.Helper()
	c, err := model.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return Of(t, name, c, sd)
}

// Of returns a model with the weights that training starts from, and noise of standard
// deviation sd on all of them: without it residual branches are zero.
func Of(t testing.TB, name string, c *model.Config, sd float32) *model.Model {
	t.Helper()
	return Filled(t, name, c, func(params *graph.Params) {
		nn.Initialize(params, 3)
		noise := make([]float32, len(params.Flat))
		rng.Normal(noise, 1, 2, 3)
		for i := range noise {
			params.Flat[i] += sd * noise[i]
		}
	})
}

// Filled returns a model with the weights that fill writes.
func Filled(t testing.TB, name string, c *model.Config, fill func(*graph.Params)) *model.Model {
	t.Helper()
	net, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	params := graph.NewParams(net.Program)
	fill(params)
	m, err := model.New(name, c, params)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Tensors returns what a file of m holds: its manifest and its tensors, stored as s says.
func Tensors(t testing.TB, m *model.Model, s weights.Storage) (*weights.Manifest, []weights.Tensor) {
	t.Helper()
	tensors, err := m.Tensors(s)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := m.Manifest(nil)
	if err != nil {
		t.Fatal(err)
	}
	return manifest, tensors
}

// Encode returns m as files of the name: a manifest and shards.
func Encode(t testing.TB, name string, m *model.Model, s weights.Storage) (manifest []byte, shards [][]byte) {
	t.Helper()
	header, tensors := Tensors(t, m, s)
	manifest, shards, err := weights.Encode(name, header, tensors)
	if err != nil {
		t.Fatal(err)
	}
	return manifest, shards
}

// Decode reads a model's files.
func Decode(t testing.TB, manifest []byte, shards [][]byte) *weights.File {
	t.Helper()
	m, err := weights.ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Decode(shards)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Summed returns a manifest that a test has changed with the SHA-256 that it now has: see
// weights/FORMAT.md.
func Summed(manifest []byte) []byte {
	zeros := strings.Repeat("0", 64)
	first := regexp.MustCompile(`"sha256": "([0-9a-f]{64})"`).FindSubmatchIndex(manifest)
	if first == nil {
		return manifest
	}
	out := slices.Concat(manifest[:first[2]], []byte(zeros), manifest[first[3]:])
	copy(out[first[2]:], fmt.Sprintf("%x", sha256.Sum256(bytes.TrimSpace(out))))
	return out
}
