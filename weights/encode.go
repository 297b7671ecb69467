package weights

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Encode returns the manifest and the shards of a model, as Write writes them to
// disk. tensors may be in any order: they are encoded in the order of their names.
func Encode(stem string, m *Manifest, tensors []Tensor) (manifest []byte, shards [][]byte, err error) {
	e, err := NewEncoder(stem, m, func(_ Shard, data []byte) error {
		shards = append(shards, data)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if err := e.addAll(tensors); err != nil {
		return nil, nil, err
	}
	manifest, err = e.Close()
	return manifest, shards, err
}

// Encoder encodes a model from tensors that are added one by one. It keeps at most one
// shard of them in memory.
//
// The bytes depend only on the content, not on the machine or the time. Shards are
// filled one after another.
type Encoder struct {
	stem   string
	m      *Manifest
	put    func(Shard, []byte) error
	group  []Tensor // the arrays of the shard that is being filled
	filled int      // an upper bound of its size in bytes
	last   string   // name of the last tensor
	names  map[string]bool
	zstd   *zstd.Encoder // reused for all shards: its tables are large
}

// NewEncoder begins a model. m gives Name, Config and Card; its Format, Version and
// Shards are set. The names of the shards begin with stem, usually the manifest's file
// name without ".json", of letters, digits, '.', '_' and '-'. put is called with each
// shard once it is complete, and may keep data.
func NewEncoder(stem string, m *Manifest, put func(s Shard, data []byte) error) (*Encoder, error) {
	if !plain(stem) {
		return nil, fmt.Errorf("weights: file name %q must consist of letters, digits, '.', '_' and '-' and begin with a letter or digit", stem)
	}
	if m == nil {
		return nil, errors.New("weights: the manifest must not be nil")
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("weights: manifest: %w", err)
	}
	m.Format, m.Version, m.Shards = Format, Version, nil
	// Weights are close to their entropy: faster levels store them uncompressed.
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("weights: zstd: %w", err)
	}
	return &Encoder{stem: stem, m: m, put: put, filled: shardRoom, names: map[string]bool{}, zstd: z}, nil
}

// shardLimit bounds the uncompressed size of a shard. It leaves room for what zstd adds to
// incompressible data, three bytes per block of 128 KiB. shardRoom bounds the size of a
// safetensors file without tensors.
const shardLimit, shardRoom = MaxShard - 4096, 64

// Add adds a tensor, which it keeps until the shard is complete. Tensors must be added in
// the order of their names. A tensor that does not fit into the rest of a shard is split
// into parts of some rows each if that rest is large. The error is put's, or names what
// violates the format: a type other than F32, F16, I8 and I4, a name that is already
// used, a number that is not finite, rows too long for a shard.
func (e *Encoder) Add(t Tensor) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("weights: tensor %q: %w", t.Name, err)
	}
	if t.Name < e.last {
		return fmt.Errorf("weights: tensor %q was added after %q: tensors must be added in the order of their names", t.Name, e.last)
	}
	e.last = t.Name
	arrays, size := t.arrays(), 0
	for i := range arrays {
		size += len(arrays[i].Data) + entryBytes(&arrays[i])
	}
	if e.filled+size <= shardLimit {
		return e.add(arrays, size)
	}
	fits := size+shardRoom <= shardLimit // into an empty shard
	if fits && shardLimit-e.filled < maxUnused {
		return e.add(arrays, size)
	}
	for _, most := range []int{maxUnused, shardLimit / 4 * 3} {
		if parts := t.split(size/most + 1); parts != nil {
			return e.addParts(t.Name, parts)
		}
		if fits {
			return e.add(arrays, size)
		}
	}
	return fmt.Errorf("weights: tensor %q: needs %d bytes as %s of shape %v, a shard has room for %d: store it in fewer bits", t.Name, size, t.DType, t.Shape, shardLimit-shardRoom)
}

// maxUnused is the most room that a shard leaves unused if the next tensor can be split
// into smaller parts.
const maxUnused = shardLimit / 8

// addParts adds the tensor of that name as several parts.
func (e *Encoder) addParts(name string, parts []Tensor) error {
	if e.names[name] {
		return fmt.Errorf("weights: tensor %q: the name is already used", name)
	}
	e.names[name] = true
	for _, p := range parts {
		e.last = "" // parts are in numerical, not alphabetical order
		if err := e.Add(p); err != nil {
			return err
		}
	}
	for i := range e.group { // so that the last part does not keep the whole tensor in memory
		e.group[i].Data = bytes.Clone(e.group[i].Data)
	}
	e.last = name
	return nil
}

// add adds the arrays of a tensor to the current shard, or to the next if there is no
// room. They take at most size bytes, which fit into a shard.
func (e *Encoder) add(arrays []Tensor, size int) error {
	for i := range arrays {
		s := &arrays[i]
		if e.names[s.Name] {
			return fmt.Errorf("weights: tensor %q: the name is already used", s.Name)
		}
		e.names[s.Name] = true
	}
	if e.filled+size > shardLimit || len(e.group)+len(arrays) > maxEntries {
		if err := e.flush(); err != nil {
			return err
		}
	}
	e.group, e.filled = append(e.group, arrays...), e.filled+size
	return nil
}

// addAll adds tensors, which may be in any order.
func (e *Encoder) addAll(tensors []Tensor) error {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range sorted {
		if err := e.Add(t); err != nil {
			return err
		}
	}
	return nil
}

// flush compresses the current shard, passes it to put and begins the next.
func (e *Encoder) flush() error {
	tensors := ordered(e.group)
	raw, err := encodeSafetensors(tensors, nil)
	if err != nil {
		return err
	}
	ends := frames(tensors, len(raw))
	e.group, e.filled = nil, shardRoom // frees the tensors before the shard is compressed
	var data []byte
	start := 0
	for _, end := range ends {
		data = e.zstd.EncodeAll(raw[start:end], data)
		start = end
	}
	sum := sha256.Sum256(data)
	s := Shard{
		File:     fmt.Sprintf("%s.%03d.%x%s", e.stem, len(e.m.Shards), sum[:4], ShardSuffix),
		Bytes:    len(data),
		SHA256:   hex.EncodeToString(sum[:]),
		RawBytes: len(raw),
	}
	if err := checkFile(s.File); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	if len(e.m.Shards) == MaxShards {
		return fmt.Errorf("weights: the tensors take more than %d shards, the most that a model may have: store them in fewer bits", MaxShards)
	}
	e.m.Shards = append(e.m.Shards, s)
	return e.put(s, data)
}

// frames returns the offsets at which the zstd frames of a safetensors file end. tensors
// are in the order of the file, which has size bytes. Each byte plane or array of
// minFrame bytes or more gets its own frame, because its bytes have a distribution of
// their own; smaller ones share a frame.
func frames(tensors []Tensor, size int) []int {
	at := size
	for i := range tensors {
		at -= len(tensors[i].Data)
	}
	ends, own := []int{at}, false // own: the last frame belongs to one array
	for i := range tensors {
		n, arrays := len(tensors[i].Data), 1
		if strings.HasSuffix(tensors[i].Name, planesSuffix) {
			n, arrays = n/2, 2
		}
		for range arrays {
			at += n
			if large := n >= minFrame; large || own {
				ends, own = append(ends, at), large
			} else {
				ends[len(ends)-1] = at
			}
		}
	}
	return ends
}

// minFrame is the size in bytes from which an array gets its own zstd frame: its own
// entropy code then saves more than the code and the frame's header take.
const minFrame = 4096

// Close passes the last shard to put and returns the manifest, which ParseManifest accepts.
func (e *Encoder) Close() ([]byte, error) {
	if len(e.names) == 0 {
		return nil, fmt.Errorf("weights: the model must have at least one tensor")
	}
	defer e.zstd.Close()
	if err := e.flush(); err != nil {
		return nil, err
	}
	data, err := e.m.encode()
	if err != nil {
		return nil, err
	}
	if _, err := ParseManifest(data); err != nil {
		return nil, err
	}
	return data, nil
}

// entryBytes bounds the bytes that t takes in addition to its data: its entry in the
// safetensors header (the name, which escaping makes up to six times as long, the fixed
// text, and numbers of up to ten digits) and up to three zstd frames: one for each of two
// byte planes, and one for what follows.
func entryBytes(t *Tensor) int { return 6*len(t.Name) + 100 + 11*len(t.Shape) + 3*frameBytes }

// frameBytes bounds the overhead of a zstd frame: RFC 8878, section 3.1.1.
const frameBytes = 4 + 14 + 4
