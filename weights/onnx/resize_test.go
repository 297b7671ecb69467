package onnx_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"tweedie/core/tensor"
	"tweedie/weights/onnx"
)

func float32s(numbers ...float32) []byte {
	var b []byte
	for _, v := range numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// TestNearest halves and doubles an axis of four elements in every rounding mode of ONNX's
// Resize. Halved, element i is at 2i + 1/2, exactly between two elements; doubled, at i/2 −
// 1/4.
func TestNearest(t *testing.T) {
	halved := map[string][2]int{"round_prefer_floor": {0, 2}, "round_prefer_ceil": {1, 3}, "floor": {0, 2}, "ceil": {1, 3}}
	doubled := map[string][4]int{"round_prefer_floor": {0, 0, 1, 1}, "round_prefer_ceil": {0, 0, 1, 1}, "floor": {0, 0, 0, 1}, "ceil": {0, 1, 1, 1}}
	x := tensor.New(1, 2, 4, 4)
	for i := range x.Data {
		x.Data[i] = float32(i)
	}
	for first, down := range halved {
		for second, up := range doubled {
			mode := func(name string) []any {
				return []any{"mode", "nearest", "coordinate_transformation_mode", "half_pixel", "nearest_mode", name}
			}
			net, err := imported(model(13, [][]byte{constant("half", 1, float32s(1, 1, 0.5, 0.5), 4), constant("twice", 1, float32s(1, 1, 2, 2), 4)},
				node("Resize", "x  half", "small", mode(first)...), node("Resize", "small  twice", "out", mode(second)...)), "", onnx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var want []float32
			for c := range 2 {
				for _, row := range up {
					for _, column := range up {
						want = append(want, x.Data[16*c+4*down[row]+down[column]])
					}
				}
			}
			got := run(t, net.Program, net.Out, net.Weights, map[string]*tensor.Tensor{"x": x, "t": tensor.New(1)})
			if !slices.Equal(got.Data, want) {
				t.Errorf("%s, %s: got %v, want %v", first, second, got.Data, want)
			}
		}
	}
}
