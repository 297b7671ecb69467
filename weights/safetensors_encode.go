package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"math"
	"slices"
)

// scaleSuffix follows a tensor's name in the name of its scales.
const scaleSuffix = ".scale"

// EncodeSafetensors returns tensors as a safetensors file with the given
// metadata, nil for none. An I8 tensor with scales becomes two: its codes, and
// its scales as F32 under its name followed by ".scale".
//
// Tensors of wider numbers come first and each group is in the order of names, so
// that every number is aligned and the bytes depend on nothing but the content.
// The error names two tensors of one name, or one whose data does not fill its shape.
func EncodeSafetensors(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var flat []Tensor
	for i := range tensors {
		flat = append(flat, tensors[i].stored()...)
	}
	slices.SortFunc(flat, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.Name, b.Name))
	})
	header, size, err := safetensorsHeader(flat, metadata)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 8+len(header)+size)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(header)))
	out = append(out, header...)
	for i := range flat {
		out = append(out, flat[i].Data...)
	}
	return out, nil
}

// stored returns t as the arrays that stand in a safetensors file for it.
func (t *Tensor) stored() []Tensor {
	if t.Scale == nil {
		return []Tensor{*t}
	}
	data := make([]byte, 0, 4*len(t.Scale))
	for _, s := range t.Scale {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(s))
	}
	codes := *t
	codes.Scale = nil
	return []Tensor{codes, {Name: t.Name + scaleSuffix, DType: F32, Shape: []int{len(t.Scale)}, Data: data}}
}

// safetensorsHeader returns the JSON header, padded to a multiple of eight bytes,
// and the bytes of all tensors together.
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
			return nil, 0, fmt.Errorf("weights: tensor %q has the name of safetensors' metadata", t.Name)
		}
		if err := checkName(t.Name); err != nil {
			return nil, 0, fmt.Errorf("weights: tensor %q: %w", t.Name, err)
		}
		if n, err := byteSize(t.DType, t.Shape); err != nil || n != len(t.Data) {
			return nil, 0, fmt.Errorf("weights: tensor %q: %d bytes do not fill shape %v of %s", t.Name, len(t.Data), t.Shape, t.DType)
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
