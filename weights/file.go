//go:build !js

package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ManifestSuffix ends the name of every manifest.
const ManifestSuffix = ".json"

// Write writes a model: the manifest to path, NAME.json, and beside it the shards,
// NAME.NNN.HHHHHHHH.safetensors.zst with the number of the shard and the first
// eight digits of its SHA-256. m gives Name, Config and Card; its Format, Version
// and Shards are set. Encode says what the bytes are.
//
// A model that stood at path stays whole until the new manifest takes its place in
// one step, whatever happens meanwhile; its shards are removed afterwards.
func Write(path string, m *Manifest, tensors []Tensor) error {
	folder, base := filepath.Split(path)
	stem, ok := strings.CutSuffix(base, ManifestSuffix)
	if !ok {
		return fmt.Errorf("weights: model file %q: need a name that ends in %q", path, ManifestSuffix)
	}
	manifest, shards, err := Encode(stem, m, tensors)
	if err != nil {
		return err
	}
	old, err := readManifest(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
		return err
	}
	for i, data := range shards {
		if err := WriteAtomic(filepath.Join(folder, m.Shards[i].File), data); err != nil {
			return err
		}
	}
	if err := WriteAtomic(path, manifest); err != nil {
		return err
	}
	return removeShards(folder, stem, old, m)
}

// removeShards removes the shards of the model that stood at the same path before
// and that the new one does not share.
func removeShards(folder, stem string, old, m *Manifest) error {
	if old == nil {
		return nil
	}
	keep := map[string]bool{}
	for _, s := range m.Shards {
		keep[s.File] = true
	}
	for _, s := range old.Shards {
		if keep[s.File] || !strings.HasPrefix(s.File, stem+".") {
			continue
		}
		if err := os.Remove(filepath.Join(folder, s.File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("weights: remove the replaced shard: %w", err)
		}
	}
	return nil
}

// Open reads the model whose manifest is the file path and whose shards stand
// beside it, and verifies it as Decode does. The error wraps ErrCorrupt or
// ErrVersion for what is in the files, a missing shard included.
func Open(path string) (*File, error) {
	m, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	shards := make([][]byte, len(m.Shards))
	for i := range m.Shards {
		if shards[i], err = readShard(path, &m.Shards[i]); err != nil {
			return nil, err
		}
	}
	f, err := m.Decode(shards)
	if err != nil {
		return nil, fmt.Errorf("%w (model %q)", err, path)
	}
	return f, nil
}

func readManifest(path string) (*Manifest, error) {
	data, err := readFile(path, MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%w (model %q)", err, path)
	}
	return m, nil
}

// readShard reads a shard that stands beside the manifest at path.
func readShard(path string, s *Shard) ([]byte, error) {
	data, err := readFile(filepath.Join(filepath.Dir(path), s.File), MaxShard)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("weights: %w: shard %q is missing (model %q)", ErrCorrupt, s.File, path)
	}
	return data, err
}

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("weights: read %q: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("weights: read %q: is %s, need a file", path, kind(info.Mode()))
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("weights: %w: %q is %d bytes, need at most %d", ErrCorrupt, path, info.Size(), limit)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights: read %q: %w", path, err)
	}
	return data, nil
}

func kind(mode fs.FileMode) string {
	if mode.IsDir() {
		return "a folder"
	}
	return "no regular file"
}
