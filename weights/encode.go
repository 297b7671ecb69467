package weights

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Encode returns the manifest and the shards of a model, as Write would put them
// on disk: those of an Encoder that is given tensors in the order of their names.
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

// Encoder makes a model of tensors that it is given one by one, and has no more than
// a shard of them in memory.
//
// The bytes depend on nothing but the content: not on the machine or the time. A
// shard is filled before the next is begun.
type Encoder struct {
	stem   string
	m      *Manifest
	put    func(Shard, []byte) error
	group  []Tensor // as stored, of the shard that is being filled
	filled int      // bytes of it at most
	last   string   // name of the last tensor
	names  map[string]bool
	zstd   *zstd.Encoder // whose tables are large: made once
}

// NewEncoder begins a model. m gives Name, Config and Card; its Format, Version and
// Shards are set. stem, usually the manifest's file name without ".json", begins the
// names of the shards and is made of letters, digits, '.', '_' and '-'. put is called
// with every shard when it is full, and keeps data.
func NewEncoder(stem string, m *Manifest, put func(s Shard, data []byte) error) (*Encoder, error) {
	if !plain(stem) {
		return nil, fmt.Errorf("weights: file name %q: need letters, digits, '.', '_' and '-', beginning with a letter or digit", stem)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("weights: manifest: %w", err)
	}
	m.Format, m.Version, m.Shards = Format, 1, nil
	// Weights are near their entropy: faster levels store them as they are.
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("weights: zstd: %w", err)
	}
	return &Encoder{stem: stem, m: m, put: put, filled: shardRoom, names: map[string]bool{}, zstd: z}, nil
}

// The most that a shard is filled: less what zstd adds to bytes it cannot shrink, three
// bytes a block of 128 KiB. shardRoom is what a safetensors file takes without tensors.
const shardLimit, shardRoom = MaxShard - 4096, 64

// Add adds a tensor, which it keeps until the shard is full. Tensors come in the order
// of their names; one that does not go into what is left of a shard, if that is much, is
// split into rows. The error is put's, or names what breaks the format: another type than
// F32, F16, I8 and I4, a name that is taken, a number that is not finite, rows too long
// for a shard.
func (e *Encoder) Add(t Tensor) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("weights: tensor %q: %w", t.Name, err)
	}
	if t.Name < e.last {
		return fmt.Errorf("weights: tensor %q comes after %q, need the order of names", t.Name, e.last)
	}
	e.last = t.Name
	stored, size := t.stored(), 0
	for i := range stored {
		size += len(stored[i].Data) + entryBytes(&stored[i])
	}
	if e.filled+size <= shardLimit {
		return e.add(stored, size)
	}
	whole := size+shardRoom <= shardLimit
	if whole && shardLimit-e.filled < spare {
		return e.add(stored, size)
	}
	for _, most := range []int{spare, shardLimit / 4 * 3} {
		if parts := t.split(size/most + 1); parts != nil {
			return e.addParts(t.Name, parts)
		}
		if whole {
			return e.add(stored, size)
		}
	}
	return fmt.Errorf("weights: tensor %q: takes %d bytes as %s of shape %v, a shard holds %d: store it in fewer bits", t.Name, size, t.DType, t.Shape, shardLimit-shardRoom)
}

// spare is the room in a shard that is not left empty, if a tensor can be split into rows
// of less.
const spare = shardLimit / 8

// addParts adds a tensor in parts.
func (e *Encoder) addParts(name string, parts []Tensor) error {
	if e.names[name] {
		return fmt.Errorf("weights: tensor %q: its name is taken", name)
	}
	e.names[name], e.m.Version = true, Version
	for _, p := range parts {
		e.last = "" // parts have an order of their own
		if err := e.Add(p); err != nil {
			return err
		}
	}
	for i := range e.group { // not to keep all of the tensor for the last of its rows
		e.group[i].Data = bytes.Clone(e.group[i].Data)
	}
	e.last = name
	return nil
}

// add adds what is stored for a tensor, which a shard holds, in so many bytes.
func (e *Encoder) add(stored []Tensor, size int) error {
	for i := range stored {
		s := &stored[i]
		if e.names[s.Name] {
			return fmt.Errorf("weights: tensor %q: its name is taken", s.Name)
		}
		e.names[s.Name] = true
		if s.DType == u8 {
			e.m.Version = Version
		}
	}
	if e.filled+size > shardLimit || len(e.group)+len(stored) > maxEntries {
		if err := e.flush(); err != nil {
			return err
		}
	}
	e.group, e.filled = append(e.group, stored...), e.filled+size
	return nil
}

// addAll adds tensors in whatever order they stand.
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

// flush hands over the shard that is being filled.
func (e *Encoder) flush() error {
	tensors := ordered(e.group)
	raw, err := encodeSafetensors(tensors, nil)
	if err != nil {
		return err
	}
	ends := frames(tensors, len(raw))
	e.group, e.filled = nil, shardRoom // the tensors are not needed any more
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
		return fmt.Errorf("weights: the tensors take more than %d shards, need at most that: store them in fewer bits", MaxShards)
	}
	e.m.Shards = append(e.m.Shards, s)
	return e.put(s, data)
}

// frames returns where the zstd frames end of a safetensors file of so many bytes with these
// tensors, ordered: an array of any size has one to itself, for what is frequent in it is
// not what is frequent in the next.
func frames(tensors []Tensor, size int) []int {
	at := size
	for i := range tensors {
		at -= len(tensors[i].Data)
	}
	ends, own := []int{at}, false // own: the last of them is an array's alone
	for i := range tensors {
		n, arrays := len(tensors[i].Data), 1
		if strings.HasSuffix(tensors[i].Name, planesSuffix) {
			n, arrays = n/2, 2
		}
		for range arrays {
			at += n
			if large := n >= ownFrame; large || own {
				ends, own = append(ends, at), large
			} else {
				ends[len(ends)-1] = at
			}
		}
	}
	return ends
}

// ownFrame is the bytes of an array that gain more from a code of their own than the code
// and the frame's header take.
const ownFrame = 4096

// Close hands over the last shard and returns the manifest.
func (e *Encoder) Close() ([]byte, error) {
	if len(e.names) == 0 {
		return nil, fmt.Errorf("weights: there are no tensors, need at least one")
	}
	defer e.zstd.Close()
	if err := e.flush(); err != nil {
		return nil, err
	}
	return e.m.encode()
}

// entryBytes bounds what t takes beside its data: in a safetensors header its name, escaped
// at six bytes for one at the worst, the words around it, and numbers of ten digits; and
// the frames of zstd that begin with it, two of its planes and one of what follows.
func entryBytes(t *Tensor) int { return 6*len(t.Name) + 100 + 11*len(t.Shape) + 3*frameBytes }

// frameBytes bounds what a zstd frame takes beside its blocks: RFC 8878, section 3.1.1.
const frameBytes = 4 + 14 + 4
