package onnx_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"tweedie/core/tensor"
	"tweedie/weights/onnx"
)

// TestVersions compares the operators that versions 18 to 23 add or change with PyTorch's
// numbers (testdata/versions.py).
func TestVersions(t *testing.T) {
	data, err := os.ReadFile("testdata/versions.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][]float32
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	ramp := func(n int) []byte {
		var numbers []float32
		for i := range n {
			numbers = append(numbers, float32(i))
		}
		return float32s(numbers...)
	}
	axes := constant("axes", 7, int64s(2, 3), 2)
	size := func(h, w int64) []byte { return constant("size", 7, int64s(h, w), 2) }
	channels := constant("channels", 7, int64s(1, 8, 2, 2), 4)
	one := constant("one", 1, float32s(1), 1)
	resize := func(in, mode string, more ...any) []byte {
		return node("Resize", in+"   size", "result", append([]any{"mode", mode, "axes", []int{2, 3}, "coordinate_transformation_mode", "half_pixel"}, more...)...)
	}
	keys := [][]byte{constant("half", 1, float32s(0.5), 1), one}
	attention := func(query string, more ...any) [][]byte {
		query, mask, _ := strings.Cut(query, " ")
		return [][]byte{node("Mul", query+" half", "k"), node("Add", query+" one", "v"), node("Attention", strings.TrimSpace(query+" k v "+mask), "result", more...)}
	}
	cases := map[string]struct {
		opset     int
		constants [][]byte
		nodes     [][]byte
	}{
		"linear, filtered": {18, [][]byte{size(2, 3)}, [][]byte{resize("x", "linear", "antialias", 1, "exclude_outside", 1)}},
		"cubic, filtered":  {18, [][]byte{size(2, 3)}, [][]byte{resize("x", "cubic", "antialias", 1, "exclude_outside", 1, "cubic_coeff_a", float32(-0.5))}},
		"cubic, smaller":   {18, [][]byte{size(3, 2)}, [][]byte{resize("x", "cubic")}},
		"cubic, larger": {18, [][]byte{size(3, 5), axes, constant("zero", 7, int64s(0, 0), 2), constant("two", 7, int64s(2, 2), 2)},
			[][]byte{node("Slice", "x zero two axes", "corner"), resize("corner", "cubic")}},
		"cubic, corners":     {19, [][]byte{size(3, 2)}, [][]byte{resize("x", "cubic", "coordinate_transformation_mode", "align_corners")}},
		"not larger":         {18, [][]byte{size(2, 3)}, [][]byte{resize("x", "linear", "keep_aspect_ratio_policy", "not_larger")}},
		"mean of axes":       {18, [][]byte{axes}, [][]byte{node("ReduceMean", "x axes", "result", "keepdims", 0)}},
		"halves":             {18, nil, [][]byte{node("Split", "x", "left right", "axis", 3, "num_outputs", 2), node("Sub", "right left", "result")}},
		"padded axis":        {18, [][]byte{constant("edges", 7, int64s(-1, 1), 2), constant("three", 1, float32s(3)), constant("last", 7, int64s(-1), 1)}, [][]byte{node("Pad", "x edges three last", "result")}},
		"scale of a group":   {18, [][]byte{channels, constant("scale", 1, ramp(4), 4), constant("shift", 1, float32s(1, 1, 1, 1), 4)}, [][]byte{node("Reshape", "x channels", "wide"), node("GroupNormalization", "wide scale shift", "result", "num_groups", 4)}},
		"scale of a channel": {21, [][]byte{channels, constant("scale", 1, ramp(8), 8), constant("shift", 1, float32s(1, 1, 1, 1, 1, 1, 1, 1), 8)}, [][]byte{node("Reshape", "x channels", "wide"), node("GroupNormalization", "wide scale shift", "result", "num_groups", 4)}},
		"gelu":               {20, nil, [][]byte{node("Gelu", "x", "result")}},
		"gelu, tanh":         {20, nil, [][]byte{node("Gelu", "x", "result", "approximate", "tanh")}},
		"mish":               {22, nil, [][]byte{node("Mish", "x", "result")}},
		"rms":                {23, [][]byte{constant("scale", 1, ramp(4), 4)}, [][]byte{node("RMSNormalization", "x scale", "result")}},
		"attention":          {23, keys, attention("x")},
		"attention, causal":  {23, keys, attention("x", "is_causal", 1)},
		"attention, masked": {23, append([][]byte{constant("zero", 1, float32s(0)), constant("eye", 9, []byte{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, 1, 1, 4, 4),
			constant("start", 7, int64s(0), 1), constant("end", 7, int64s(1), 1), constant("axis", 7, int64s(1), 1)}, keys...),
			append([][]byte{node("Greater", "x zero", "bright"), node("Slice", "bright start end axis", "first"), node("Or", "first eye", "mask")}, attention("x mask")...)},
		"attention, flat": {23, append([][]byte{constant("flat", 7, int64s(1, 4, 8), 3)}, keys...),
			append([][]byte{node("Reshape", "x flat", "q")}, attention("q", "q_num_heads", 2, "kv_num_heads", 2)...)},
		"attention, shared": {23, append([][]byte{constant("start", 7, int64s(1), 1), constant("end", 7, int64s(2), 1), constant("axis", 7, int64s(1), 1)}, keys...), [][]byte{
			node("Slice", "x start end axis", "last"), node("Mul", "last half", "k"), node("Add", "last one", "v"), node("Attention", "x k v", "result")}},
		"sums":     {20, [][]byte{constant("axis", 7, int64s(2))}, [][]byte{node("CumSum", "x axis", "result")}},
		"triangle": {20, [][]byte{constant("beyond", 7, int64s(1))}, [][]byte{node("Trilu", "x beyond", "result", "upper", 0)}},
	}
	for name := range want {
		if _, ok := cases[name]; !ok {
			t.Errorf("%s: no graph", name)
		}
	}
	for name, c := range cases {
		want := want[name]
		// The output has the size of the image: its numbers are its first.
		constants := append(c.constants, constant("row", 7, int64s(-1), 1), constant("pads", 7, int64s(0, int64(32-len(want))), 2), constant("shape", 7, int64s(1, 2, 4, 4), 4))
		nodes := append(c.nodes, node("Reshape", "result row", "line"), node("Pad", "line pads", "long"), node("Reshape", "long shape", "out"))
		net, err := imported(model(c.opset, constants, nodes...), "", onnx.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := run(t, net.Program, net.Out, net.Weights, map[string]*tensor.Tensor{"x": picture(), "t": tensor.New(1)}).Data
		if len(want) == 0 {
			t.Errorf("%s: no numbers of PyTorch", name)
		}
		for i, w := range want {
			if d := math.Abs(float64(got[i] - w)); !(d <= 1e-5*(1+math.Abs(float64(w)))) {
				t.Errorf("%s: got %v, want %v", name, got[:len(want)], want)
				break
			}
		}
	}
}
