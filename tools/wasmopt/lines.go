package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The layout of Go's function table, pclntab, since Go 1.20: runtime/symtab.go and
// runtime/runtime2.go. Numbers are little-endian; those of the header have 8 bytes.
const (
	headerSize = 72
	funcSize   = 44 // of a function, without the offsets of its tables

	// Positions in a function of 4-byte offsets into the tables; an offset of 0 means none.
	atStack, atFile, atLine, atTables, atStart = 16, 20, 24, 28, 36
)

// magic is the start of the table: its version, two zeros, the unit of program counters and the
// size of a pointer.
var magic = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

// clearLines clears the tables of files and lines in the data of a program, so that tracebacks
// have function names without lines. Nothing moves. On an error nothing is changed.
func clearLines(segments []segment) error {
	var tables [][]byte
	for _, s := range segments {
		for at := bytes.Index(s.data, magic); at >= 0; at = bytes.Index(s.data, magic) {
			tables = append(tables, s.data[at:])
			s.data = s.data[at+len(magic):]
		}
	}
	if len(tables) == 0 {
		return errors.New("has no function table of Go 1.20 or later")
	}
	if len(tables) > 1 {
		return fmt.Errorf("must have one function table (got %d)", len(tables))
	}
	t, err := parseTable(tables[0])
	if err != nil {
		return fmt.Errorf("function table: %w", err)
	}
	used, err := t.used()
	if err != nil {
		return fmt.Errorf("function table: %w", err)
	}
	for i, keep := range used {
		if !keep {
			t.steps[i] = 0
		}
	}
	for _, f := range t.funcs {
		for _, at := range []int{atFile, atLine, atStart} {
			binary.LittleEndian.PutUint32(f[at:], 0)
		}
	}
	return nil
}

// table is a program's function table.
type table struct {
	steps []byte   // encoded values that vary along a function's instructions
	funcs [][]byte // every function, from its first byte to the end of the table
}

// parseTable parses the table at the start of data.
func parseTable(data []byte) (*table, error) {
	if len(data) < headerSize {
		return nil, errors.New("is cut off")
	}
	header := func(i int) uint64 { return binary.LittleEndian.Uint64(data[8+8*i:]) }
	n, steps, funcs := header(0), header(6), header(7)
	if steps < headerSize || steps > funcs || funcs > uint64(len(data)) || n > (uint64(len(data))-funcs)/8 {
		return nil, fmt.Errorf("%d functions at %d and tables at %d must lie within %d bytes", n, funcs, steps, len(data))
	}
	t := &table{steps: data[steps:funcs]}
	data = data[funcs:]
	for i := range n {
		at := uint64(binary.LittleEndian.Uint32(data[8*i+4:]))
		if at+funcSize > uint64(len(data)) {
			return nil, fmt.Errorf("function %d at %d must begin at %d or before", i, at, len(data)-funcSize)
		}
		f := data[at:]
		if tables := binary.LittleEndian.Uint32(f[atTables:]); uint64(tables) > uint64(len(f)-funcSize)/4 {
			return nil, fmt.Errorf("function %d has %d tables, which are not all within the table", i, tables)
		}
		t.funcs = append(t.funcs, f)
	}
	return t, nil
}

// used reports which bytes of steps are used by more than files and lines.
func (t *table) used() ([]bool, error) {
	used := make([]bool, len(t.steps))
	for i, f := range t.funcs {
		offsets := []uint32{binary.LittleEndian.Uint32(f[atStack:])}
		for k := range binary.LittleEndian.Uint32(f[atTables:]) {
			offsets = append(offsets, binary.LittleEndian.Uint32(f[funcSize+4*k:]))
		}
		for _, at := range offsets {
			if at == 0 {
				continue
			}
			n, err := length(t.steps, uint64(at))
			if err != nil {
				return nil, fmt.Errorf("function %d: %w", i, err)
			}
			for j := range n {
				used[int(at)+j] = true
			}
		}
	}
	return used, nil
}

// length returns the length of the steps at an offset: pairs of numbers, up to a zero at the
// start of any pair but the first.
func length(steps []byte, at uint64) (int, error) {
	if at >= uint64(len(steps)) {
		return 0, fmt.Errorf("steps at %d must begin at %d or before", at, len(steps))
	}
	n := 0
	for first := true; ; first = false {
		for pair := range 2 {
			v, size := binary.Uvarint(steps[int(at)+n:])
			if size <= 0 {
				return 0, fmt.Errorf("steps at %d do not end", at)
			}
			if n += size; pair == 0 && v == 0 && !first {
				return n, nil
			}
		}
	}
}
