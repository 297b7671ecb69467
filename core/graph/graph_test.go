package graph_test

import (
	"slices"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// Every operation names the inputs that do not fit.
func TestInferErrors(t *testing.T) {
	image, other, vector := []int{4, 6, 8}, []int{4, 6, 3}, []int{8}
	for _, c := range []struct {
		name string
		op   graph.Op
		in   [][]int
		text string
	}{
		{"conv without weights", graph.Conv{Size: 3, Stride: 1}, [][]int{image}, "must be an image"},
		{"conv of other channels", graph.Conv{Size: 3, Stride: 1}, [][]int{image, {5, 3, 3, 3}, {5}}, "do not fit image"},
		{"conv larger than its image", graph.Conv{Size: 7, Stride: 1}, [][]int{image, {5, 8, 7, 7}, {5}}, "does not fit image"},
		{"conv without stride", graph.Conv{Size: 3}, [][]int{image, {5, 8, 3, 3}, {5}}, "does not fit image"},
		{"linear of other width", graph.Linear{}, [][]int{vector, {3, 9}, {3}}, "do not fit x"},
		{"norm with a remainder", graph.GroupNorm{Groups: 3}, [][]int{image, vector, vector}, "must divide the 8 channels"},
		{"norm of other channels", graph.GroupNorm{Groups: 1}, [][]int{other, vector, vector}, "two vectors"},
		{"attention with a remainder", graph.Attention{Heads: 3}, [][]int{image, image, image}, "must divide the 8 channels"},
		{"attention of two shapes", graph.Attention{Heads: 1}, [][]int{image, image, other}, "three images"},
		{"add of two shapes", graph.Add{}, [][]int{image, other}, "two of one shape"},
		{"add channels", graph.AddChannels{}, [][]int{other, vector}, "an image [H,W,C] and a vector"},
		{"modulate by a short vector", graph.Modulate{}, [][]int{image, vector}, "a vector [2C]"},
		{"Fourier features of an image", graph.Fourier{}, [][]int{image, vector}, "one number and a vector"},
		{"concat of two sizes", graph.Concat{}, [][]int{image, {4, 5, 8}}, "one height and width"},
		{"upsample a vector", graph.Upsample{}, [][]int{vector}, "one image"},
		{"patches of an odd image", graph.SpaceToDepth{}, [][]int{{3, 4, 1}}, "must be even"},
		{"unpatch three channels", graph.DepthToSpace{}, [][]int{other}, "divisible by 4"},
		{"sinusoid of odd width", graph.Sinusoid{Width: 5}, [][]int{{1}}, "the width must be even"},
		{"embedding of a vector", graph.Embedding{}, [][]int{vector, {3, 4}}, "one number"},
		{"dilation larger than the image", graph.Conv{Size: 3, Stride: 1, Dilation: 3}, [][]int{image, {5, 8, 3, 3}, {5}}, "does not fit image"},
		{"negative dilation", graph.Conv{Size: 3, Stride: 1, Dilation: -1}, [][]int{image, {5, 8, 3, 3}}, "does not fit image"},
		{"a window beyond counting", graph.Conv{Size: 1 << 31, Stride: 1, Dilation: 1 << 31}, [][]int{image, {5, 8, 1 << 31, 1 << 31}}, "does not fit image"},
		{"conv of other biases", graph.Conv{Size: 3, Stride: 1}, [][]int{image, {5, 8, 3, 3}, {6}}, "do not fit image"},
		{"pool larger than its image", graph.AveragePool{Size: 5, Stride: 1}, [][]int{image}, "does not fit image"},
		{"pool of a vector", graph.AveragePool{Size: 1, Stride: 1}, [][]int{vector}, "one image"},
		{"bilinear to nothing", graph.Bilinear{H: 3}, [][]int{image}, "must be positive"},
		{"instance norm plus of one channel", graph.InstanceNormPlus{}, [][]int{{2, 2, 1}, {3}}, "at least 2 channels"},
		{"instance norm plus of other channels", graph.InstanceNormPlus{}, [][]int{image, {8}}, "a vector [3C]"},
		{"SiLU of two", graph.SiLU{}, [][]int{image, image}, "must be 1 input"},
	} {
		if _, err := c.op.Infer(c.in); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error is %v, want one with %q", c.name, err, c.text)
		}
	}
}

func TestInfer(t *testing.T) {
	image := []int{4, 6, 8}
	for _, c := range []struct {
		op   graph.Op
		in   [][]int
		want []int
	}{
		{graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1}, [][]int{image, {5, 8, 3, 3}, {5}}, []int{4, 6, 5}},
		{graph.Conv{Size: 3, Stride: 2, After: 1}, [][]int{image, {5, 8, 3, 3}, {5}}, []int{2, 3, 5}},
		{graph.Conv{Size: 3, Stride: 1, Before: 2, After: 2, Dilation: 2}, [][]int{image, {5, 8, 3, 3}}, []int{4, 6, 5}},
		{graph.AveragePool{Size: 5, Stride: 1, Before: 2, After: 2}, [][]int{image}, image},
		{graph.AveragePool{Size: 2, Stride: 2}, [][]int{{5, 6, 8}}, []int{2, 3, 8}},
		{graph.Bilinear{H: 9, W: 2}, [][]int{image}, []int{9, 2, 8}},
		{graph.InstanceNormPlus{}, [][]int{image, {24}}, image},
		{graph.Linear{}, [][]int{image, {3, 8}, {3}}, []int{4, 6, 3}},
		{graph.Linear{}, [][]int{image, {3, 8}}, []int{4, 6, 3}},
		{graph.Concat{}, [][]int{image, {4, 6, 1}}, []int{4, 6, 9}},
		{graph.Upsample{}, [][]int{image}, []int{8, 12, 8}},
		{graph.Modulate{}, [][]int{image, {16}}, image},
		{graph.Fourier{}, [][]int{{1}, {5}}, []int{10}},
		{graph.SpaceToDepth{}, [][]int{image}, []int{2, 3, 32}},
		{graph.DepthToSpace{}, [][]int{image}, []int{8, 12, 2}},
		{graph.Sinusoid{Width: 6}, [][]int{{1}}, []int{6}},
		{graph.Embedding{}, [][]int{{1}, {3, 4}}, []int{4}},
	} {
		got, err := c.op.Infer(c.in)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%T on %v: %v, %v; want %v", c.op, c.in, got, err, c.want)
		}
	}
}

// A program reports its first error only.
func TestProgramKeepsTheFirstError(t *testing.T) {
	p := &graph.Program{}
	x := p.Input("x", 4, 4, 3)
	y := p.Apply(graph.SpaceToDepth{}, x)
	y = p.Apply(graph.GroupNorm{Groups: 5}, y, p.Param("gamma", graph.Init{}, 12), p.Param("beta", graph.Init{}, 12))
	p.Apply(graph.Upsample{}, y)
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "operation 1, graph.GroupNorm: the number of groups must divide") {
		t.Errorf("error is %v, want the group norm's", err)
	}
	p = &graph.Program{}
	p.Input("x", 1)
	p.Param("x", graph.Init{}, 1)
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), `"x" is declared twice`) {
		t.Errorf("error is %v, want one of the name", err)
	}
}

// The cost of a 3×3 convolution and a linear map, counted by hand.
func TestCost(t *testing.T) {
	p := &graph.Program{}
	x := nn.Conv3(p, "conv", p.Input("x", 5, 7, 3), 4)
	nn.Linear(p, "linear", x, 2)
	got := graph.CostOf(p)
	want := graph.Cost{FLOPs: 2*5*7*4*27 + 2*5*7*2*4, Params: 4*27 + 4 + 4*2 + 2}
	if got != want {
		t.Errorf("cost is %+v, want %+v", got, want)
	}
}
