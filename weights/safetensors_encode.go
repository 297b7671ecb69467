package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"slices"
)

// EncodeSafetensors returns tensors as a safetensors file with the given
// metadata, nil for none. Scales are not written.
//
// Types with larger numbers come first, and tensors of one type are in the order of their
// names, so that every number is aligned and the bytes depend only on the content. The
// error names two tensors of the same name, a tensor whose data does not match its shape,
// or the type I4, which safetensors does not have.
func EncodeSafetensors(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	return encodeSafetensors(ordered(tensors), metadata)
}

// ordered returns tensors in the order of a file.
func ordered(tensors []Tensor) []Tensor {
	out := slices.Clone(tensors)
	slices.SortFunc(out, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.DType, b.DType), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// encodeSafetensors returns tensors, which are in the order of a file, as a safetensors
// file.
func encodeSafetensors(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	header, size, err := safetensorsHeader(tensors, metadata)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 8+len(header)+size)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(header)))
	out = append(out, header...)
	for i := range tensors {
		out = append(out, tensors[i].Data...)
	}
	return out, nil
}

// safetensorsHeader returns the JSON header, padded to a multiple of eight bytes,
// and the size of all tensors in bytes.
func safetensorsHeader(tensors []Tensor, metadata map[string]string) (header []byte, size int, err error) {
	var buf bytes.Buffer
	e := jsonWriter{to: jsontext.NewEncoder(&buf)}
	e.token(jsontext.BeginObject)
	if metadata != nil {
		e.name("__metadata__").token(jsontext.BeginObject)
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			e.name(key).token(jsontext.String(metadata[key]))
		}
		e.token(jsontext.EndObject)
	}
	for i := range tensors {
		t := &tensors[i]
		if t.Name == "__metadata__" {
			return nil, 0, fmt.Errorf("weights: tensor %q: safetensors reserves the name for metadata", t.Name)
		}
		if err := checkName(t.Name); err != nil {
			return nil, 0, fmt.Errorf("weights: tensor %q: %w", t.Name, err)
		}
		if n, err := byteSize(t.DType, t.Shape); err != nil || n != len(t.Data) {
			return nil, 0, fmt.Errorf("weights: tensor %q: %d bytes do not match shape %v of %s", t.Name, len(t.Data), t.Shape, t.DType)
		}
		e.name(t.Name).token(jsontext.BeginObject)
		e.name("dtype").token(jsontext.String(string(t.DType)))
		e.name("shape").integers(t.Shape...)
		e.name("data_offsets").integers(size, size+len(t.Data))
		e.token(jsontext.EndObject)
		size += len(t.Data)
	}
	e.token(jsontext.EndObject)
	if e.err != nil {
		return nil, 0, fmt.Errorf("weights: safetensors header: %w", e.err)
	}
	header = bytes.TrimRight(buf.Bytes(), "\n")
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	return header, size, nil
}
