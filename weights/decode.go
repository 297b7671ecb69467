package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// File is the content of a model file, verified.
type File struct {
	Manifest *Manifest
	tensors  []Tensor
	index    map[string]int
}

// Decode reads the model's shards, which stand in the manifest's order, and
// checks everything FORMAT.md demands of them: sizes, hashes, names, shapes, that
// weights are finite and scales usable. shards are left unchanged and not kept.
//
// It allocates m.RawBytes() and little more, a shard at a time and only after the
// hash of that shard has proven right. An error wraps ErrCorrupt.
func (m *Manifest) Decode(shards [][]byte) (*File, error) {
	if len(shards) != len(m.Shards) {
		return nil, fmt.Errorf("weights: %w: got %d shards, need %d", ErrCorrupt, len(shards), len(m.Shards))
	}
	return m.DecodeFrom(func(i int) ([]byte, [sha256.Size]byte) { return shards[i], sha256.Sum256(shards[i]) })
}

// DecodeFrom is Decode for a caller that hands over a shard and its SHA-256 when it
// is asked for them: one after the other, so that one at a time has to be in memory. A
// browser computes the sum many times faster than a program inside it.
func (m *Manifest) DecodeFrom(shard func(i int) ([]byte, [sha256.Size]byte)) (*File, error) {
	f := &File{Manifest: m, index: map[string]int{}}
	for i := range m.Shards {
		data, sum := shard(i)
		tensors, err := m.Shards[i].decode(data, sum)
		if err == nil {
			err = f.add(tensors)
		}
		if err != nil {
			return nil, fmt.Errorf("weights: %w: shard %q: %w", ErrCorrupt, m.Shards[i].File, err)
		}
	}
	if err := f.join(); err != nil {
		return nil, fmt.Errorf("weights: %w: %w", ErrCorrupt, err)
	}
	return f, nil
}

// add takes the tensors of a shard in, or names one that breaks a rule.
func (f *File) add(tensors []Tensor) error {
	for i := range tensors {
		t := &tensors[i]
		if err := t.check(); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if _, ok := f.index[t.Name]; ok {
			return fmt.Errorf("tensor %q stands in an earlier shard too", t.Name)
		}
		f.index[t.Name] = len(f.tensors)
		f.tensors = append(f.tensors, *t)
	}
	return nil
}

// Tensors returns every tensor, in the order of the file. The slice and its bytes
// are the File's own: read them only.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor returns the tensor of that name, or nil. Its bytes are the File's own.
func (f *File) Tensor(name string) *Tensor {
	i, ok := f.index[name]
	if !ok {
		return nil
	}
	return &f.tensors[i]
}

// Float32 returns the numbers of the tensor of that name, dequantised, as a new
// slice, and its shape. The error names a tensor that is not there.
func (f *File) Float32(name string) ([]float32, []int, error) {
	t := f.Tensor(name)
	if t == nil {
		return nil, nil, fmt.Errorf("weights: tensor %q is not in model %q", name, f.Manifest.Name)
	}
	data, err := t.Float32()
	return data, t.Shape, err
}

// Parameters returns how many weights the model has; scales are not counted.
func (f *File) Parameters() int {
	n := 0
	for i := range f.tensors {
		n += f.tensors[i].Len()
	}
	return n
}

// decode returns the tensors of the shard whose bytes are data, of SHA-256 sum,
// scales attached. What stands in a tensor is not yet checked.
func (s *Shard) decode(data []byte, sum [sha256.Size]byte) ([]Tensor, error) {
	if len(data) != s.Bytes {
		return nil, fmt.Errorf("is %d bytes, need %d", len(data), s.Bytes)
	}
	if hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, fmt.Errorf("SHA-256 is %x, need %s", sum, s.SHA256)
	}
	raw, err := decompress(data, s.RawBytes)
	if err != nil {
		return nil, err
	}
	tensors, _, err := parseSafetensors(raw)
	if err != nil {
		return nil, err
	}
	return assemble(tensors)
}

// decompress returns what the zstd frames of data hold, size bytes. The decoder
// runs on the caller's goroutine and never allocates more than size and a window.
func decompress(data []byte, size int) ([]byte, error) {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxWindow(2*MaxShard),
		zstd.WithDecoderMaxMemory(2*MaxShard),
		zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	raw, err := d.DecodeAll(data, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("zstd, %d bytes expected: %w", size, err)
	}
	if len(raw) != size {
		return nil, fmt.Errorf("zstd holds %d bytes, need %d", len(raw), size)
	}
	return raw, nil
}

// assemble turns the arrays of a shard into the model's tensors: byte planes are
// joined, and codes get their companions, NAME.scale.
func assemble(stored []Tensor) ([]Tensor, error) {
	byName := map[string]*Tensor{}
	for i := range stored {
		t := &stored[i]
		if err := t.join(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if byName[t.Name] != nil {
			return nil, fmt.Errorf("tensor %q stands twice", t.Name)
		}
		byName[t.Name] = t
	}
	var tensors []Tensor
	for i := range stored {
		t := &stored[i]
		if owner, ok := strings.CutSuffix(t.Name, scaleSuffix); ok && byName[owner] != nil && (byName[owner].coded() || byName[owner].DType == u8) {
			continue
		}
		if err := t.attach(byName[t.Name+scaleSuffix]); err != nil {
			return nil, err
		}
		tensors = append(tensors, *t)
	}
	return tensors, nil
}

// join makes t, if it holds byte planes, the F16 tensor that they are of.
func (t *Tensor) join() error {
	name, ok := strings.CutSuffix(t.Name, planesSuffix)
	if !ok || t.DType != u8 {
		return nil
	}
	if len(t.Shape) == 0 || t.Shape[0] != 2 {
		return fmt.Errorf("holds byte planes of shape %v, need 2 on the first axis", t.Shape)
	}
	n := len(t.Data) / 2
	joined := make([]byte, 0, 2*n)
	for i := range n {
		joined = append(joined, t.Data[i], t.Data[n+i])
	}
	t.Name, t.DType, t.Shape, t.Data = name, F16, t.Shape[1:], joined
	return nil
}

// attach gives t, if it holds codes, the scales that stand beside it, nil for none.
func (t *Tensor) attach(scale *Tensor) error {
	axes, dtype := 1, F32
	switch t.DType {
	case I8:
	case u8:
		axes, dtype = 2, F16
	default:
		return nil
	}
	if scale == nil {
		return nil // which check reports
	}
	if scale.DType != dtype || len(scale.Shape) != axes {
		return fmt.Errorf("tensor %q: is %s of shape %v, need %s and %d axes: it is the scale of %q", scale.Name, scale.DType, scale.Shape, dtype, axes, t.Name)
	}
	values, err := scale.Float32()
	if err != nil {
		return err
	}
	t.Scale = values
	if t.DType == u8 && len(t.Shape) > 0 { // the scales know how many rows there are
		t.DType, t.Shape = I4, append([]int{scale.Shape[0]}, t.Shape[1:]...)
	}
	return nil
}
