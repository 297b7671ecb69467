package onnx

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// source is a file that is read on demand.
type source struct {
	in     io.ReaderAt
	fields int // protobuf fields read so far
}

// ahead bounds the bytes that are read at a time during parsing, and thereby a string or a
// message in memory. maxFields bounds the fields of all messages. Attributes and tensors count
// as perAttribute and perTensor more fields, for the memory that they take.
const (
	ahead, maxFields        = 1 << 16, 1 << 21
	perAttribute, perTensor = 8, 32
)

// count adds to the number of fields and refuses more than maxFields. s is nil where a message
// field has a number in place of a message.
func (s *source) count(fields int) error {
	if s == nil {
		return nil
	}
	if s.fields += fields; s.fields > maxFields {
		return fmt.Errorf("contains more than %d fields", maxFields)
	}
	return nil
}

// section is a range of bytes of a file. Short ones are kept in memory.
type section struct {
	of       *source
	from, to int64
	data     []byte // all of its bytes, or nil
}

// whole returns the section of a complete file of size bytes.
func (s *source) whole(size int64) section { return section{of: s, to: size} }

func (s section) size() int64 { return s.to - s.from }

// field is one field of a message: a number in n, or a section.
type field struct {
	number  int
	n       uint64
	section section
	long    bool // the field is a section
}

// fields calls f for every field of the message. Groups, which ONNX does not use, are an error.
func (s section) fields(f func(field) error) error {
	s, err := s.message()
	if err != nil {
		return err
	}
	buffer, begin := s.data, s.from // begin is the offset of buffer
	for at := s.from; at < s.to; {
		if err := s.of.count(1); err != nil {
			return err
		}
		if end := begin + int64(len(buffer)); end < s.to && end-at < 2*10 { // the most that a tag and a number take
			buffer, begin = make([]byte, min(ahead, s.to-at)), at
			if err := s.of.read(buffer, at); err != nil {
				return err
			}
		}
		b := buffer[at-begin:]
		v, n, size, err := consume(b)
		if err != nil {
			return err
		}
		at += int64(n)
		if v.long {
			if size > uint64(s.to-at) {
				return io.ErrUnexpectedEOF
			}
			v.section = section{of: s.of, from: at, to: at + int64(size)}
			if end := v.section.to - begin; end <= int64(len(buffer)) {
				v.section.data = buffer[at-begin : end : end]
			}
			at = v.section.to
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// consume reads a field's tag and its number, or the size of the section that follows.
func consume(b []byte) (v field, n int, size uint64, err error) {
	number, kind, n := protowire.ConsumeTag(b)
	if n < 0 {
		return v, 0, 0, protowire.ParseError(n)
	}
	v.number = int(number)
	m := 0
	switch kind {
	case protowire.VarintType:
		v.n, m = protowire.ConsumeVarint(b[n:])
	case protowire.Fixed32Type:
		var x uint32
		x, m = protowire.ConsumeFixed32(b[n:])
		v.n = uint64(x)
	case protowire.Fixed64Type:
		v.n, m = protowire.ConsumeFixed64(b[n:])
	case protowire.BytesType:
		v.long = true
		size, m = protowire.ConsumeVarint(b[n:])
	default:
		return v, 0, 0, fmt.Errorf("field %d is a group, which ONNX does not use", number)
	}
	if m < 0 {
		return v, 0, 0, protowire.ParseError(m)
	}
	return v, n + m, size, nil
}

func (s *source) read(b []byte, at int64) error {
	if n, err := s.in.ReadAt(b, at); n < len(b) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// message returns s with its bytes in memory, if it is short.
func (s section) message() (section, error) {
	if s.size() > ahead {
		return s, nil
	}
	var err error
	s.data, err = s.bytes()
	return s, err
}

// bytes returns the bytes of s.
func (s section) bytes() ([]byte, error) {
	if s.data != nil || s.of == nil {
		return s.data, nil
	}
	b := make([]byte, s.size())
	return b, s.of.read(b, s.from)
}

// onDisk returns s without its bytes in memory.
func (s section) onDisk() section {
	s.data = nil
	return s
}

// text returns the section as a string.
func (s section) text() (string, error) {
	if s.size() > ahead {
		return "", fmt.Errorf("contains a string of %d bytes, need at most %d", s.size(), ahead)
	}
	b, err := s.bytes()
	return string(b), err
}

// chunks calls f for consecutive parts of the section. All but the last have a multiple of 8
// bytes.
func (s section) chunks(f func(b []byte) error) error {
	buffer := make([]byte, min(ahead, s.size()))
	for at := s.from; at < s.to; at += int64(len(buffer)) {
		buffer = buffer[:min(int64(len(buffer)), s.to-at)]
		if err := s.of.read(buffer, at); err != nil {
			return err
		}
		if err := f(buffer); err != nil {
			return err
		}
	}
	return nil
}
