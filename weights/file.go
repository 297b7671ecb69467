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

// ManifestSuffix is the end of the file name of every manifest.
const ManifestSuffix = ".json"

// Write writes a model of the given tensors, in any order, to path as Create does.
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

// Writer writes a model to disk tensor by tensor. Call Close or Abandon at the end.
type Writer struct {
	path, folder, stem string
	m, old             *Manifest
	encoder            *Encoder
}

// Create begins to write a model: the manifest to path, NAME.json, and the shards to
// the same folder as NAME.NNN.HHHHHHHH.safetensors.zst, with the number of the shard and
// the first eight digits of its SHA-256. m gives Name, Config and Card; its Format,
// Version and Shards are set. The bytes are those of an Encoder.
//
// A model that already exists at path remains valid until Close replaces its manifest
// in one step, whatever happens before; its shards are removed afterwards.
func Create(path string, m *Manifest) (*Writer, error) {
	w := &Writer{path: path, m: m}
	folder, base := filepath.Split(path)
	stem, ok := strings.CutSuffix(base, ManifestSuffix)
	if !ok {
		return nil, fmt.Errorf("weights: model file %q: the name must end in %q", path, ManifestSuffix)
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

// Add adds a tensor as Encoder.Add does.
func (w *Writer) Add(t Tensor) error { return w.encoder.Add(t) }

// Close completes the model, replaces the previous one at path and removes its shards. On
// an error the previous model is kept and the new shards are removed.
func (w *Writer) Close() error {
	manifest, err := w.encoder.Close()
	if err == nil {
		err = WriteAtomic(w.path, manifest)
	}
	if err != nil {
		return errors.Join(err, w.Abandon())
	}
	return errors.Join(w.remove(w.old, w.m), w.removeStale(time.Now().Add(-time.Hour)))
}

// removeStale removes the files that killed writers of a model of this name left in the
// folder and that are not younger than before: temporary files, and shards to which no
// manifest in the folder refers.
func (w *Writer) removeStale(before time.Time) error {
	entries, err := os.ReadDir(cmp.Or(w.folder, "."))
	if err != nil {
		return fmt.Errorf("weights: look for files of an interrupted write: %w", err)
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
		target, stale := temporaryFor(e.Name())
		if stale = stale && (shard.MatchString(target) || target == w.stem+ManifestSuffix); !stale {
			stale = shard.MatchString(e.Name()) && !needed[e.Name()]
		}
		if info, err := e.Info(); !stale || err != nil || info.ModTime().After(before) {
			continue
		}
		if err := os.Remove(filepath.Join(w.folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("weights: remove a file of an interrupted write: %w", err)
		}
	}
	return nil
}

// Abandon removes the new shards and keeps the previous model.
func (w *Writer) Abandon() error { return w.remove(w.m, w.old) }

// remove removes the shards of old, a model of this name, that kept does not use. Either
// may be nil.
func (w *Writer) remove(old, kept *Manifest) error {
	if old == nil {
		return nil
	}
	keep := map[string]bool{}
	if kept != nil {
		for _, s := range kept.Shards {
			keep[s.File] = true
		}
	}
	for _, s := range old.Shards {
		if keep[s.File] || !strings.HasPrefix(s.File, w.stem+".") {
			continue
		}
		if err := os.Remove(filepath.Join(w.folder, s.File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("weights: remove an unused shard: %w", err)
		}
	}
	return nil
}

// Open reads the model whose manifest is the file path and whose shards are in the
// same folder, and verifies it as Decode does. Errors about the content of the
// files, or a missing shard, wrap ErrCorrupt or ErrVersion.
func Open(path string) (*File, error) {
	m, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	shards := make([][]byte, len(m.Shards))
	for i, s := range m.Shards {
		shards[i], err = readFile(filepath.Join(filepath.Dir(path), s.File), MaxShard)
		if err != nil {
			return nil, missingShard(err, s, path)
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

// missingShard returns err, of reading the shard s of the model at path, as ErrCorrupt if
// the file does not exist.
func missingShard(err error, s Shard, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("weights: %w: shard %q is missing (model %q)", ErrCorrupt, s.File, path)
	}
	return err
}

func readFile(path string, limit int64) ([]byte, error) {
	data, err := ReadFile(path, limit)
	return data, asCorrupt(err)
}

// asCorrupt returns err, of reading a file of a model, with the package's prefix, and as
// ErrCorrupt if the file is too large.
func asCorrupt(err error) error {
	switch {
	case errors.Is(err, ErrLarge):
		return fmt.Errorf("weights: %w: %w", ErrCorrupt, err)
	case err != nil:
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}
