package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// File is the verified content of a model file.
type File struct {
	Manifest *Manifest
	tensors  []Tensor
	index    map[string]int
}

// Decode reads the model's shards, given in the manifest's order, and checks
// everything that FORMAT.md requires of them: sizes, hashes, names, shapes, finite
// weights, valid scales. shards are left unchanged and not kept.
//
// It allocates little more than m.RawBytes(), one shard at a time and only after
// the shard's hash has been verified. Errors wrap ErrCorrupt.
func (m *Manifest) Decode(shards [][]byte) (*File, error) {
	if len(shards) != len(m.Shards) {
		return nil, fmt.Errorf("weights: %w: got %d of %d shards", ErrCorrupt, len(shards), len(m.Shards))
	}
	return m.DecodeFrom(func(i int) ([]byte, [sha256.Size]byte) { return shards[i], sha256.Sum256(shards[i]) })
}

// DecodeFrom is Decode for a caller that provides each shard and its SHA-256 on
// request, in order, so that only one shard need be in memory at a time. The caller
// computes the sum because a browser does so many times faster than wasm.
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
	if err := f.mergeParts(); err != nil {
		return nil, fmt.Errorf("weights: %w: %w", ErrCorrupt, err)
	}
	return f, nil
}

// add checks the tensors of a shard and adds them. The error names the first tensor
// that violates the format.
func (f *File) add(tensors []Tensor) error {
	for i := range tensors {
		t := &tensors[i]
		if err := t.check(); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if _, ok := f.index[t.Name]; ok {
			return fmt.Errorf("tensor %q is in an earlier shard too", t.Name)
		}
		f.index[t.Name] = len(f.tensors)
		f.tensors = append(f.tensors, *t)
	}
	return nil
}

// Tensors returns every tensor, in the order of the file. The slice and the tensors'
// data belong to the File: do not modify them.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor returns the tensor of that name, or nil. It belongs to the File: do not
// modify it.
func (f *File) Tensor(name string) *Tensor {
	i, ok := f.index[name]
	if !ok {
		return nil
	}
	return &f.tensors[i]
}

// Float32 returns the numbers of the tensor of that name, dequantized, as a new
// slice, and its shape. The error names a tensor that the model does not have.
func (f *File) Float32(name string) ([]float32, []int, error) {
	t := f.Tensor(name)
	if t == nil {
		return nil, nil, fmt.Errorf("weights: tensor %q is not in model %q", name, f.Manifest.Name)
	}
	data, err := t.Float32()
	return data, t.Shape, err
}

// Parameters returns the number of weights in the model, without scales.
func (f *File) Parameters() int {
	n := 0
	for i := range f.tensors {
		n += f.tensors[i].Len()
	}
	return n
}

// decode returns the tensors of the shard with their scales. data is the shard's
// bytes and sum their SHA-256. The values of the tensors are not checked.
func (s *Shard) decode(data []byte, sum [sha256.Size]byte) ([]Tensor, error) {
	if len(data) != s.Bytes {
		return nil, fmt.Errorf("must be %d bytes (got %d)", s.Bytes, len(data))
	}
	if hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, fmt.Errorf("SHA-256 must be %s (got %x)", s.SHA256, sum)
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

// decompress decompresses the zstd frames of data, which must give size bytes. The
// decoder runs on the caller's goroutine and never allocates more than size and a
// window.
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
		return nil, fmt.Errorf("zstd decompresses to %d bytes instead of %d", len(raw), size)
	}
	return raw, nil
}

// assemble converts the arrays of a shard to the model's tensors: it joins byte
// planes, and attaches to codes the scales from the array NAME.scale.
func assemble(arrays []Tensor) ([]Tensor, error) {
	byName := map[string]*Tensor{}
	for i := range arrays {
		t := &arrays[i]
		if err := t.joinPlanes(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if byName[t.Name] != nil {
			return nil, fmt.Errorf("tensor %q occurs twice", t.Name)
		}
		byName[t.Name] = t
	}
	var tensors []Tensor
	for i := range arrays {
		t := &arrays[i]
		if owner, ok := strings.CutSuffix(t.Name, scaleSuffix); ok && byName[owner] != nil && (byName[owner].coded() || byName[owner].DType == u8) {
			continue
		}
		if err := t.attachScale(byName[t.Name+scaleSuffix]); err != nil {
			return nil, err
		}
		tensors = append(tensors, *t)
	}
	return tensors, nil
}

// joinPlanes converts t to the F16 tensor that it represents, if it is one of byte planes.
func (t *Tensor) joinPlanes() error {
	name, ok := strings.CutSuffix(t.Name, planesSuffix)
	if !ok || t.DType != u8 {
		return nil
	}
	if len(t.Shape) == 0 || t.Shape[0] != 2 {
		return fmt.Errorf("byte planes must have 2 on the first axis (got shape %v)", t.Shape)
	}
	n := len(t.Data) / 2
	joined := make([]byte, 0, 2*n)
	for i := range n {
		joined = append(joined, t.Data[i], t.Data[n+i])
	}
	t.Name, t.DType, t.Shape, t.Data = name, F16, t.Shape[1:], joined
	return nil
}

// attachScale sets the scales of t, if it holds codes, from the array scale. It does
// nothing if scale is nil.
func (t *Tensor) attachScale(scale *Tensor) error {
	axes, dtype := 1, F32
	switch t.DType {
	case I8:
	case u8:
		axes, dtype = 2, F16
	default:
		return nil
	}
	if scale == nil {
		return nil // check reports this
	}
	if scale.DType != dtype || len(scale.Shape) != axes {
		return fmt.Errorf("tensor %q: %s of shape %v must be %s of %d axes as the scale of %q", scale.Name, scale.DType, scale.Shape, dtype, axes, t.Name)
	}
	values, err := scale.Float32()
	if err != nil {
		return err
	}
	t.Scale = values
	if t.DType == u8 && len(t.Shape) > 0 { // only the scales show whether the number of rows is odd
		t.DType, t.Shape = I4, append([]int{scale.Shape[0]}, t.Shape[1:]...)
	}
	return nil
}
