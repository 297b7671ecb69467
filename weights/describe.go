//go:build !js

package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// maxSafetensors bounds a safetensors file of other makers, which is read whole.
const maxSafetensors = 8 << 30

// The values of Description.Kind.
const (
	KindModel       = "model"
	KindSafetensors = "safetensors"
)

// Description is what stands in a file, for people and, as JSON, for programs.
type Description struct {
	Kind       string            `json:"kind"`               // KindModel or KindSafetensors
	Path       string            `json:"path"`               // the file described
	Name       string            `json:"name,omitempty"`     // of a model
	Version    int               `json:"version,omitempty"`  // of a model's format
	Bytes      int               `json:"bytes"`              // stored weights: all shards, or the safetensors file
	RawBytes   int               `json:"raw_bytes"`          // the same, decompressed
	SHA256     string            `json:"sha256,omitempty"`   // of the safetensors file; a model has one a shard
	Parameters int               `json:"parameters"`         // numbers in all tensors, scales not counted
	Config     jsontext.Value    `json:"config,omitempty"`   // of a model
	Card       jsontext.Value    `json:"card,omitempty"`     // of a model that has one
	Metadata   map[string]string `json:"metadata,omitempty"` // of a safetensors file that has some
	Shards     []Shard           `json:"shards,omitempty"`   // of a model
	Tensors    []TensorInfo      `json:"tensors"`            // in the order of the file
}

// TensorInfo describes one tensor.
type TensorInfo struct {
	Name   string `json:"name"`
	DType  DType  `json:"dtype"`
	Shape  []int  `json:"shape"`
	Bytes  int    `json:"bytes"`  // decompressed, the scales of codes included
	SHA256 string `json:"sha256"` // of the numbers as stored, little-endian and row-major, without scales
}

// Describe returns what stands in a model (path is its manifest) or in a
// safetensors file. It reads everything: a model's errors are Open's. In a
// safetensors file only the structure is checked, numbers may be anything.
func Describe(path string) (*Description, error) {
	if filepath.Ext(path) == ".safetensors" {
		d, _, err := describeSafetensors(path)
		return d, err
	}
	if err := checkKind(path); err != nil {
		return nil, err
	}
	r, err := OpenReader(path)
	if err != nil {
		return nil, err
	}
	return r.describe()
}

// Verify checks a model (path is its manifest) or a safetensors file against
// everything that can be known of it: sizes, hashes, names, shapes, and that
// numbers are finite and scales usable. Unlike Open it goes on after a problem:
// the error joins all of them, one a line. Without error it returns what Describe
// returns.
func Verify(path string) (*Description, error) {
	if filepath.Ext(path) == ".safetensors" {
		return verifySafetensors(path)
	}
	if err := checkKind(path); err != nil {
		return nil, err
	}
	var problems []error
	r, err := openReader(path, func(err error) error {
		problems = append(problems, err)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if problems != nil {
		return nil, errors.Join(append(problems, r.Close())...)
	}
	return r.describe()
}

// describe returns what stands in the model, reading it once more, and closes r.
func (r *Reader) describe() (*Description, error) {
	defer r.Close()
	m := r.Manifest
	d := &Description{
		Kind: KindModel, Path: r.path, Name: m.Name, Version: m.Version,
		Bytes: m.Bytes(), RawBytes: m.RawBytes(), Parameters: r.outline.Parameters(),
		Config: m.Config, Card: m.Card, Shards: m.Shards, Tensors: make([]TensorInfo, len(r.outline.tensors)),
	}
	return d, r.Each(func(t Tensor) error {
		d.Tensors[r.outline.index[t.Name]] = t.describe()
		return nil
	})
}

func (t *Tensor) describe() TensorInfo {
	sum := sha256.Sum256(t.Data)
	return TensorInfo{Name: t.Name, DType: t.DType, Shape: t.Shape, Bytes: t.bytes(), SHA256: hex.EncodeToString(sum[:])}
}

func describeSafetensors(path string) (*Description, []Tensor, error) {
	data, err := readFile(path, maxSafetensors)
	if err != nil {
		return nil, nil, err
	}
	tensors, metadata, err := ParseSafetensors(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%w (file %q)", err, path)
	}
	sum := sha256.Sum256(data)
	d := &Description{
		Kind: KindSafetensors, Path: path, Bytes: len(data), RawBytes: len(data),
		SHA256: hex.EncodeToString(sum[:]), Metadata: metadata, Tensors: make([]TensorInfo, len(tensors)),
	}
	for i := range tensors {
		d.Tensors[i] = tensors[i].describe()
		d.Parameters += tensors[i].Len()
	}
	return d, tensors, nil
}

func verifySafetensors(path string) (*Description, error) {
	d, tensors, err := describeSafetensors(path)
	if err != nil {
		return nil, err
	}
	var problems []error
	for i := range tensors {
		if err := tensors[i].checkFinite(); err != nil {
			problems = append(problems, fmt.Errorf("weights: tensor %q: %w", tensors[i].Name, err))
		}
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return d, nil
}

// checkKind names the right tool for files that are plainly no manifest.
func checkKind(path string) error {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case strings.HasSuffix(path, ShardSuffix):
		return fmt.Errorf("weights: %q is a shard of a model, need the model's manifest, NAME.json", path)
	case ext == ".bin" || ext == ".pt" || ext == ".pth" || ext == ".ckpt":
		return fmt.Errorf("weights: %q is a PyTorch pickle, need a model's NAME.json or a .safetensors file", path)
	}
	return nil
}
