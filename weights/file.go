//go:build !js

package weights

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// ManifestSuffix ends the name of every manifest.
const ManifestSuffix = ".json"

// Write writes a model whose tensors, in any order, are at hand: see Create.
func Write(path string, m *Manifest, tensors []Tensor) error {
	w, err := Create(path, m)
	if err != nil {
		return err
	}
	if err := w.encoder.addAll(tensors); err != nil {
		return errors.Join(err, w.Abandon())
	}
	return w.Close()
}

// Writer writes a model to disk tensor by tensor. Close or Abandon ends it.
type Writer struct {
	path, folder, stem string
	m, old             *Manifest
	encoder            *Encoder
}

// Create begins to write a model: the manifest to path, NAME.json, and beside it the
// shards, NAME.NNN.HHHHHHHH.safetensors.zst with the number of the shard and the first
// eight digits of its SHA-256. m gives Name, Config and Card; its Format, Version
// and Shards are set. Encoder says what the bytes are.
//
// A model that stood at path stays whole until Close puts the new manifest in its
// place in one step, whatever happens meanwhile; its shards are removed afterwards.
func Create(path string, m *Manifest) (*Writer, error) {
	w := &Writer{path: path, m: m}
	folder, base := filepath.Split(path)
	stem, ok := strings.CutSuffix(base, ManifestSuffix)
	if !ok {
		return nil, fmt.Errorf("weights: model file %q: need a name that ends in %q", path, ManifestSuffix)
	}
	w.folder, w.stem = folder, stem
	var err error
	if w.encoder, err = NewEncoder(stem, m, w.put); err != nil {
		return nil, err
	}
	w.old, err = readManifest(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
		return nil, err
	}
	return w, nil
}

func (w *Writer) put(s Shard, data []byte) error {
	return WriteAtomic(filepath.Join(w.folder, s.File), data)
}

// Add is the Encoder's.
func (w *Writer) Add(t Tensor) error { return w.encoder.Add(t) }

// Close puts the model in its place. On an error what stood there stays, and what was
// written goes.
func (w *Writer) Close() error {
	manifest, err := w.encoder.Close()
	if err == nil {
		err = WriteAtomic(w.path, manifest)
	}
	if err != nil {
		return errors.Join(err, w.Abandon())
	}
	return errors.Join(w.remove(w.old, w.m), w.sweep(time.Now().Add(-time.Hour)))
}

// sweep removes what writers that were killed before that time left behind: files under
// way, and shards of this name that no manifest in the folder names.
func (w *Writer) sweep(before time.Time) error {
	entries, err := os.ReadDir(cmp.Or(w.folder, "."))
	if err != nil {
		return fmt.Errorf("weights: look for what is left of an earlier model: %w", err)
	}
	needed := map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ManifestSuffix) {
			continue
		}
		if m, err := readManifest(filepath.Join(w.folder, e.Name())); err == nil {
			for _, s := range m.Shards {
				needed[s.File] = true
			}
		}
	}
	shard := regexp.MustCompile(`^` + regexp.QuoteMeta(w.stem) + `\.\d{3}\.[0-9a-f]{8}` + regexp.QuoteMeta(ShardSuffix) + `$`)
	for _, e := range entries {
		of, left := underWay(e.Name())
		if left = left && (shard.MatchString(of) || of == w.stem+ManifestSuffix); !left {
			left = shard.MatchString(e.Name()) && !needed[e.Name()]
		}
		if info, err := e.Info(); !left || err != nil || info.ModTime().After(before) {
			continue
		}
		if err := os.Remove(filepath.Join(w.folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("weights: remove what is left of an earlier model: %w", err)
		}
	}
	return nil
}

// Abandon removes what was written and leaves what stood there.
func (w *Writer) Abandon() error { return w.remove(w.m, w.old) }

// remove removes the shards of a model of this name that another one, nil for none,
// does not share.
func (w *Writer) remove(gone, kept *Manifest) error {
	if gone == nil {
		return nil
	}
	keep := map[string]bool{}
	if kept != nil {
		for _, s := range kept.Shards {
			keep[s.File] = true
		}
	}
	for _, s := range gone.Shards {
		if keep[s.File] || !strings.HasPrefix(s.File, w.stem+".") {
			continue
		}
		if err := os.Remove(filepath.Join(w.folder, s.File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("weights: remove a shard that no model needs: %w", err)
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
	for i, s := range m.Shards {
		shards[i], err = readFile(filepath.Join(filepath.Dir(path), s.File), MaxShard)
		if err != nil {
			return nil, missing(err, s, path)
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

// missing is what err of reading a shard of the model at path says of the model.
func missing(err error, s Shard, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("weights: %w: shard %q is missing (model %q)", ErrCorrupt, s.File, path)
	}
	return err
}

func readFile(path string, limit int64) ([]byte, error) {
	data, err := ReadFile(path, limit)
	return data, large(err)
}

// large is what err of reading a file says of a model: one of more bytes than there may
// be is corrupt.
func large(err error) error {
	switch {
	case errors.Is(err, ErrLarge):
		return fmt.Errorf("weights: %w: %w", ErrCorrupt, err)
	case err != nil:
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}
