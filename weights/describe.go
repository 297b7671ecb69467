//go:build !js

package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// maxSafetensors is the largest size of a safetensors file in bytes.
const maxSafetensors = 1 << 40

// The values of Description.Kind.
const (
	KindModel       = "model"
	KindSafetensors = "safetensors"
)

// Description describes the content of a file, for people and, as JSON, for programs.
type Description struct {
	Kind       string            `json:"kind"`               // KindModel or KindSafetensors
	Path       string            `json:"path"`               // the file described
	Name       string            `json:"name,omitempty"`     // of a model
	Version    int               `json:"version,omitempty"`  // of a model's format
	Bytes      int               `json:"bytes"`              // size of all shards, or of the safetensors file
	RawBytes   int               `json:"raw_bytes"`          // the same, decompressed
	SHA256     string            `json:"sha256,omitempty"`   // of a safetensors file, or of a model's manifest: see Manifest.SHA256
	Parameters int               `json:"parameters"`         // numbers in all tensors, without scales
	Config     jsontext.Value    `json:"config,omitempty"`   // of a model
	Card       jsontext.Value    `json:"card,omitempty"`     // of a model; nil for none
	Metadata   map[string]string `json:"metadata,omitempty"` // of a safetensors file; nil for none
	Shards     []Shard           `json:"shards,omitempty"`   // of a model
	Tensors    []TensorInfo      `json:"tensors"`            // in the order of the file
}

// TensorInfo describes one tensor.
type TensorInfo struct {
	Name   string `json:"name"`
	DType  DType  `json:"dtype"`
	Shape  []int  `json:"shape"`
	Bytes  int    `json:"bytes"`  // decompressed, including the scales of codes
	SHA256 string `json:"sha256"` // of the numbers as stored, little-endian and row-major, without scales
}

// Describe describes a model (path is its manifest) or a safetensors file. It
// reads everything; the errors for a model are those of Open. In a safetensors
// file only the structure is checked: numbers may be anything.
func Describe(path string) (*Description, error) {
	if filepath.Ext(path) == ".safetensors" {
		return describeSafetensors(path, func(*Tensor) {})
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

// Verify checks everything in a model (path is its manifest) or in a safetensors
// file: sizes, hashes, names, shapes, finite numbers, valid scales. Unlike Open it
// continues after a problem: the error joins all of them, one per line. Without an
// error the result is that of Describe.
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

// describe describes the model, which it reads once more, and closes r.
func (r *Reader) describe() (*Description, error) {
	defer r.Close()
	m := r.Manifest
	d := &Description{
		Kind: KindModel, Path: r.path, Name: m.Name, Version: m.Version, SHA256: m.SHA256,
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

// describeSafetensors describes a safetensors file and calls visit with each of its tensors.
func describeSafetensors(path string, visit func(t *Tensor)) (*Description, error) {
	f, err := openRegular(path, maxSafetensors)
	if err != nil {
		return nil, asCorrupt(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	spans, metadata, begin, err := ReadSafetensorsHeader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%w (file %q)", err, path)
	}
	size, sum := int(info.Size()), sha256.New()
	if _, err := io.CopyN(sum, f, begin); err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	d := &Description{Kind: KindSafetensors, Path: path, Bytes: size, RawBytes: size, Metadata: metadata, Tensors: make([]TensorInfo, len(spans))}
	for i, s := range spans { // they are contiguous and reach the end of the file
		s.Data = make([]byte, s.End-s.Begin)
		if _, err := io.ReadFull(f, s.Data); err != nil {
			return nil, fmt.Errorf("weights: tensor %q: %w (file %q)", s.Name, err, path)
		}
		sum.Write(s.Data)
		visit(&s.Tensor)
		d.Tensors[i] = s.describe()
		d.Parameters += s.Len()
	}
	d.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return d, nil
}

// ReadSafetensorsHeader reads the header of a safetensors file of size bytes. It returns
// the results of ParseSafetensorsHeader and begin, the offset of the tensors in the file.
// It allocates no more than the file has bytes.
func ReadSafetensorsHeader(in io.ReaderAt, size int64) (spans []Span, metadata map[string]string, begin int64, err error) {
	var prefix [8]byte
	if _, err := in.ReadAt(prefix[:], 0); err != nil {
		return nil, nil, 0, fmt.Errorf("weights: %w: safetensors file must be at least 8 bytes (got %d)", ErrCorrupt, size)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > MaxHeader || int64(n) > size-8 {
		return nil, nil, 0, fmt.Errorf("weights: %w: safetensors header must be at most %d bytes (got %d)", ErrCorrupt, min(MaxHeader, size-8), n)
	}
	header := make([]byte, n)
	if _, err := in.ReadAt(header, 8); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, 0, fmt.Errorf("weights: %w", err)
	}
	begin = 8 + int64(n)
	spans, metadata, err = ParseSafetensorsHeader(header, int(size-begin))
	return spans, metadata, begin, err
}

func verifySafetensors(path string) (*Description, error) {
	var problems []error
	d, err := describeSafetensors(path, func(t *Tensor) {
		if err := t.checkFinite(); err != nil {
			problems = append(problems, fmt.Errorf("weights: tensor %q: %w", t.Name, err))
		}
	})
	if err == nil && problems != nil {
		return nil, errors.Join(problems...)
	}
	return d, err
}

// checkKind reports a path that is not that of a manifest, by its name, and says which
// file is needed.
func checkKind(path string) error {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case strings.HasSuffix(path, ShardSuffix):
		return fmt.Errorf("weights: %q is a shard of a model: give the model's manifest, NAME.json", path)
	case ext == ".bin" || ext == ".pt" || ext == ".pth" || ext == ".ckpt":
		return fmt.Errorf("weights: %q is a PyTorch pickle: tweedie convert makes a model, NAME.json, of it", path)
	}
	return nil
}
