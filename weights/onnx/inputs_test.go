package onnx_test

import (
	"slices"
	"testing"

	"tweedie/core/tensor"
	"tweedie/core/unet"
	"tweedie/weights/onnx"
)

// graphOf builds a file of nodes with these inputs and an output of the shape of the first.
func graphOf(nodes [][]byte, initializers [][]byte, inputs ...[]byte) []byte {
	var g []byte
	for _, n := range nodes {
		g = append(g, message(1, n)...)
	}
	for _, t := range initializers {
		g = append(g, message(5, t)...)
	}
	for _, i := range inputs {
		g = append(g, message(11, i)...)
	}
	g = append(g, message(12, message(1, "out"))...)
	return message(1, 8, 7, g, 8, message(1, "", 2, 17))
}

// ramp returns an image [1,C,H,W] of increasing numbers.
func ramp(c, h, w int) *tensor.Tensor {
	x := tensor.New(1, c, h, w)
	for i := range x.Data {
		x.Data[i] = float32(i + 1)
	}
	return x
}

// Images come as [1,C,H,W], [1,H,W,C] or a vector, times as numbers of any type and shape, and
// classes as numbers or one-hot vectors.
func TestInputForms(t *testing.T) {
	scaled := func(c, h, w int, by float32) []float32 { return ramp(c, h, w).Scaled(by).Data }
	cast := node("Cast", "t", "s", "to", 1)
	factor := constant("one", 7, int64s(1), 1)
	number := node("Reshape", "s one", "u")
	for _, c := range []struct {
		name       string
		file       []byte
		size       unet.Size
		c, h, w    int
		time       float32
		class      []float32
		want       []float32
		assumption bool
	}{
		{name: "channels first", file: graphOf([][]byte{node("Mul", "x t", "out")}, nil, shaped("x", 1, 1, 3, 6, 4), shaped("t", 1, 1)), c: 3, h: 6, w: 4, time: 2, want: scaled(3, 6, 4, 2)},
		{name: "channels last", file: graphOf([][]byte{node("Mul", "x t", "out")}, nil, shaped("x", 1, 1, 6, 5, 3), shaped("t", 1)), c: 3, h: 6, w: 5, time: 2, want: scaled(3, 6, 5, 2), assumption: true},
		{name: "vector", file: graphOf([][]byte{node("Mul", "x t", "out")}, nil, shaped("x", 1, 1, 784), shaped("t", 1, 1, 1)), c: 1, h: 28, w: 28, time: 2, want: scaled(1, 28, 28, 2), assumption: true},
		{name: "vector of a size", file: graphOf([][]byte{node("Mul", "x t", "out")}, nil, shaped("x", 1, 1, 96), shaped("t", 1, 1, 1)), size: unet.Size{H: 8, W: 4}, c: 3, h: 8, w: 4, time: 2, want: scaled(3, 8, 4, 2), assumption: true},
		{name: "int64", file: graphOf([][]byte{cast, number, node("Mul", "x u", "out")}, [][]byte{factor}, shaped("x", 1, 1, 1, 6, 6), shaped("t", 7, 1)), c: 1, h: 6, w: 6, time: 3, want: scaled(1, 6, 6, 3)},
		{name: "int32 scalar", file: graphOf([][]byte{cast, number, node("Mul", "x u", "out")}, [][]byte{factor}, shaped("x", 1, 1, 1, 6, 6), shaped("t", 6)), c: 1, h: 6, w: 6, time: 3, want: scaled(1, 6, 6, 3)},
		{name: "float64", file: graphOf([][]byte{cast, number, node("Mul", "x u", "out")}, [][]byte{factor}, shaped("x", 1, 1, 1, 6, 6), shaped("t", 11, 1, 1, 1, 1)), c: 1, h: 6, w: 6, time: 3, want: scaled(1, 6, 6, 3)},
		{name: "float16", file: graphOf([][]byte{cast, number, node("Mul", "x u", "out")}, [][]byte{factor}, shaped("x", 1, 1, 1, 6, 6), shaped("t", 10, 1)), c: 1, h: 6, w: 6, time: 3, want: scaled(1, 6, 6, 3)},
		{name: "one-hot", file: graphOf([][]byte{node("MatMul", "label weights", "v"), node("Add", "v t", "w"), node("Mul", "x w", "out")}, [][]byte{constant("weights", 1, float32s(5, 7, 11), 3, 1)},
			shaped("x", 1, 1, 1, 6, 6), shaped("t", 1, 1), shaped("label", 1, 1, 3)), c: 1, h: 6, w: 6, time: 1, class: []float32{2}, want: scaled(1, 6, 6, 12), assumption: true},
	} {
		net, err := imported(c.file, "", onnx.Options{Size: c.size})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if net.Shape != [3]int{c.c, c.h, c.w} || c.class != nil && (net.Rows != 3 || !net.Conditional) {
			t.Errorf("%s: shape %v with %d classes", c.name, net.Shape, net.Rows)
			continue
		}
		if c.assumption && len(net.Assumed) == 0 {
			t.Errorf("%s: nothing is said", c.name)
		}
		in := map[string]*tensor.Tensor{"x": ramp(c.c, c.h, c.w), "t": tensor.Of([]float32{c.time}, 1)}
		if c.class != nil {
			in["y"] = tensor.Of(c.class, 1)
		}
		if got := run(t, net.Program, net.Out, net.Weights, in).Data; !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v …, want %v …", c.name, got[:6], c.want[:6])
		}
	}
}
