package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// OpenFS is Open for a model in a file system, one that was embedded for example.
func OpenFS(fsys fs.FS, name string) (*File, error) {
	if fsys == nil {
		return nil, errors.New("weights: the file system must not be nil")
	}
	data, err := readFS(fsys, name, MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%w (model %q)", err, name)
	}
	shards := make([][]byte, len(m.Shards))
	for i, s := range m.Shards {
		shards[i], err = readFS(fsys, path.Join(path.Dir(name), s.File), MaxShard)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("weights: %w: shard %q is missing (model %q)", ErrCorrupt, s.File, name)
		}
		if err != nil {
			return nil, err
		}
	}
	f, err := m.Decode(shards)
	if err != nil {
		return nil, fmt.Errorf("%w (model %q)", err, name)
	}
	return f, nil
}

// readFS reads a regular file of at most limit bytes.
func readFS(fsys fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("weights: %q is not a regular file", name)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("weights: %w: %q must have at most %d bytes (got %d)", ErrCorrupt, name, limit, info.Size())
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	return data, nil
}
