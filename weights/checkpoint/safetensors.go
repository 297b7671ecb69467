package checkpoint

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tweedie/weights"
	"tweedie/weights/lazytensor"
)

// maxIndex bounds the index of a sharded checkpoint.
const maxIndex = 16 << 20

// openSafetensors lists the tensors of a safetensors file.
func (f *File) openSafetensors() error {
	in, err := os.Open(f.Path)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	f.closers = append(f.closers, in)
	f.Kind = Safetensors
	f.Tensors, f.Metadata, err = ParseSafetensors(in, f.Bytes)
	if err != nil {
		return fmt.Errorf("checkpoint: %q: %w", f.Path, err)
	}
	return nil
}

// ParseSafetensors lists the tensors of a safetensors file of size bytes, without reading their
// data. The error wraps weights.ErrCorrupt.
func ParseSafetensors(in io.ReaderAt, size int64) ([]lazytensor.Tensor, map[string]string, error) {
	spans, metadata, begin, err := weights.ReadSafetensorsHeader(in, size)
	if err != nil {
		return nil, nil, err
	}
	tensors := make([]lazytensor.Tensor, len(spans))
	for i, s := range spans {
		tensors[i] = lazytensor.Tensor{Name: s.Name, DType: s.DType, Shape: s.Shape, Read: func() ([]byte, error) {
			data := make([]byte, s.End-s.Begin)
			if _, err := in.ReadAt(data, begin+int64(s.Begin)); err != nil {
				return nil, fmt.Errorf("checkpoint: tensor %q: %w", s.Name, err)
			}
			return data, nil
		}}
	}
	return tensors, metadata, nil
}

// openShards lists the tensors of the files in an index, NAME.index.json, as huggingface_hub
// writes it.
func (f *File) openShards() error {
	text, err := weights.ReadFile(f.Path, maxIndex)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return fmt.Errorf("checkpoint: index %q: %w", f.Path, err)
	}
	if len(index.WeightMap) == 0 {
		return fmt.Errorf("checkpoint: index %q has no weight_map", f.Path)
	}
	f.Kind = Sharded
	found := map[string]bool{}
	for _, name := range slices.Compact(slices.Sorted(maps.Values(index.WeightMap))) {
		if filepath.Base(name) != name || !HasKnownSuffix(name) || strings.HasSuffix(name, ".json") {
			return fmt.Errorf("checkpoint: index %q refers to the file %q: it must be a file of weights in the same folder", f.Path, name)
		}
		shard, err := Open(filepath.Join(filepath.Dir(f.Path), name))
		if err != nil {
			return err
		}
		f.closers = append(f.closers, shard)
		f.Bytes += shard.Bytes
		for _, t := range shard.Tensors {
			if index.WeightMap[t.Name] != name {
				return fmt.Errorf("checkpoint: file %q contains tensor %q, which the index assigns to %q", shard.Path, t.Name, index.WeightMap[t.Name])
			}
			found[t.Name] = true
			f.Tensors = append(f.Tensors, t)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(index.WeightMap)) {
		if !found[name] {
			return fmt.Errorf("checkpoint: tensor %q is not in file %q, to which the index assigns it", name, index.WeightMap[name])
		}
	}
	return nil
}
