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

// Reader reads a model from disk tensor by tensor, and has two shards of it in memory at
// most. Its files stay open, so that the model is what it was even where another one takes
// its place meanwhile. It is not for several goroutines at once. Close ends it.
type Reader struct {
	Manifest *Manifest
	path     string
	files    []*os.File
	outline  *File            // names, types and shapes
	places   map[string]place // of the tensors and parts that stand in shards
	kept     []keptShard      // the one that was read last comes last
	packed   []byte           // where a shard is before it is decoded
	read     int              // shards decoded so far
}

// place says where a tensor stands: the shard, and its number there.
type place struct{ shard, at int }

type keptShard struct {
	shard   int
	tensors []Tensor
}

// shardsKept is how many shards stay in memory: an operation's weights and its bias may
// stand on both sides of a border.
const shardsKept = 2

// OpenReader opens the model whose manifest is the file path, and verifies it as Open does,
// with the same errors, shard by shard. A shard that is read again is verified again.
func OpenReader(path string) (*Reader, error) {
	return openReader(path, func(err error) error { return err })
}

// openReader is OpenReader for a caller who is told of every problem, and returns what
// the reading ends with, nil to go on.
func openReader(path string, problem func(error) error) (*Reader, error) {
	m, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{Manifest: m, path: path, outline: &File{Manifest: m, index: map[string]int{}}, places: map[string]place{}}
	if err := r.verify(problem); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// verify opens the shards and looks at every tensor.
func (r *Reader) verify(problem func(error) error) error {
	for _, s := range r.Manifest.Shards {
		f, err := openRegular(filepath.Join(filepath.Dir(r.path), s.File), MaxShard)
		if err != nil {
			if err := problem(missing(large(err), s, r.path)); err != nil {
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
			r.places[t.Name] = place{i, at}
			last := &r.outline.tensors[len(r.outline.tensors)-1]
			last.Data, last.Scale = nil, nil
		}
	}
	if err := r.join(); err != nil {
		return problem(fmt.Errorf("weights: %w: %w (model %q)", ErrCorrupt, err, r.path))
	}
	return nil
}

// join puts together what stands in parts, as far as names and shapes.
func (r *Reader) join() error {
	all, err := r.outline.whole()
	if all == nil {
		return err
	}
	f := &File{Manifest: r.Manifest, tensors: all, index: map[string]int{}}
	for i, t := range all {
		if _, ok := f.index[t.Name]; ok {
			return fmt.Errorf("tensor %q stands in an earlier shard too", t.Name)
		}
		f.index[t.Name] = i
	}
	r.outline = f
	return nil
}

// corrupt is a problem with shard i.
func (r *Reader) corrupt(i int, err error) error {
	return fmt.Errorf("weights: %w: shard %q: %w (model %q)", ErrCorrupt, r.Manifest.Shards[i].File, err, r.path)
}

// shard returns the tensors of shard i, verified but for what stands in them.
func (r *Reader) shard(i int) ([]Tensor, error) {
	if k := slices.IndexFunc(r.kept, func(k keptShard) bool { return k.shard == i }); k >= 0 {
		found := r.kept[k]
		r.kept = append(slices.Delete(r.kept, k, k+1), found)
		return found.tensors, nil
	}
	s := &r.Manifest.Shards[i]
	info, err := r.files[i].Stat()
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if info.Size() != int64(s.Bytes) {
		return nil, r.corrupt(i, fmt.Errorf("is %d bytes, need %d", info.Size(), s.Bytes))
	}
	if cap(r.packed) < s.Bytes {
		r.packed = make([]byte, s.Bytes, MaxShard)
	}
	data := r.packed[:s.Bytes]
	if _, err := r.files[i].ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if len(r.kept) == shardsKept {
		r.kept = slices.Delete(r.kept, 0, 1)
	}
	tensors, err := s.decode(data, sha256.Sum256(data))
	if err != nil {
		return nil, r.corrupt(i, err)
	}
	r.kept, r.read = append(r.kept, keptShard{i, tensors}), r.read+1
	return tensors, nil
}

// Outline returns the model's tensors without their numbers: Data and Scale are nil.
func (r *Reader) Outline() *File { return r.outline }

// Tensor returns the tensor of that name. Its bytes are the Reader's own: read them only.
// The error names a tensor that is not there, or wraps ErrCorrupt where a shard has been
// changed since it was verified.
func (r *Reader) Tensor(name string) (Tensor, error) {
	t := r.outline.Tensor(name)
	if t == nil {
		return Tensor{}, fmt.Errorf("weights: tensor %q is not in model %q", name, r.Manifest.Name)
	}
	if p, ok := r.places[name]; ok {
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
		part, err := r.shard(r.places[name+rowsInfix+strconv.Itoa(i)].shard)
		if err != nil {
			return Tensor{}, err
		}
		p := &part[r.places[name+rowsInfix+strconv.Itoa(i)].at]
		out.Data, out.Scale = append(out.Data, p.Data...), append(out.Scale, p.Scale...)
	}
	return out, nil
}

// Each calls do with every tensor, in the order of names, which is that of the shards
// that Write makes. The error is do's, or Tensor's.
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

// Close ends the reading: tensors that are asked for afterwards are an error.
func (r *Reader) Close() error {
	var all error
	for _, f := range r.files {
		if f != nil {
			all = errors.Join(all, f.Close())
		}
	}
	r.kept, r.packed = nil, nil
	return all
}

// openRegular opens what ReadFile reads, with its errors.
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
