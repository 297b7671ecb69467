package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// emptyTable is a function table without functions.
var emptyTable = segment{1 << 30, binary.LittleEndian.AppendUint64(append(append(slices.Clone(magic), make([]byte, 48)...), headerSize, 0, 0, 0, 0, 0, 0, 0), headerSize)}

// module returns a module with a custom section, the given segments and a function table.
func module(segments ...segment) []byte {
	segments = append(segments, emptyTable)
	out := []byte("\x00asm\x01\x00\x00\x00\x00\x03\x02hi")
	data := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, s := range segments {
		data = append(appendSigned(append(data, 0, constant), int64(int32(s.at))), end)
		data = append(binary.AppendUvarint(data, uint64(len(s.data))), s.data...)
	}
	return append(binary.AppendUvarint(append(out, dataSection), uint64(len(data))), data...)
}

// memory returns the non-zero bytes of a module's data by address, and the number of segments.
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

// uvarints returns the length of the number at the start of b.
func uvarints(b []byte) int {
	_, n := binary.Uvarint(b)
	return n
}

func TestOptimize(t *testing.T) {
	high := uint64(1)<<31 + 7 // an address that is negative as i32
	in := module(segment{high, []byte("top")}, segment{64, []byte{1, 2}}, segment{70, []byte{3}}, segment{71, []byte{4}},
		segment{71 + 1 + maxGap, []byte{5}}, segment{72 + 2*maxGap + 2, []byte{6}}, segment{8, bytes.Repeat([]byte{7}, 50)})
	optimized, err := Optimize(in)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(optimized, in[:13]) {
		t.Errorf("before the data there is %q, want %q", optimized[:13], in[:13])
	}
	want, _ := memory(t, in)
	got, n := memory(t, optimized)
	if n != 4 {
		t.Errorf("got %d segments, want 4: up to %d, after it, the table and the top", n, 72+maxGap)
	}
	if len(got) != len(want) {
		t.Errorf("got %d bytes that are not zero, want %d", len(got), len(want))
	}
	for at, b := range want {
		if got[at] != b {
			t.Errorf("at %d: got %d, want %d", at, got[at], b)
		}
	}
}

// TestProgram: a program runs as before, including garbage collection and panics. Tracebacks
// have function names but no lines.
func TestProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program.wasm")
	build := exec.Command("go", "build", "-o", path, "./testdata/program")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOEXPERIMENT=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec_node.js")
	for _, c := range []struct {
		want, not string
	}{{want: "main.go:19"}, {want: "?:0", not: "main.go"}} {
		out, err := exec.Command("node", node, path).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("recovered the end line")) || !bytes.Contains(out, []byte("main.deep(")) ||
			!bytes.Contains(out, []byte(c.want)) || c.not != "" && bytes.Contains(out, []byte(c.not)) {
			t.Fatalf("%v: got %s, want a recovery, then a panic in main.deep at %q", err, out, c.want)
		}
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := run(path); err != nil {
			t.Fatal(err)
		}
		if after, err := os.Stat(path); err != nil || after.Size() < before.Size()/2 {
			t.Fatalf("%v: %d bytes became %d", err, before.Size(), after.Size())
		}
	}
}

func TestOptimizeRefuses(t *testing.T) {
	whole := module(segment{8, []byte("abc")})
	for _, c := range []struct {
		name, want string
		module     []byte
	}{
		{"nothing", "not a WebAssembly module", nil},
		{"no table", "no function table", bytes.Replace(whole, magic[:2], []byte{0xf1, 0}, 1)},
		{"table beyond its end", "must lie within 72 bytes", bytes.Replace(whole, append(slices.Clone(magic), 0), append(slices.Clone(magic), 9), 1)},
		{"overlap", "data at 10 overlaps the data at 8", module(segment{8, []byte("abc")}, segment{10, []byte("d")})},
		{"cut off", "cut off", whole[:len(whole)-1]},
		{"passive", "must be of memory 0 at a constant (got kind 1 and address expression 0x41)", bytes.Replace(whole, []byte{0, constant, 8}, []byte{1, constant, 8}, 1)},
		{"global", "must be of memory 0 at a constant (got kind 0 and address expression 0x23)", bytes.Replace(whole, []byte{0, constant, 8}, []byte{0, 0x23, 8}, 1)},
		{"sum", "not a constant", bytes.Replace(whole, []byte{end, 3}, []byte{0x6a, 3}, 1)},
	} {
		if _, err := Optimize(c.module); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func FuzzOptimize(f *testing.F) {
	f.Add(module(segment{8, []byte("abc")}, segment{100, []byte("d")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if optimized, err := Optimize(data); err == nil && len(optimized) > len(data)*(maxGap+16) {
			t.Errorf("%d bytes became %d", len(data), len(optimized))
		}
	})
}
