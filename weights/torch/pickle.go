package torch

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
)

// The Go types of a pickle's values, in addition to nil, bool, int64, *big.Int, float64, string
// and []byte.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ pairs []pair }
	pair   struct{ key, value any }
	global struct{ module, name string }
)

// mark marks the start of a sequence of values on the stack.
type mark struct{}

// machine executes a pickle. Python's pickletools.py documents the opcodes.
type machine struct {
	*contents
	in    *source
	stack []any
	memo  map[int]any
	load  func(id any) (any, error) // resolves a persistent id
}

// source is the bytes of a pickle. At most left more are read.
type source struct {
	io.Reader
	left  int64
	steps int // opcodes executed so far
	one   [1]byte
}

// take returns the next n bytes.
func (s *source) take(n uint64) ([]byte, error) {
	if n > uint64(s.left) {
		return nil, fmt.Errorf("pickle needs %d bytes, but only %d are left", n, s.left)
	}
	var b []byte
	if n == 1 {
		b = s.one[:1]
	} else {
		b = make([]byte, n)
	}
	s.left -= int64(n)
	if _, err := io.ReadFull(s, b); err != nil {
		return nil, fmt.Errorf("pickle ends early: %w", err)
	}
	return b, nil
}

// line returns the text up to the next newline.
func (s *source) line() (string, error) {
	var text []byte
	for {
		b, err := s.take(1)
		if err != nil || b[0] == '\n' {
			return string(text), err
		}
		text = append(text, b[0])
		if len(text) > maxName {
			return "", fmt.Errorf("pickle has a line of more than %d bytes", maxName)
		}
	}
}

// number returns the next n bytes as a little-endian integer.
func (s *source) number(n uint64) (uint64, error) {
	b, err := s.take(n)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:]), nil
}

// run executes a pickle and returns its result.
func (m *machine) run() (any, error) {
	m.memo = map[int]any{}
	for {
		b, err := m.in.take(1)
		if err != nil {
			return nil, err
		}
		if b[0] == '.' { // STOP
			return m.pop()
		}
		if m.in.steps++; m.in.steps > maxSteps || len(m.stack) > maxStack || len(m.memo) > maxStack {
			return nil, fmt.Errorf("pickle needs more than %d steps, or %d values at once", maxSteps, maxStack)
		}
		if err := m.step(b[0]); err != nil {
			return nil, err
		}
	}
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

// pop removes and returns the topmost value, which must not be a mark.
func (m *machine) pop() (any, error) {
	v, err := m.top()
	if err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v, err
}

// top returns the topmost value, which must not be a mark.
func (m *machine) top() (any, error) {
	if len(m.stack) == 0 {
		return nil, fmt.Errorf("pickle reads a value from an empty stack")
	}
	v := m.stack[len(m.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, fmt.Errorf("pickle uses a mark as a value")
	}
	return v, nil
}

// popN removes and returns the topmost n values, the lowest first.
func (m *machine) popN(n int) (tuple, error) {
	out := make(tuple, n)
	for i := n - 1; i >= 0; i-- {
		v, err := m.pop()
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// popMark removes the topmost mark and returns the values above it, which it removes too.
func (m *machine) popMark() (tuple, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			out := append(tuple(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return out, nil
		}
	}
	return nil, fmt.Errorf("pickle uses a mark that it did not set")
}

// step executes one opcode.
func (m *machine) step(op byte) error {
	if c, ok := constants[op]; ok {
		m.push(c())
		return nil
	}
	if n, ok := integers[op]; ok {
		v, err := m.in.number(uint64(n))
		if op == 'J' { // BININT is signed
			v = uint64(int64(int32(v)))
		}
		m.push(int64(v))
		return err
	}
	if o, ok := textOps[op]; ok {
		return m.text(o)
	}
	if o, ok := memoOps[op]; ok {
		return m.memoize(o)
	}
	switch op {
	case 0x80: // PROTO
		v, err := m.in.number(1)
		if err == nil && v > 5 {
			err = fmt.Errorf("pickle must have at most protocol 5 (got %d)", v)
		}
		return err
	case 0x95: // FRAME: a hint for reading ahead
		_, err := m.in.number(8)
		return err
	case 0x8a, 0x8b: // LONG1, LONG4
		return m.long(op)
	case 'G': // BINFLOAT, big-endian
		b, err := m.in.take(8)
		if err == nil {
			m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
		return err
	case '0': // POP
		if len(m.stack) > 0 {
			m.stack = m.stack[:len(m.stack)-1]
		}
		return nil
	case '1': // POP_MARK
		_, err := m.popMark()
		return err
	case '2': // DUP
		v, err := m.top()
		m.push(v)
		return err
	}
	return m.build(op)
}

// constants are the opcodes that push a constant.
var constants = map[byte]func() any{
	'(':  func() any { return mark{} },
	'N':  func() any { return nil },
	0x88: func() any { return true },
	0x89: func() any { return false },
	')':  func() any { return tuple{} },
	']':  func() any { return &list{} },
	'}':  func() any { return &dict{} },
	0x8f: func() any { return &list{} }, // EMPTY_SET
}

// integers are the opcodes that push an integer of that many bytes: BININT, BININT1, BININT2.
var integers = map[byte]int{'J': 4, 'K': 1, 'M': 2}

// textOp is the number of bytes of a string's length, and whether it is bytes.
type textOp struct {
	length uint64
	bytes  bool
}

// textOps are the opcodes that push a string: BINUNICODE, SHORT_BINUNICODE, BINUNICODE8,
// BINSTRING, SHORT_BINSTRING (Python 2), BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8.
var textOps = map[byte]textOp{
	'X': {4, false}, 0x8c: {1, false}, 0x8d: {8, false}, 'T': {4, false}, 'U': {1, false},
	'B': {4, true}, 'C': {1, true}, 0x8e: {8, true}, 0x96: {8, true},
}

func (m *machine) text(o textOp) error {
	n, err := m.in.number(o.length)
	if err != nil {
		return err
	}
	b, err := m.in.take(n)
	if err != nil {
		return err
	}
	if o.bytes {
		m.push(append([]byte(nil), b...))
	} else {
		m.push(strings.ToValidUTF8(string(b), "\uFFFD"))
	}
	return nil
}

// memoOp is the number of bytes of a memo index, and whether the opcode stores a value.
type memoOp struct {
	length uint64
	put    bool
}

// memoOps are the opcodes that store values in the memo and recall them: BINPUT, LONG_BINPUT,
// MEMOIZE, BINGET, LONG_BINGET.
var memoOps = map[byte]memoOp{'q': {1, true}, 'r': {4, true}, 0x94: {0, true}, 'h': {1, false}, 'j': {4, false}}

func (m *machine) memoize(o memoOp) error {
	i := len(m.memo)
	if o.length > 0 {
		n, err := m.in.number(o.length)
		if err != nil {
			return err
		}
		i = int(n)
	}
	if o.put {
		v, err := m.top()
		m.memo[i] = v
		return err
	}
	v, ok := m.memo[i]
	if !ok {
		return fmt.Errorf("pickle recalls memo value %d, which it did not store", i)
	}
	m.push(v)
	return nil
}

// long pushes an integer of any length, little-endian in two's complement.
func (m *machine) long(op byte) error {
	size := uint64(1)
	if op == 0x8b {
		size = 4
	}
	n, err := m.in.number(size)
	if err != nil {
		return err
	}
	if n > 64 {
		return fmt.Errorf("pickle must have numbers of at most 64 bytes (got %d)", n)
	}
	b, err := m.in.take(n)
	if err != nil {
		return err
	}
	v := new(big.Int)
	for i := len(b) - 1; i >= 0; i-- {
		v.Or(v.Lsh(v, 8), big.NewInt(int64(b[i])))
	}
	if n > 0 && b[n-1]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	if v.IsInt64() {
		m.push(v.Int64())
	} else {
		m.push(v)
	}
	return nil
}
