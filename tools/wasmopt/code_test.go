package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// body returns the code of a function without locals.
func body(instructions ...[]byte) []byte {
	return append(append([]byte{0}, bytes.Join(instructions, nil)...), end)
}

// code returns a section of functions.
func code(bodies ...[]byte) []byte {
	out := binary.AppendUvarint(nil, uint64(len(bodies)))
	for _, b := range bodies {
		out = append(binary.AppendUvarint(out, uint64(len(b))), b...)
	}
	return out
}

func TestFold(t *testing.T) {
	var (
		get    = []byte{0x20, 3}
		add16  = []byte{0x42, 16, 0x7c}
		add200 = []byte{0x42, 0xc8, 1, 0x7c}
		sub16  = []byte{0x42, 0x70, 0x7c}
		wrap   = []byte{0xa7}
		splat  = []byte{0xfd, 0x13}
		block  = []byte{0x02, 0x40}
	)
	vload := func(offset byte) []byte { return []byte{0xfd, 0, 4, offset} }
	vstore := func(offset byte) []byte { return []byte{0xfd, 11, 4, offset} }
	fload := func(offset byte) []byte { return []byte{0x2a, 2, offset} }
	for _, c := range []struct {
		name     string
		in, want []byte
	}{
		{"vector", body(get, add16, wrap, vload(0)), body(get, wrap, vload(16))},
		{"with an offset", body(get, add16, wrap, vload(8)), body(get, wrap, vload(24))},
		{"number", body(get, add200, wrap, fload(0)), body(get, wrap, []byte{0x2a, 2, 0xc8, 1})},
		{"spread", body(get, add16, wrap, fload(4), splat), body(get, wrap, []byte{0xfd, 9, 2, 20})},
		{"spread alone", body(get, wrap, fload(4), splat), body(get, wrap, []byte{0xfd, 9, 2, 4})},
		{"store of a local", body(get, add16, wrap, get, vstore(0)), body(get, wrap, get, vstore(16))},
		{"two in a row", body(get, add16, wrap, vload(0), get, add16, wrap, vload(1)), body(get, wrap, vload(16), get, wrap, vload(17))},
		{"negative", body(get, sub16, wrap, vload(0)), nil},
		{"sum of locals", body(get, get, []byte{0x7c}, wrap, vload(0)), nil},
		{"store of a sum", body(get, add16, wrap, get, get, []byte{0xfd, 0xe4, 1}, vstore(0)), nil},
		{"another block", body(get, add16, block, wrap, vload(0), []byte{end}), nil},
		{"bytes of a constant that look like instructions", body([]byte{0x43, 0x42, 16, 0x7c, 0xa7}, splat), nil},
		{"a splat of a product", body(get, wrap, fload(0), get, []byte{0x94}, splat), nil},
	} {
		if c.want == nil {
			c.want = c.in
		}
		got, err := foldCode(code(c.in, c.in))
		if want := code(c.want, c.want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got % x, %v, want % x", c.name, got, err, want)
		}
	}
}

func TestFoldRefuses(t *testing.T) {
	whole := code(body([]byte{0x20, 3}))
	for _, c := range []struct {
		name, want string
		section    []byte
	}{
		{"cut off", "function 0: the module is cut off", whole[:len(whole)-1]},
		{"more", "has 1 bytes after", append(bytes.Clone(whole), 0)},
		{"many locals", "cut off", code([]byte{0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0})},
		{"a long table", "cut off", code(body([]byte{0x0e, 0xff, 0xff, 0xff, 0xff, 0x7f}))},
		{"unknown", "instruction 0x6 is not one", code(body([]byte{6}))},
		{"an atomic one", "instruction 0xfe is not one", code(body([]byte{0xfe, 0}))},
		{"a relaxed one", "instruction 0xfd 261 is not one", code(body([]byte{0xfd, 0x85, 2}))},
		{"of tables", "instruction 0xfc 12 is not one", code(body([]byte{0xfc, 12}))},
	} {
		if _, err := foldCode(c.section); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
}
