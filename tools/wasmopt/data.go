package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// maxGap is the most zeros between two segments that are merged.
const maxGap = 1 << 12

// dataSection is the id of the section with the initial content of memory.
const dataSection = 11

// Optimize returns a WebAssembly module that behaves like the given one, with fewer
// instructions, fewer data segments, and without tables of files and lines. The segments must
// be active segments of memory 0 that do not overlap, as Go's linker writes them.
func Optimize(module []byte) ([]byte, error) {
	const preamble = "\x00asm\x01\x00\x00\x00"
	if !bytes.HasPrefix(module, []byte(preamble)) {
		return nil, errors.New("is not a WebAssembly module of version 1")
	}
	out := []byte(preamble)
	for r := (reader{rest: module[len(preamble):]}); len(r.rest) > 0; {
		id := r.byte()
		body := r.take(r.unsigned())
		if r.err != nil {
			return nil, r.err
		}
		var err error
		switch id {
		case codeSection:
			body, err = foldCode(body)
		case dataSection:
			body, err = optimizeData(body)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, id)
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

// optimizeData returns a data section with fewer segments, without tables of lines.
func optimizeData(section []byte) ([]byte, error) {
	segments, err := parseData(section)
	if err != nil {
		return nil, err
	}
	if segments, err = mergeSegments(segments); err != nil {
		return nil, err
	}
	if err := clearLines(segments); err != nil {
		return nil, err
	}
	return appendData(segments), nil
}

// segment is the initial content of a range of memory.
type segment struct {
	at   uint64
	data []byte
}

func (s segment) end() uint64 { return s.at + uint64(len(s.data)) }

// mergeSegments returns fewer segments with the same data.
func mergeSegments(segments []segment) ([]segment, error) {
	slices.SortStableFunc(segments, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	var joined []segment
	for _, s := range segments {
		last := len(joined) - 1
		if last >= 0 && s.at < joined[last].end() {
			return nil, fmt.Errorf("data at %d overlaps the data at %d", s.at, joined[last].at)
		}
		if last < 0 || s.at-joined[last].end() > maxGap {
			joined = append(joined, segment{at: s.at, data: slices.Clone(s.data)})
			continue
		}
		data := append(joined[last].data, make([]byte, s.at-joined[last].end())...)
		joined[last].data = append(data, s.data...)
	}
	return joined, nil
}

// appendData returns a data section.
func appendData(segments []segment) []byte {
	out := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, s := range segments {
		out = append(out, 0, constant)
		out = appendSigned(out, int64(int32(s.at)))
		out = append(out, end)
		out = binary.AppendUvarint(out, uint64(len(s.data)))
		out = append(out, s.data...)
	}
	return out
}

// parseData returns the segments of a data section.
func parseData(section []byte) ([]segment, error) {
	r := reader{rest: section}
	var segments []segment
	for i := range r.unsigned() {
		s := r.segment()
		if r.err != nil {
			return nil, fmt.Errorf("data segment %d: %w", i, r.err)
		}
		segments = append(segments, s)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("data section has %d bytes after its last segment", len(r.rest))
	}
	return segments, r.err
}

// The opcodes of the address of a segment: i32.const and end.
const (
	constant = 0x41
	end      = 0x0b
)

// reader reads a module sequentially and keeps the first error.
type reader struct {
	rest []byte
	err  error
}

var errShort = errors.New("the module is cut off, or contains a number that is too long")

// segment reads an active segment of memory 0 at a constant address.
func (r *reader) segment() segment {
	if kind, op := r.byte(), r.byte(); r.err == nil && (kind != 0 || op != constant) {
		r.err = fmt.Errorf("must be of memory 0 at a constant (got kind %d and address expression %#x)", kind, op)
	}
	at := uint64(uint32(r.signed()))
	if op := r.byte(); r.err == nil && op != end {
		r.err = errors.New("has an address that is not a constant")
	}
	return segment{at, r.take(r.unsigned())}
}

func (r *reader) byte() byte {
	if b := r.take(1); r.err == nil {
		return b[0]
	}
	return 0
}

func (r *reader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.rest)) {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 && r.err == nil {
		r.err = errShort
	}
	r.take(uint64(max(n, 0)))
	return v
}

// signed reads a signed LEB128 number.
func (r *reader) signed() (v int64) {
	for shift := 0; shift < 64; shift += 7 {
		b := r.byte()
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if b&0x40 != 0 && shift < 57 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	if r.err == nil {
		r.err = errShort
	}
	return 0
}

func appendSigned(to []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		if v >>= 7; v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(to, b)
		}
		to = append(to, b|0x80)
	}
}
