package weights

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"tweedie/core/minijson"
)

// MaxHeader bounds the JSON header of a safetensors file in bytes, maxEntries the number
// of its members.
const MaxHeader, maxEntries = 16 << 20, maxMembers

// ParseSafetensors reads a safetensors file (format of
// github.com/huggingface/safetensors, version 0.4 and later): eight bytes of
// header length, a JSON header, the tensors' bytes. It returns the tensors in the
// order of their bytes, and the header's metadata, nil for none.
//
// Tensors share data's memory. Their structure is checked: names are unique, each
// shape has the size that its offsets give, and the offsets cover the buffer
// exactly once, without gap or overlap. Values are not checked.
//
// Errors wrap ErrCorrupt.
func ParseSafetensors(data []byte) ([]Tensor, map[string]string, error) {
	tensors, metadata, err := parseSafetensors(data)
	if err != nil {
		return nil, nil, fmt.Errorf("weights: %w: %w", ErrCorrupt, err)
	}
	return tensors, metadata, nil
}

func parseSafetensors(data []byte) ([]Tensor, map[string]string, error) {
	if len(data) < 8 {
		return nil, nil, fmt.Errorf("safetensors file must be at least 8 bytes (got %d)", len(data))
	}
	n, body := binary.LittleEndian.Uint64(data), data[8:]
	if n > MaxHeader || n > uint64(len(body)) {
		return nil, nil, fmt.Errorf("safetensors header must be at most %d bytes (got %d)", min(MaxHeader, len(body)), n)
	}
	body = body[n:]
	spans, metadata, err := parseHeader(data[8:8+n], len(body))
	if err != nil {
		return nil, nil, err
	}
	tensors := make([]Tensor, len(spans))
	for i, s := range spans {
		tensors[i] = s.Tensor
		tensors[i].Data = body[s.Begin:s.End:s.End]
	}
	return tensors, metadata, nil
}

// Span is a tensor of a safetensors file without its Data, which are the bytes
// [Begin, End) after the header.
type Span struct {
	Tensor
	Begin, End int
}

// ParseSafetensorsHeader reads the JSON header of a safetensors file whose tensors
// take size bytes, for files that do not fit in memory. It makes the checks of
// ParseSafetensors. Errors wrap ErrCorrupt.
func ParseSafetensorsHeader(header []byte, size int) ([]Span, map[string]string, error) {
	spans, metadata, err := parseHeader(header, size)
	if err != nil {
		return nil, nil, fmt.Errorf("weights: %w: %w", ErrCorrupt, err)
	}
	return spans, metadata, nil
}

func parseHeader(header []byte, size int) ([]Span, map[string]string, error) {
	members, err := parse(header)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors header: %w", err)
	}
	var metadata map[string]string
	spans := make([]Span, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) { // sorted, so that the first error is always the same
		if name == "__metadata__" {
			if metadata, err = parseMetadata(members[name]); err != nil {
				return nil, nil, fmt.Errorf("safetensors metadata: %w", err)
			}
			continue
		}
		s, err := parseSpan(name, members[name], size)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", minijson.Clip(name), err)
		}
		spans = append(spans, s)
	}
	return spans, metadata, arrangeSpans(spans, size)
}

// parseSpan reads one entry of the header, for a buffer of the given size.
func parseSpan(name string, v minijson.RawMessage, size int) (Span, error) {
	s := Span{Tensor: Tensor{Name: name}}
	if err := checkName(name); err != nil {
		return s, err
	}
	members, err := object(v, 3)
	if err != nil {
		return s, fmt.Errorf("%w: it must have dtype, shape and data_offsets", err)
	}
	if len(members) != 3 || members["dtype"] == nil || members["shape"] == nil || members["data_offsets"] == nil {
		return s, fmt.Errorf("must have the members dtype, shape and data_offsets (got %d members)", len(members))
	}
	dtype, err := text(members["dtype"])
	if err != nil {
		return s, fmt.Errorf("dtype %w", err)
	}
	s.DType = DType(dtype)
	if s.Shape, err = integers(members["shape"], MaxAxes, math.MaxInt32); err != nil {
		return s, fmt.Errorf("shape %w", err)
	}
	offsets, err := integers(members["data_offsets"], 2, size)
	if err != nil {
		return s, fmt.Errorf("data_offsets %w", err)
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		return s, fmt.Errorf("data_offsets must be two numbers in ascending order (got %v)", offsets)
	}
	s.Begin, s.End = offsets[0], offsets[1]
	n, err := byteSize(s.DType, s.Shape)
	if err != nil {
		return s, err
	}
	if n != s.End-s.Begin {
		return s, fmt.Errorf("has %d bytes, [%d, %d), shape %v of %s needs %d", s.End-s.Begin, s.Begin, s.End, s.Shape, dtype, n)
	}
	return s, nil
}

// arrangeSpans sorts spans by their offsets and reports whether they cover size bytes
// exactly once.
func arrangeSpans(spans []Span, size int) error {
	slices.SortFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End), cmp.Compare(a.Name, b.Name))
	})
	at := 0
	for _, s := range spans {
		if s.Begin != at {
			return fmt.Errorf("tensor %q begins at byte %d instead of %d, the end of the tensor before it", s.Name, s.Begin, at)
		}
		at = s.End
	}
	if at != size {
		return fmt.Errorf("the last tensor ends at byte %d instead of %d, the end of the file", at, size)
	}
	return nil
}

// integers returns the values of an array of at most limit integers in [0, largest].
func integers(v minijson.RawMessage, limit, largest int) ([]int, error) {
	elements, err := array(v, limit)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(elements))
	for i, e := range elements {
		if numbers[i], err = integer(e, largest); err != nil {
			return nil, fmt.Errorf("[%d] %w", i, err)
		}
	}
	return numbers, nil
}

// parseMetadata reads an object of strings.
func parseMetadata(v minijson.RawMessage) (map[string]string, error) {
	members, err := object(v, maxMembers)
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{}
	for key, value := range members {
		if metadata[key], err = text(value); err != nil {
			return nil, fmt.Errorf("%q %w", key, err)
		}
	}
	return metadata, nil
}
