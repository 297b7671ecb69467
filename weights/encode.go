package weights

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// Encode returns the manifest and the shards of a model, as Write would put them
// on disk. m gives Name, Config and Card; its Format, Version and Shards are set.
// stem, usually the manifest's file name without ".json", begins the names of the
// shards and is made of letters, digits, '.', '_' and '-'.
//
// The bytes depend on nothing but the content: not on the order of tensors, the
// machine or the time. A tensor lies whole in one shard. The error names what
// breaks the format: a tensor of another type than F32, F16 and I8, two of one
// name, a number that is not finite, a tensor too large for a shard.
func Encode(stem string, m *Manifest, tensors []Tensor) (manifest []byte, shards [][]byte, err error) {
	if !plain(stem) {
		return nil, nil, fmt.Errorf("weights: file name %q: need letters, digits, '.', '_' and '-', beginning with a letter or digit", stem)
	}
	if err := m.check(); err != nil {
		return nil, nil, fmt.Errorf("weights: manifest: %w", err)
	}
	groups, err := arrange(tensors)
	if err != nil {
		return nil, nil, err
	}
	m.Format, m.Version, m.Shards = Format, Version, nil
	for i, group := range groups {
		raw, err := EncodeSafetensors(group, nil)
		if err != nil {
			return nil, nil, err
		}
		data, err := compress(raw)
		if err != nil {
			return nil, nil, err
		}
		sum := sha256.Sum256(data)
		s := Shard{
			File:     fmt.Sprintf("%s.%03d.%x%s", stem, i, sum[:4], ShardSuffix),
			Bytes:    len(data),
			SHA256:   hex.EncodeToString(sum[:]),
			RawBytes: len(raw),
		}
		if err := checkFile(s.File); err != nil {
			return nil, nil, fmt.Errorf("weights: %w", err)
		}
		m.Shards = append(m.Shards, s)
		shards = append(shards, data)
	}
	manifest, err = m.encode()
	return manifest, shards, err
}

// arrange checks tensors, sorts them by name and deals them out to shards, each
// filled before the next is begun.
func arrange(tensors []Tensor) ([][]Tensor, error) {
	// What zstd adds to bytes it cannot shrink: three bytes a block of 128 KiB and a
	// frame header; and what a safetensors file is without tensors.
	const limit, room = MaxShard - 4096, 64
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	var shards [][]Tensor
	filled := limit
	names := map[string]bool{}
	for i := range sorted {
		t := &sorted[i]
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("weights: tensor %q: %w", t.Name, err)
		}
		size := 0
		for _, s := range t.stored() {
			if names[s.Name] {
				return nil, fmt.Errorf("weights: tensor %q: its name is taken", s.Name)
			}
			names[s.Name] = true
			size += len(s.Data) + entryBytes(&s)
		}
		if size+room > limit {
			return nil, fmt.Errorf("weights: tensor %q: takes %d bytes as %s, a shard holds %d: store it in fewer bits", t.Name, size, t.DType, limit-room)
		}
		if filled+size > limit {
			shards, filled = append(shards, nil), room
		}
		last := len(shards) - 1
		shards[last], filled = append(shards[last], *t), filled+size
	}
	if len(shards) < 1 || len(shards) > MaxShards {
		return nil, fmt.Errorf("weights: %d tensors take %d shards, need 1 to %d", len(tensors), len(shards), MaxShards)
	}
	return shards, nil
}

// entryBytes bounds what t takes in a safetensors header: its name, escaped at
// six bytes for one at the worst, the words around it, and numbers of ten digits.
func entryBytes(t *Tensor) int { return 6*len(t.Name) + 100 + 11*len(t.Shape) }

// compress returns raw as one zstd frame.
func compress(raw []byte) ([]byte, error) {
	// Weights are near their entropy: faster levels store them as they are.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("weights: zstd: %w", err)
	}
	defer e.Close()
	return e.EncodeAll(raw, nil), nil
}
