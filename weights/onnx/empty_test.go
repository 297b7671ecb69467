package onnx_test

import (
	"strings"
	"testing"

	"tweedie/weights/onnx"
)

// TestEmptyValues: values without elements are computed where they are constants, and
// refused everywhere else; neither case panics.
func TestEmptyValues(t *testing.T) {
	empty := [][]byte{
		constant("e", 1, nil, 0), constant("e4", 1, nil, 1, 0, 4, 4), constant("w", 1, nil, 2, 0, 1, 1), constant("pads", 7, int64s(1, 1), 2),
		constant("zero", 7, int64s(0), 1), constant("zeros", 7, int64s(0, 2, 4, 4), 4), constant("table", 1, nil, 0, 4), constant("wt", 1, make([]byte, 16), 2, 2, 1, 1),
		constant("e0", 1, nil, 0, 1, 1, 1), constant("two", 7, int64s(2), 1), constant("shape", 7, int64s(0, 3), 2),
	}
	for _, tt := range []struct {
		name, want string // no error if empty
		nodes      [][]byte
	}{
		{"reshape", "", [][]byte{node("Reshape", "e shape", "a", "allowzero", 1), node("Relu", "x", "out")}},
		{"reshape to more", `need one of 0 elements`, [][]byte{node("Reshape", "e two", "a"), node("Relu", "x", "out")}},
		{"reshape to fewer", `need one of 32 elements`, [][]byte{node("Reshape", "x zero", "out", "allowzero", 1)}},
		{"flatten", "", [][]byte{node("Flatten", "e4", "a"), node("Relu", "x", "out")}},
		{"cast", "", [][]byte{node("Cast", "e", "a", "to", 7), node("Concat", "a two", "b", "axis", 0), node("Relu", "x", "out")}},
		{"function", "", [][]byte{node("Relu", "e", "a"), node("Relu", "x", "out")}},
		{"sum", "", [][]byte{node("Add", "e e", "a"), node("Relu", "x", "out")}},
		{"concatenation", "", [][]byte{node("Concat", "e e", "a", "axis", 0), node("Relu", "x", "out")}},
		{"sum with the image", "need at least one element", [][]byte{node("Add", "x e0", "a"), node("Relu", "x", "out")}},
		{"expansion", "need at least one element", [][]byte{node("Expand", "x zeros", "out")}},
		{"softmax", "need at least one element", [][]byte{node("Softmax", "e", "a"), node("Relu", "x", "out")}},
		{"norm", "need at least one element", [][]byte{node("LayerNormalization", "e4 e", "a"), node("Relu", "x", "out")}},
		{"wrapped padding", "without elements", [][]byte{node("Pad", "e pads", "a", "mode", "wrap"), node("Relu", "x", "out")}},
		{"convolution", "need constants of 4 axes", [][]byte{node("Conv", "e4 w", "a"), node("Relu", "x", "out")}},
		{"table", "need one row of a constant table", [][]byte{node("Gather", "table t", "a"), node("Relu", "x", "out")}},
		{"computed bias", "has biases of shape [1], need 2 constants", [][]byte{node("ConvTranspose", "x wt t", "out")}},
		{"output", "need at least one element", [][]byte{node("Add", "x e0", "out")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := imported(model(17, empty, tt.nodes...), "", onnx.Options{})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}
