package onnx

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// source is a file that is read where something is asked for.
type source struct {
	in     io.ReaderAt
	fields int // of protobuf that were read
}

// The most that is read of a file at a time while it is parsed, a text or a whole message
// among it, and the most fields of all messages. What is kept of a message counts as fields
// too: as perAttribute or perTensor of them.
const (
	ahead, maxFields        = 1 << 16, 1 << 21
	perAttribute, perTensor = 8, 32
)

// count notes so many fields more: none where a number stands for a message, which is of
// no source.
func (s *source) count(fields int) error {
	if s == nil {
		return nil
	}
	if s.fields += fields; s.fields > maxFields {
		return fmt.Errorf("holds more than %d fields", maxFields)
	}
	return nil
}

// stretch is a stretch of a file. What is short is in memory.
type stretch struct {
	of       *source
	from, to int64
	kept     []byte // all of it, or nil
}

// whole returns a file of size bytes.
func (s *source) whole(size int64) stretch { return stretch{of: s, to: size} }

func (s stretch) size() int64 { return s.to - s.from }

// field is one field of a message: a number in n, or a stretch.
type field struct {
	number  int
	n       uint64
	stretch stretch
	long    bool // it is a stretch
}

// fields calls f for every field of the message. Groups, which ONNX has not, are an
// error.
func (s stretch) fields(f func(field) error) error {
	s, err := s.message()
	if err != nil {
		return err
	}
	hand, begin := s.kept, s.from // bytes at hand, and where they begin
	for at := s.from; at < s.to; {
		if err := s.of.count(1); err != nil {
			return err
		}
		if end := begin + int64(len(hand)); end < s.to && end-at < 2*10 { // a tag, and a number
			hand, begin = make([]byte, min(ahead, s.to-at)), at
			if err := s.of.read(hand, at); err != nil {
				return err
			}
		}
		b := hand[at-begin:]
		v, n, size, err := consume(b)
		if err != nil {
			return err
		}
		at += int64(n)
		if v.long {
			if size > uint64(s.to-at) {
				return io.ErrUnexpectedEOF
			}
			v.stretch = stretch{of: s.of, from: at, to: at + int64(size)}
			if end := v.stretch.to - begin; end <= int64(len(hand)) {
				v.stretch.kept = hand[at-begin : end : end]
			}
			at = v.stretch.to
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// consume reads a field's tag and number, or the size of its stretch, which follow.
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

// message returns s with what it holds in memory, if that is short.
func (s stretch) message() (stretch, error) {
	if s.size() > ahead {
		return s, nil
	}
	var err error
	s.kept, err = s.bytes()
	return s, err
}

// bytes returns what s holds.
func (s stretch) bytes() ([]byte, error) {
	if s.kept != nil || s.of == nil {
		return s.kept, nil
	}
	b := make([]byte, s.size())
	return b, s.of.read(b, s.from)
}

// apart returns s without what it keeps in memory.
func (s stretch) apart() stretch {
	s.kept = nil
	return s
}

// text returns a name.
func (s stretch) text() (string, error) {
	if s.size() > ahead {
		return "", fmt.Errorf("holds a text of %d bytes, need at most %d", s.size(), ahead)
	}
	b, err := s.bytes()
	return string(b), err
}

// chunks calls f for consecutive parts of what the stretch holds, all but the last of a
// multiple of 8 bytes.
func (s stretch) chunks(f func(b []byte) error) error {
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
