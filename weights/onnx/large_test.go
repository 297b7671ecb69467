package onnx_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"tweedie/core/graph"
	"tweedie/core/num"
	"tweedie/weights/onnx"
)

// side is the height and width of the weights [2,2,side,side] of large tensors in these tests.
const side = 255

const large = 2 * 2 * side * side // more numbers than are kept in memory

// weight returns number i of a large tensor. It is exact in float16.
func weight(i int) float32 { return float32(i%1024-512) / 64 }

// convolution builds a file of one convolution, with large weights in the given field of the
// tensor. The padding makes the image as large as the kernel.
func convolution(element, field int, data any) []byte {
	w := message(1, 2, 1, 2, 1, side, 1, side, 2, element, 8, "w", field, data)
	return model(17, [][]byte{w}, node("Conv", "x w", "out", "pads", []int{side / 2, side / 2, side / 2, side / 2}))
}

// TestLargeTensors reads tensors that are too large to be kept in memory, from every field that
// may contain them.
func TestLargeTensors(t *testing.T) {
	var raw, halves, floats, ints, loose []byte
	for i := range large {
		v := weight(i)
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(v))
		halves = binary.LittleEndian.AppendUint16(halves, num.ToFloat16(v))
		ints = protowire.AppendVarint(ints, uint64(num.ToFloat16(v)))
		loose = protowire.AppendVarint(protowire.AppendTag(loose, 5, protowire.VarintType), uint64(num.ToFloat16(v)))
	}
	raw = floats
	unpacked := model(17, [][]byte{append(message(1, 2, 1, 2, 1, side, 1, side, 2, 10, 8, "w"), loose...)},
		node("Conv", "x w", "out", "pads", []int{side / 2, side / 2, side / 2, side / 2}))
	for name, data := range map[string][]byte{
		"raw_data": convolution(1, 9, raw), "halves": convolution(10, 9, halves), "float_data": convolution(1, 4, floats),
		"int32_data": convolution(10, 5, ints), "unpacked": unpacked,
	} {
		net, err := imported(data, "", onnx.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := net.Weights.Numbers(net.Program.Params[0].Name).Float
		for i, v := range got {
			if v != weight(i) {
				t.Errorf("%s: number %d is %g, want %g", name, i, v, weight(i))
				break
			}
		}
		if err := net.Weights.(interface{ Err() error }).Err(); err != nil || len(got) != large {
			t.Errorf("%s: %d numbers, %v", name, len(got), err)
		}
	}
	for name, c := range map[string]struct {
		text string
		data []byte
	}{
		"short":  {"bytes, shape [2 2 255 255] needs", convolution(1, 9, raw[:len(raw)-4])},
		"few":    {"shape [2 2 255 255] needs", convolution(1, 4, floats[:len(floats)-4])},
		"pieces": {"has numbers in several fields", model(17, [][]byte{message(1, 2, 2, 1, 8, "w", 4, floats[:4], 4, floats[4:8])}, node("Relu", "x", "out"))},
	} {
		net, err := imported(c.data, "", onnx.Options{})
		if err == nil {
			net.Weights.Numbers(net.Program.Params[0].Name)
			err = net.Weights.(interface{ Err() error }).Err()
		}
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "onnx: ") {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.text)
		}
	}
}

// TestWeightsAreReadOnDemand: a graph of large weights, some of them computed from others, is
// imported without reading them. They are read on demand, and errors in them are reported then.
func TestWeightsAreReadOnDemand(t *testing.T) {
	var raw []byte
	for i := range large {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(weight(i)))
	}
	pads := []int{side / 2, side / 2, side / 2, side / 2}
	half := binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.5))
	file := func(raw []byte) []byte {
		var all [][]byte
		for _, name := range []string{"u", "v", "w"} {
			all = append(all, constant(name, 1, raw, 2, 2, side, side))
		}
		return model(17, append(all, constant("half", 1, half, 1)), node("Conv", "x u", "a", "pads", pads), node("Mul", "v half", "h"),
			node("Conv", "a h", "b", "pads", pads), node("Transpose", "w", "z", "perm", []int{1, 0, 2, 3}), node("Conv", "b z", "out", "pads", pads))
	}
	path := filepath.Join(t.TempDir(), "large.onnx")
	if err := os.WriteFile(path, file(raw), 0o666); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	net, err := onnx.Read(path, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(len(raw)) {
		t.Errorf("reading the graph allocated %d bytes, want less than one tensor's %d", grown, len(raw))
	}
	for k, want := range []func(i int) float32{
		weight, func(i int) float32 { return weight(i) / 2 },
		func(i int) float32 { p := side * side; return weight(i%p + i/p%2*2*p + i/(2*p)*p) },
	} {
		got := net.Weights.Numbers(net.Program.Params[k].Name).Float
		for i, v := range got {
			if v != want(i) {
				t.Errorf("parameter %d: number %d is %g, want %g", k, i, v, want(i))
				break
			}
		}
	}
	failure := func(s graph.Source) error { return s.(interface{ Err() error }).Err() }
	if err := failure(net.Weights); err != nil {
		t.Error(err)
	}
	if err := net.Close(); err != nil {
		t.Error(err)
	}
	if net.Weights.Numbers(net.Program.Params[0].Name); failure(net.Weights) == nil {
		t.Error("weights of a closed file are read")
	}

	binary.LittleEndian.PutUint32(raw[400:], 0x7fc00000)
	if net, err = imported(file(raw), "", onnx.Options{}); err != nil {
		t.Fatal(err)
	}
	net.Weights.Numbers(net.Program.Params[0].Name)
	if err := failure(net.Weights); err == nil || !strings.Contains(err.Error(), "number 100 is NaN") {
		t.Errorf("error is %v, need one of number 100", err)
	}
}
