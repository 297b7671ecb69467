package onnx_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"tweedie/core/graph"
	"tweedie/core/readertest"
	"tweedie/weights/onnx"
)

// message builds protobuf from pairs of a field's number and an int, a float32, a string or
// bytes.
func message(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		number := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
		case float32:
			b = protowire.AppendFixed32(protowire.AppendTag(b, number, protowire.Fixed32Type), math.Float32bits(v))
		}
	}
	return b
}

// node builds a NodeProto; in and out are names with spaces between, and attributes pairs of a
// name and a value.
func node(op, in, out string, attributes ...any) []byte {
	fields := []any{3, "n_" + out, 4, op}
	for _, name := range strings.Split(in, " ") {
		fields = append(fields, 1, name)
	}
	for _, name := range strings.Split(out, " ") {
		fields = append(fields, 2, name)
	}
	for i := 0; i < len(attributes); i += 2 {
		a := []any{1, attributes[i]}
		switch v := attributes[i+1].(type) {
		case int:
			a = append(a, 3, v, 20, 2)
		case []int:
			for _, n := range v {
				a = append(a, 8, n)
			}
		case string:
			a = append(a, 4, v, 20, 3)
		case float32:
			a = append(a, 2, v, 20, 1)
		}
		fields = append(fields, 5, message(a...))
	}
	return message(fields...)
}

func shaped(name string, element int, dims ...int) []byte {
	var shape []byte
	for _, d := range dims {
		shape = append(shape, message(1, message(1, d))...)
	}
	return message(1, name, 2, message(1, message(1, element, 2, shape)))
}

func constant(name string, element int, raw []byte, dims ...int) []byte {
	fields := []any{2, element, 8, name, 9, raw}
	for _, d := range dims {
		fields = append(fields, 1, d)
	}
	return message(fields...)
}

// model builds a file with the inputs x [1,2,4,4] and t [1], and the output out, which nodes
// compute from the inputs and initializers.
func model(opset int, initializers [][]byte, nodes ...[]byte) []byte {
	var g []byte
	for _, n := range nodes {
		g = append(g, message(1, n)...)
	}
	for _, t := range initializers {
		g = append(g, message(5, t)...)
	}
	g = append(g, message(11, shaped("x", 1, 1, 2, 4, 4), 11, shaped("t", 1, 1), 12, shaped("out", 1, 1, 2, 4, 4))...)
	return message(1, 8, 7, g, 8, message(1, "", 2, opset))
}

func int64s(numbers ...int64) []byte {
	var b []byte
	for _, n := range numbers {
		b = protowire.AppendFixed64(b, uint64(n))
	}
	return b
}

// imported is Import for bytes.
func imported(data []byte, folder string, o onnx.Options) (*onnx.Network, error) {
	return onnx.Import(bytes.NewReader(data), int64(len(data)), folder, o)
}

// TestUnsupported: errors name what is not supported, and its node.
func TestUnsupported(t *testing.T) {
	for _, c := range []struct {
		name, text string
		data       []byte
	}{
		{"operator", `NonMaxSuppression node "n_out": operator "NonMaxSuppression" of version 17 is not supported, need one of Abs, Add`, model(17, nil, node("NonMaxSuppression", "x", "out"))},
		{"domain", `operator "com.acme.Add"`, model(17, nil, append(node("Add", "x x", "out"), message(7, "com.acme")...))},
		{"control flow", `operator "If"`, model(17, nil, node("If", "x", "out"))},
		{"version", "operators are of version 99, need 1 to", model(99, nil, node("Relu", "x", "out"))},
		{"no operators", "does not give a version", message(7, message())},
		{"no graph", "contains no graph", message(1, 8)},
		{"order", `input 0 is "later", which no node before it computes`, model(17, nil, node("Relu", "later", "out"), node("Relu", "x", "later"))},
		{"itself", `input 0 is "out"`, model(17, nil, node("Relu", "out", "out"))},
		{"output", `no node computes the output "out"`, model(17, nil, node("Relu", "x", "y"))},
		{"output shape", `the output "out" has shape [1 2 16], need [1 2 4 4] as the image`, model(17, [][]byte{constant("s", 7, int64s(1, 2, 16), 3)}, node("Reshape", "x s", "out"))},
		{"reshape", "n_out\": has shape [1 2 5 4], need one of 32 elements", model(17, [][]byte{constant("s", 7, int64s(1, 2, 5, 4), 4)}, node("Reshape", "x s", "out"))},
		{"input missing", "input 1 is missing", model(17, nil, node("Add", "x", "out"))},
		{"weights computed", "has weights of shape [1 2 4 4], need constants", model(17, nil, node("Conv", "x x", "out"))},
		{"groups", "in 3 groups", model(17, [][]byte{constant("w", 1, make([]byte, 4*4), 2, 2, 1, 1)}, node("Conv", "x w", "out", "group", 3))},
		{"einsum of other letters", `of letters and ->`, model(17, nil, node("Einsum", "x", "out", "equation", "abcd->abcé"))},
		{"einsum twice", `or twice in the output`, model(17, nil, node("Einsum", "x", "out", "equation", "abcd->abcc"))},
		{"einsum", `equation is "bchw,..->bchw"`, model(17, nil, node("Einsum", "x x", "out", "equation", "bchw,..->bchw"))},
		{"huge expansion", "need at most", model(17, [][]byte{constant("s", 7, int64s(1<<40, 1<<40, 2, 4, 4), 5)}, node("Expand", "x s", "out"))},
		{"huge range", "need at most 2^20 numbers", model(17, [][]byte{constant("a", 7, int64s(0)), constant("b", 7, int64s(1<<50)), constant("c", 7, int64s(1))}, node("Range", "a b c", "out"))},
		{"tensor size", "4 bytes, shape [1073741824] needs", model(17, [][]byte{constant("w", 1, make([]byte, 4), 1<<28)}, node("Relu", "x", "out"))},
		{"tensor shape", "need at most", model(17, [][]byte{constant("w", 1, nil, 1<<31, 1<<31, 1<<31)}, node("Relu", "x", "out"))},
		{"negative shape", "need at most", model(17, [][]byte{constant("w", 1, nil, -1, -1)}, node("Relu", "x", "out"))},
		{"strings", "has element type 8", model(17, [][]byte{constant("w", 8, nil, 1)}, node("Relu", "x", "out"))},
		{"outside", `its data is in "../secret"`, model(17, [][]byte{message(1, 1, 2, 1, 8, "w", 14, 1, 13, message(1, "location", 2, "../secret"))}, node("Relu", "x", "out"))},
		{"group field", "which ONNX does not use", append(message(1, 8), 0x0b, 0x0c)},
		{"cut off", "", model(17, nil, node("Relu", "x", "out"))[:60]},
	} {
		if c.name == "tensor size" {
			c.text = "4 bytes, shape [268435456] needs"
		}
		_, err := imported(c.data, t.TempDir(), onnx.Options{})
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "onnx: ") {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.text)
		}
	}
}

// TestInputs: image, time and class are recognized, and a batch of several images is refused.
func TestInputs(t *testing.T) {
	file := func(inputs ...[]byte) []byte {
		var g []byte
		for _, i := range inputs {
			g = append(g, message(11, i)...)
		}
		g = append(g, message(1, node("Identity", "image", "out"), 12, shaped("out", 1, 1, 2, 4, 4))...)
		return message(7, g, 8, message(2, 17))
	}
	image, number := shaped("image", 1, 1, 2, 4, 4), shaped("k", 7, 1)
	if net, err := imported(file(number, image, shaped("sigma", 1, 1, 1)), "", onnx.Options{}); err != nil || !net.Conditional || len(net.Assumed) != 1 ||
		net.Assumed[0] != `input "image" is the image, "sigma" the time, "k" the class` {
		t.Errorf("%+v, %v", net, err)
	}
	if net, err := imported(file(image), "", onnx.Options{}); err != nil || net.Conditional || !strings.Contains(net.Assumed[0], "has no time input") {
		t.Errorf("%+v, %v", net, err)
	}
	for text, c := range map[string]struct {
		data []byte
		o    onnx.Options
	}{
		`there is no input "z", need one of ["image" "k"]`: {file(image, number), onnx.Options{T: "z"}},
		`has a batch of 3, need 1: export the network`:     {file(shaped("image", 1, 3, 2, 4, 4)), onnx.Options{}},
		`no input is an image`:                             {file(number), onnx.Options{}},
		`inputs ["d"] are unexpected`:                      {file(image, number, shaped("c", 1, 1), shaped("d", 1, 1)), onnx.Options{}},
		`leaves height or width open`:                      {file(shaped("image", 1, 1, 2, -1, -1)), onnx.Options{}},
	} {
		if _, err := imported(c.data, "", c.o); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got error %v, want one with %q", err, text)
		}
	}
}

// TestExternalData reads weights from another file in the model's folder, and refuses links
// that lead out of it.
func TestExternalData(t *testing.T) {
	folder := t.TempDir()
	raw := make([]byte, 24)
	copy(raw[8:], []byte{0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64}) // 1, 2, 3, 4
	if err := os.WriteFile(filepath.Join(folder, "w.bin"), raw, 0o666); err != nil {
		t.Fatal(err)
	}
	file := func(location, offset string) []byte {
		w := message(1, 2, 1, 2, 1, 1, 1, 1, 2, 1, 8, "w", 14, 1, 13, message(1, "location", 2, location), 13, message(1, "offset", 2, offset))
		return model(17, [][]byte{w}, node("Conv", "x w", "out"))
	}
	net, err := imported(file("w.bin", "8"), folder, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := net.Weights.Numbers(net.Program.Params[0].Name).Float; len(got) != 4 || got[0] != 1 || got[3] != 4 {
		t.Errorf("weights are %v", got)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"w.bin", "16"}, {"w.bin", "-8"}, {"link", "0"}, {"/etc/passwd", "0"}, {"", "0"}, {"none", "0"}} {
		if _, err := imported(file(c[0], c[1]), folder, onnx.Options{}); err == nil || !errors.Is(err, onnx.ErrFile) {
			t.Errorf("%q: got error %v, want ErrFile", c, err)
		}
	}
	if _, err := imported(file("w.bin", "8"), "", onnx.Options{}); err == nil {
		t.Error("external data is read without a folder")
	}
}

// mostRead is the most bytes of a file that an import may read: all of it a few times, and the
// constants that it computes with, up to 2^25 numbers of 8 bytes.
func mostRead(data []byte) int { return 4*len(data) + 8<<25 }

// FuzzImport: any bytes give a program that a model file can contain, or an error, within the
// limit of reading.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 20_000 { // minimizing larger ones takes too long
			f.Add(data)
		}
	}
	f.Add(model(13, [][]byte{constant("s", 7, int64s(1, 2, 16), 3)}, node("Reshape", "x s", "a"), node("Softmax", "a", "b"), node("MatMul", "b t", "out")))
	f.Add(model(11, nil, node("MaxPool", "x", "out", "kernel_shape", []int{3, 3}, "strides", []int{1, 1})))
	f.Add(model(20, nil, node("Einsum", "x x", "out", "equation", "abcd,abce->abde")))
	f.Fuzz(func(t *testing.T, data []byte) {
		net, err := onnx.Import(readertest.File(t, data, mostRead(data)), int64(len(data)), "", onnx.Options{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "onnx: ") {
				t.Fatalf("error without its package: %v", err)
			}
			return
		}
		list, err := graph.Serialize(net.Program, net.Out)
		if err != nil {
			t.Fatal(err)
		}
		list.Program() // may exceed a limit
	})
}

// chain returns n nodes that apply op one after another, from first to out.
func chain(n int, op, first string) [][]byte {
	nodes := make([][]byte, n)
	for i := range nodes {
		in, out := fmt.Sprint("v", i-1), fmt.Sprint("v", i)
		if i == 0 {
			in = first
		}
		if i == n-1 {
			out = "out"
		}
		if op == "Add" || op == "Mul" || op == "MatMul" {
			in += " " + in
		}
		nodes[i] = node(op, in, out)
	}
	return nodes
}

// attributes returns n attributes for node.
func attributes(n int) (all []any) {
	for i := range n {
		all = append(all, fmt.Sprint("a", i), i)
	}
	return all
}

// TestLimits: files that ask for much work or memory are refused, or processed within bounds.
func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	many := func(n int, build func(i int) []byte) (all [][]byte) {
		for i := range n {
			all = append(all, build(i))
		}
		return all
	}
	floats := func(n int) []byte { return bytes.Repeat([]byte{0, 0, 128, 63}, n) }
	huge := [][]byte{constant("s", 7, int64s(1<<14, 1<<14), 2), constant("w", 1, floats(1), 1, 1)}
	deep := message(1, 8)
	for range 100_000 { // a graph in a node in a graph in a node, and so on
		deep = message(5, deep)
		if len(deep) > 1<<20 {
			break
		}
	}
	for _, c := range []struct {
		name, want string
		bytes      uint64
		data       []byte
	}{
		{"nesting", "", 8 << 20, message(8, message(2, 17), 7, message(1, deep, 12, shaped("out", 1)))},
		{"fields", "contains more than 2097152 fields", 64 << 20, bytes.Repeat([]byte{8, 8}, 5<<20)},
		{"initializers", "contains more than 2097152 fields", 256 << 20, model(17, many(300_000, func(i int) []byte { return constant(fmt.Sprint("w", i), 1, floats(1), 1) }), node("Relu", "x", "out"))},
		{"attributes", "contains more than 2097152 fields", 128 << 20, model(17, nil, node("Relu", "x", "out", attributes(500_000)...))},
		{"nodes", "has more than 32768 nodes", 256 << 20, model(17, nil, many(40_000, func(int) []byte { return node("Relu", "x", "y") })...)},
		{"long text", "contains a string of", 16 << 20, message(2, strings.Repeat("x", 1<<20))},
		{"a number in place of a value", "", 1 << 20, message(7, message(11, 3, 12, 3, 5, 3, 1, message(5, 3)), 8, message(2, 17))},
		{"a number in place of a graph", "", 1 << 20, message(7, 3, 8, message(2, 17))},
		{"2^32 axes", "", 64 << 20, model(17, [][]byte{constant("w", 1, nil, slices.Repeat([]int{1 << 32}, 10_000)...)}, node("Relu", "x", "out"))},
		{"shape of many", "need at most 65536 numbers", 16 << 20, model(17, [][]byte{message(2, 1, 8, "w", 1, bytes.Repeat([]byte{1}, 1<<20))}, node("Relu", "x", "out"))},
		{"overlapping fields", "", 1 << 20, message(7, message(5, message(9, "1234")[:3]))},
		{"sums of sums", "", 256 << 20, model(17, [][]byte{constant("w", 1, floats(70_000), 70_000)}, chain(60, "Add", "w")...)},
		{"powers", "as the image", 64 << 20, model(17, [][]byte{constant("w", 1, floats(512*512), 512, 512)}, chain(9, "MatMul", "w")...)},
		{"expanded", "need", 64 << 20, model(17, huge, node("Expand", "w s", "a"), node("Add", "a a", "b"), node("MatMul", "b b", "out"))},
		{"expanded and summed", "computes more than", 64 << 20, model(17, huge, node("Expand", "w s", "a"), node("Exp", "a", "b"), node("ReduceSum", "b", "c"), node("Add", "x c", "out"))},
		{"elements again and again", "computes more than", 512 << 20, model(17, [][]byte{constant("w", 1, floats(1<<18), 1<<18), constant("i", 7, int64s(0, 2, 3), 3)},
			many(3000, func(i int) []byte { return node("Gather", "w i", fmt.Sprint("y", i)) })...)},
		{"names", "", 512 << 20, model(17, [][]byte{constant("w", 1, floats(32), 1, 2, 4, 4)}, func() [][]byte {
			all := many(10_000, func(i int) []byte {
				return node("Add", fmt.Sprintf("v%d w", i), fmt.Sprintf("v%d", i+1))
			})
			return append(append([][]byte{node("Relu", "x", "v0")}, all...), node("Relu", "v10000", "out"))
		}()...)},
		{"depth", "", 512 << 20, model(17, nil, chain(32_000, "Sin", "x")...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := readertest.Bounded(t, c.bytes, func() error {
				_, err := onnx.Import(readertest.File(t, c.data, mostRead(c.data)), int64(len(c.data)), "", onnx.Options{})
				return err
			})
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got error %.300v, want one with %q", err, c.want)
			}
		})
	}
}
