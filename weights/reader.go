//go:build !js

package weights

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Reader reads a model from disk tensor by tensor, with at most two decoded shards in
// memory. It keeps the files open, so that it continues to read the same model even if
// another one replaces it on disk. It is not safe for concurrent use. Call Close at the end.
type Reader struct {
	Manifest   *Manifest
	path       string
	files      []*os.File
	outline    *File               // names, types and shapes
	locations  map[string]location // of the tensors and parts in the shards
	cached     []cachedShard       // the most recently used last
	compressed []byte              // buffer for the bytes of a shard
	decoded    int                 // number of shards decoded so far
}

// location is where a tensor is: the index of the shard, and its index in the shard.
type location struct{ shard, at int }

type cachedShard struct {
	shard   int
	tensors []Tensor
}

// maxCached is the number of decoded shards in memory. It is 2 because a layer's weight
// and bias may be in adjacent shards.
const maxCached = 2

// OpenReader opens the model whose manifest is the file path and verifies it as Open does,
// with the same errors, shard by shard. A shard that is read again is verified again.
func OpenReader(path string) (*Reader, error) {
	return openReader(path, func(err error) error { return err })
}

// openReader is OpenReader with a function that is called with every problem. Reading
// ends with the error that problem returns; it continues if that is nil.
func openReader(path string, problem func(error) error) (*Reader, error) {
	m, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{Manifest: m, path: path, outline: &File{Manifest: m, index: map[string]int{}}, locations: map[string]location{}}
	if err := r.verify(problem); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// verify opens the shards and checks every tensor.
func (r *Reader) verify(problem func(error) error) error {
	for _, s := range r.Manifest.Shards {
		f, err := openRegular(filepath.Join(filepath.Dir(r.path), s.File), MaxShard)
		if err != nil {
			if err := problem(missingShard(asCorrupt(err), s, r.path)); err != nil {
				return err
			}
		}
		r.files = append(r.files, f)
	}
	for i, f := range r.files {
		if f == nil {
			continue
		}
		tensors, err := r.shard(i)
		if err != nil {
			if err := problem(err); err != nil {
				return err
			}
		}
		for at, t := range tensors {
			if err := r.outline.add([]Tensor{t}); err != nil {
				if err := problem(r.corrupt(i, err)); err != nil {
					return err
				}
				continue
			}
			r.locations[t.Name] = location{i, at}
			last := &r.outline.tensors[len(r.outline.tensors)-1]
			last.Data, last.Scale = nil, nil
		}
	}
	if err := r.mergeParts(); err != nil {
		return problem(fmt.Errorf("weights: %w: %w (model %q)", ErrCorrupt, err, r.path))
	}
	return nil
}

// mergeParts replaces the parts of a tensor in the outline by the tensor.
func (r *Reader) mergeParts() error {
	all, err := r.outline.merged()
	if all == nil {
		return err
	}
	f := &File{Manifest: r.Manifest, tensors: all, index: map[string]int{}}
	for i, t := range all {
		if _, ok := f.index[t.Name]; ok {
			return fmt.Errorf("tensor %q is in an earlier shard too", t.Name)
		}
		f.index[t.Name] = i
	}
	r.outline = f
	return nil
}

// corrupt returns err as an error about shard i.
func (r *Reader) corrupt(i int, err error) error {
	return fmt.Errorf("weights: %w: shard %q: %w (model %q)", ErrCorrupt, r.Manifest.Shards[i].File, err, r.path)
}

// shard returns the tensors of shard i, from the cache or from disk. Their values are not
// checked.
func (r *Reader) shard(i int) ([]Tensor, error) {
	if k := slices.IndexFunc(r.cached, func(k cachedShard) bool { return k.shard == i }); k >= 0 {
		found := r.cached[k]
		r.cached = append(slices.Delete(r.cached, k, k+1), found)
		return found.tensors, nil
	}
	s := &r.Manifest.Shards[i]
	info, err := r.files[i].Stat()
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if info.Size() != int64(s.Bytes) {
		return nil, r.corrupt(i, fmt.Errorf("must be %d bytes (got %d)", s.Bytes, info.Size()))
	}
	if cap(r.compressed) < s.Bytes {
		r.compressed = make([]byte, s.Bytes, MaxShard)
	}
	data := r.compressed[:s.Bytes]
	if _, err := r.files[i].ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if len(r.cached) == maxCached {
		r.cached = slices.Delete(r.cached, 0, 1)
	}
	tensors, err := s.decode(data, sha256.Sum256(data))
	if err != nil {
		return nil, r.corrupt(i, err)
	}
	r.cached, r.decoded = append(r.cached, cachedShard{i, tensors}), r.decoded+1
	return tensors, nil
}

// Outline returns the model's tensors without their values: Data and Scale are nil.
func (r *Reader) Outline() *File { return r.outline }

// Tensor returns the tensor of that name. Its data belong to the Reader: do not modify
// them. The error names a tensor that the model does not have, or wraps ErrCorrupt if a
// shard has been changed since it was verified.
func (r *Reader) Tensor(name string) (Tensor, error) {
	t := r.outline.Tensor(name)
	if t == nil {
		return Tensor{}, fmt.Errorf("weights: tensor %q is not in model %q", name, r.Manifest.Name)
	}
	if p, ok := r.locations[name]; ok {
		tensors, err := r.shard(p.shard)
		if err != nil {
			return Tensor{}, err
		}
		return tensors[p.at], nil
	}
	size, err := dataSize(t.DType, t.Shape)
	if err != nil {
		return Tensor{}, fmt.Errorf("weights: tensor %q: %w", name, err)
	}
	out := *t
	out.Data = make([]byte, 0, size)
	for i := 0; len(out.Data) < size; i++ {
		part, err := r.shard(r.locations[name+rowsInfix+strconv.Itoa(i)].shard)
		if err != nil {
			return Tensor{}, err
		}
		p := &part[r.locations[name+rowsInfix+strconv.Itoa(i)].at]
		out.Data, out.Scale = append(out.Data, p.Data...), append(out.Scale, p.Scale...)
	}
	return out, nil
}

// Each calls do with every tensor in the order of their names, which is the order in
// shards that Write wrote. The error is do's, or that of Tensor.
func (r *Reader) Each(do func(t Tensor) error) error {
	for _, name := range slices.Sorted(maps.Keys(r.outline.index)) {
		t, err := r.Tensor(name)
		if err == nil {
			err = do(t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close closes the files. Tensor returns an error afterwards.
func (r *Reader) Close() error {
	var all error
	for _, f := range r.files {
		if f != nil {
			all = errors.Join(all, f.Close())
		}
	}
	r.cached, r.compressed = nil, nil
	return all
}

// openRegular opens a file under the conditions of ReadFile, with its errors.
func openRegular(path string, limit int64) (*os.File, error) {
	if err := checkRegular(path, limit); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return f, nil
}
