package onnx_test

import (
	"fmt"
	"math"
	"testing"

	"tweedie/core/tensor"
	"tweedie/weights/onnx"
)

// picture returns an image [1,2,4,4] with both signs and no two equal numbers.
func picture() *tensor.Tensor {
	x := tensor.New(1, 2, 4, 4)
	for i := range x.Data {
		x.Data[i] = float32((i*13)%32)/3 - 5.5
	}
	return x
}

// outputOf imports a graph of these nodes, whose output has the shape of picture, and runs it.
func outputOf(t *testing.T, time float32, initializers [][]byte, nodes ...[]byte) []float32 {
	t.Helper()
	net, err := imported(model(17, initializers, nodes...), "", onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := tensor.New(1)
	at.Data[0] = time
	return run(t, net.Program, net.Out, net.Weights, map[string]*tensor.Tensor{"x": picture(), "t": at}).Data
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(float64(got[i]-want[i])) <= 1e-5) {
			t.Fatalf("%s: got %v, want %v", what, got, want)
		}
	}
}

// pooled is pooling by its definition in the ONNX standard: the maximum or the mean over the
// places of each window. The means are over the places in the image, or, with padding, over
// those in the image and its padding.
func pooled(x []float32, size, stride, before, after, dilation int, ceil, largest, padding bool) (out []float32, side int) {
	rest := 4 + before + after - (size-1)*dilation - 1
	side = rest/stride + 1
	if ceil && rest%stride != 0 && side*stride < 4+before {
		side++
	}
	for c := range 2 {
		for i := range side {
			for j := range side {
				most, sum, n := float32(math.Inf(-1)), float32(0), 0
				for a := range size {
					for b := range size {
						y, z := i*stride-before+a*dilation, j*stride-before+b*dilation
						if inside := y >= 0 && y < 4 && z >= 0 && z < 4; inside {
							v := x[16*c+4*y+z]
							most, sum, n = max(most, v), sum+v, n+1
						} else if padding && y < 4+after && z < 4+after {
							n++
						}
					}
				}
				if largest {
					out = append(out, most)
				} else {
					out = append(out, sum/float32(n))
				}
			}
		}
	}
	return out, side
}

func TestPooling(t *testing.T) {
	for _, c := range []struct {
		size, stride, before, after, dilation int
		ceil                                  bool
	}{
		{3, 2, 1, 1, 1, false}, {3, 2, 1, 0, 1, false}, {3, 1, 1, 1, 1, false}, {2, 2, 0, 0, 1, false}, {3, 2, 0, 0, 1, true}, {2, 2, 1, 1, 1, true},
		{2, 1, 1, 1, 2, false}, {4, 1, 2, 1, 1, false}, {3, 3, 1, 1, 1, true},
	} {
		for _, kind := range []struct {
			op       string
			padding  int
			dilation bool
		}{{"MaxPool", 0, true}, {"AveragePool", 0, false}, {"AveragePool", 1, false}} {
			if c.dilation != 1 && !kind.dilation {
				continue
			}
			what := fmt.Sprintf("%s %+v, counting padding: %d", kind.op, c, kind.padding)
			attributes := []any{"kernel_shape", []int{c.size, c.size}, "strides", []int{c.stride, c.stride}, "pads", []int{c.before, c.before, c.after, c.after}}
			if c.ceil {
				attributes = append(attributes, "ceil_mode", 1)
			}
			if c.dilation != 1 {
				attributes = append(attributes, "dilations", []int{c.dilation, c.dilation})
			}
			if kind.padding != 0 {
				attributes = append(attributes, "count_include_pad", 1)
			}
			want, side := pooled(picture().Data, c.size, c.stride, c.before, c.after, c.dilation, c.ceil, kind.op == "MaxPool", kind.padding != 0)
			// The output has the size of the image: its numbers go to the front of one.
			end := int64s(0, int64(32-2*side*side))
			if 2*side*side > 32 {
				t.Fatalf("%s: a window makes the image larger", what)
			}
			got := outputOf(t, 0, [][]byte{constant("flat", 7, int64s(-1), 1), constant("pads", 7, end, 2), constant("shape", 7, int64s(1, 2, 4, 4), 4)},
				node(kind.op, "x", "small", attributes...), node("Reshape", "small flat", "row"), node("Pad", "row pads", "long"), node("Reshape", "long shape", "out"))
			near(t, what, got[:len(want)], want)
		}
	}
}

// Quotients of integers are truncated and remainders have the sign that ONNX says, of numbers
// that are known only when the network runs.
func TestIntegers(t *testing.T) {
	whole := func(v float32) float64 { return math.Trunc(float64(v)) }
	for _, c := range []struct {
		op         string
		attributes []any
		of         func(v float64) float64
	}{
		{"Div", nil, func(v float64) float64 { return math.Trunc(v / 3) }},
		{"Mod", nil, func(v float64) float64 { return v - 3*math.Floor(v/3) }},
		{"Mod", []any{"fmod", 1}, func(v float64) float64 { return v - 3*math.Trunc(v/3) }},
	} {
		var want []float32
		for _, v := range picture().Data {
			want = append(want, float32(c.of(whole(v))))
		}
		got := outputOf(t, 0, [][]byte{constant("three", 7, int64s(3), 1)},
			node("Cast", "x", "whole", "to", 7), node(c.op, "whole three", "result", c.attributes...), node("Cast", "result", "out", "to", 1))
		near(t, fmt.Sprint(c.op, c.attributes), got, want)
	}
}

func TestLogSoftmaxAndXor(t *testing.T) {
	x := picture().Data
	var want, differ []float32
	for i, v := range x {
		var sum float64
		for _, u := range x[i/4*4 : i/4*4+4] {
			sum += math.Exp(float64(u))
		}
		want = append(want, v-float32(math.Log(sum)))
		differ = append(differ, 0)
		if (v > 0) != (v > 2) {
			differ[i] = 1
		}
	}
	near(t, "LogSoftmax", outputOf(t, 0, nil, node("LogSoftmax", "x", "out", "axis", 3)), want)
	near(t, "Xor", outputOf(t, 0, [][]byte{constant("a", 1, float32s(0), 1), constant("b", 1, float32s(2), 1)},
		node("Greater", "x a", "p"), node("Greater", "x b", "q"), node("Xor", "p q", "r"), node("Cast", "r", "out", "to", 1)), differ)
}

// A table of numbers is looked up by the time, as in alphas_cumprod[t], and slices are written
// to constant places.
func TestLookupAndScatter(t *testing.T) {
	x := picture().Data
	table := make([]float32, 50)
	for i := range table {
		table[i] = float32(i*i) / 10
	}
	var want []float32
	for _, v := range x {
		want = append(want, v*table[7])
	}
	near(t, "Gather", outputOf(t, 7, [][]byte{constant("table", 1, float32s(table...), 50), constant("shape", 7, int64s(1, 1, 1, 1), 4)},
		node("Cast", "t", "at", "to", 7), node("Gather", "table at", "one"), node("Reshape", "one shape", "factor"), node("Mul", "x factor", "out")), want)

	// Rows 1 and then 3 of channel 0 become rows 2 and 0 of channel 1; the place that is
	// written twice keeps the later.
	want = append([]float32{}, x...)
	copy(want[4:8], x[16:20])
	copy(want[12:16], x[16:20])
	copy(want[4:8], x[24:28])
	near(t, "ScatterND", outputOf(t, 0, [][]byte{
		constant("places", 7, int64s(0, 0, 1, 0, 0, 3, 0, 0, 1), 3, 3),
		constant("rows", 7, int64s(0, 0, 2), 3), constant("shape", 7, int64s(4, 4), 2),
		constant("one", 7, int64s(1), 1), constant("two", 7, int64s(2), 1), constant("axis", 7, int64s(1), 1)},
		node("Slice", "x one two axis", "channel"), node("Reshape", "channel shape", "lines"), node("Gather", "lines rows", "updates", "axis", 0),
		node("ScatterND", "x places updates", "out")), want)
}

func TestGlobalMaxPool(t *testing.T) {
	x := picture().Data
	var want []float32
	for i := range x {
		most := x[i/16*16]
		for _, v := range x[i/16*16 : i/16*16+16] {
			most = max(most, v)
		}
		want = append(want, x[i]-most)
	}
	near(t, "GlobalMaxPool", outputOf(t, 0, nil, node("GlobalMaxPool", "x", "most"), node("Sub", "x most", "out")), want)
}
