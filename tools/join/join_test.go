package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// module returns a module with a custom section and these segments.
func module(segments ...segment) []byte {
	out := []byte("\x00asm\x01\x00\x00\x00\x00\x03\x02hi")
	data := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, s := range segments {
		data = append(appendSigned(append(data, 0, constant), int64(int32(s.at))), end)
		data = append(binary.AppendUvarint(data, uint64(len(s.data))), s.data...)
	}
	return append(binary.AppendUvarint(append(out, dataSection), uint64(len(data))), data...)
}

// memory returns what a module's data puts where, and in how many segments.
func memory(t *testing.T, module []byte) (map[uint64]byte, int) {
	t.Helper()
	segments, err := parseData(module[len("\x00asm\x01\x00\x00\x00\x00\x03\x02hi")+1+uvarints(module[14:]):])
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint64]byte{}
	for _, s := range segments {
		for i, b := range s.data {
			if b != 0 {
				out[s.at+uint64(i)] = b
			}
		}
	}
	return out, len(segments)
}

// uvarints returns the length of the number that b begins with.
func uvarints(b []byte) int {
	_, n := binary.Uvarint(b)
	return n
}

func TestJoin(t *testing.T) {
	high := uint64(1)<<31 + 7 // an address that is negative as i32
	in := module(segment{high, []byte("top")}, segment{64, []byte{1, 2}}, segment{70, []byte{3}}, segment{71, []byte{4}},
		segment{71 + 1 + farthest, []byte{5}}, segment{72 + 2*farthest + 2, []byte{6}}, segment{8, bytes.Repeat([]byte{7}, 50)})
	joined, err := Join(in)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(joined, in[:13]) {
		t.Errorf("what stands before the data is %q, want %q", joined[:13], in[:13])
	}
	want, _ := memory(t, in)
	got, n := memory(t, joined)
	if n != 3 {
		t.Errorf("got %d segments, want 3: up to %d, behind it and the top", n, 72+farthest)
	}
	if len(got) != len(want) {
		t.Errorf("got %d numbers that are not zero, want %d", len(got), len(want))
	}
	for at, b := range want {
		if got[at] != b {
			t.Errorf("at %d: got %d, want %d", at, got[at], b)
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	whole := module(segment{8, []byte("abc")})
	for _, c := range []struct {
		name, want string
		module     []byte
	}{
		{"nothing", "no WebAssembly module", nil},
		{"overlap", "inside the data at 8", module(segment{8, []byte("abc")}, segment{10, []byte("d")})},
		{"cut off", "cut off", whole[:len(whole)-1]},
		{"passive", "is of kind 1", bytes.Replace(whole, []byte{0, constant, 8}, []byte{1, constant, 8}, 1)},
		{"global", "is of kind 0 at expression 0x23", bytes.Replace(whole, []byte{0, constant, 8}, []byte{0, 0x23, 8}, 1)},
		{"sum", "more than a constant", bytes.Replace(whole, []byte{end, 3}, []byte{0x6a, 3}, 1)},
	} {
		if _, err := Join(c.module); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func FuzzJoin(f *testing.F) {
	f.Add(module(segment{8, []byte("abc")}, segment{100, []byte("d")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if joined, err := Join(data); err == nil && len(joined) > len(data)*(farthest+16) {
			t.Errorf("%d bytes became %d", len(data), len(joined))
		}
	})
}
