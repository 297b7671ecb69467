package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tweedie/core/graph"
	"tweedie/core/unet"
)

// The names that exporters give to a time and a class.
var (
	timeNames  = []string{"t", "time", "times", "timestep", "timesteps", "sigma", "noise", "noise_level", "noise_labels", "noise_cond"}
	classNames = []string{"y", "c", "class", "classes", "label", "labels", "class_label", "class_labels", "context"}
)

// classifyInputs finds image, time and class among the inputs of a graph: by the names in
// options, else by shape and by the names that exporters use. t and y are nil if there is none.
func classifyInputs(all []valueInfo, o Options) (x, t, y *valueInfo, err error) {
	free := slices.Clone(all)
	take := func(name string, fits func(valueInfo) bool) *valueInfo {
		k := slices.IndexFunc(free, func(i valueInfo) bool { return name != "" && i.name == name || name == "" && fits(i) })
		if k < 0 {
			if name != "" && err == nil {
				err = fmt.Errorf("onnx: there is no input %q, need one of %q", name, namesOf(all))
			}
			return nil
		}
		i := free[k]
		free = slices.Delete(free, k, k+1)
		return &i
	}
	called := func(names []string) func(valueInfo) bool {
		return func(i valueInfo) bool { return slices.Contains(names, strings.ToLower(i.name)) }
	}
	anything := func(valueInfo) bool { return true }
	x = take(o.X, func(i valueInfo) bool { return len(i.dims) == 4 && (i.dims[1] != 1 || i.dims[2] != 1) })
	if x == nil && o.X == "" { // an image as a vector
		x = take("", func(i valueInfo) bool { return len(i.dims) == 2 && i.dims[1] >= leastFlat && !called(classNames)(i) })
	}
	t, y = take(o.T, called(timeNames)), take(o.Y, called(classNames))
	if t == nil {
		t = take("", anything)
	}
	if y == nil {
		y = take("", anything)
	}
	switch {
	case err != nil:
	case x == nil:
		err = fmt.Errorf("onnx: no input is an image [1,C,H,W], [1,H,W,C] or a vector of its pixels among %q", namesOf(all))
	case len(free) > 0:
		err = fmt.Errorf("onnx: inputs %q are unexpected after x %q, t %q and y %q, need a network of an image, a time and a class", namesOf(free), x.name, t.name, y.name)
	}
	return x, t, y, err
}

// inputs declares x, t and y.
func (b *builder) inputs(net *Network, g *graphProto, o Options) error {
	free := slices.DeleteFunc(slices.Clone(g.inputs), func(i valueInfo) bool { return b.values[i.name].of != nil })
	x, t, y, err := classifyInputs(free, o)
	if err != nil {
		return err
	}
	if err := b.image(net, *x, o.Size); err != nil {
		return err
	}
	roles := fmt.Sprintf("input %q is the image", x.name)
	if err := b.number(net, "t", t); err != nil {
		return err
	}
	plain := x.name == "x" && (t == nil || t.name == "t") && (y == nil || y.name == "y")
	if t == nil {
		net.Assumed = append(net.Assumed, "the network has no time input: it is the same at every noise level")
	} else {
		roles += fmt.Sprintf(", %q the time", t.name)
	}
	if net.Conditional = y != nil; y != nil {
		roles += fmt.Sprintf(", %q the class", y.name)
		if err := b.number(net, "y", y); err != nil {
			return err
		}
	}
	if !plain {
		net.Assumed = append(net.Assumed, roles)
	}
	return nil
}

func namesOf(inputs []valueInfo) []string {
	var names []string
	for _, i := range inputs {
		names = append(names, i.name)
	}
	return names
}

// arrangement is how the pixels of an image stand in an input or output.
type arrangement string

const (
	channelsFirst arrangement = "[1,C,H,W]"
	channelsLast  arrangement = "[1,H,W,C]"
	flattened     arrangement = "[1,pixels]"
)

// leastFlat is the fewest pixels of an image that is a vector.
const leastFlat = 36

// imageShape returns the size of the images that an input takes, and their arrangement.
func imageShape(i valueInfo, size unet.Size) (c, h, w int64, a arrangement, err error) {
	dims := slices.Clone(i.dims)
	if len(dims) != 4 && len(dims) != 2 {
		return 0, 0, 0, "", fmt.Errorf("onnx: input %q has shape %v, need an image [1,C,H,W], [1,H,W,C] or a vector of its pixels", i.name, dims)
	}
	if dims[0] > 1 {
		return 0, 0, 0, "", fmt.Errorf("onnx: input %q has a batch of %d, need 1: export the network for a batch of 1, or with dynamic_axes", i.name, dims[0])
	}
	if len(dims) == 2 {
		return flatShape(i, size)
	}
	few := func(n int64) bool { return n >= 1 && n <= 4 }
	c, h, w, a = dims[1], dims[2], dims[3], channelsFirst
	if few(dims[3]) && !few(dims[1]) {
		c, h, w, a = dims[3], dims[1], dims[2], channelsLast
	}
	if h < 0 && size.H > 0 {
		h = int64(size.H)
	}
	if w < 0 && size.W > 0 {
		w = int64(size.W)
	}
	if h < 0 || w < 0 {
		return 0, 0, 0, "", fmt.Errorf("onnx: input %q leaves height or width open, need --size", i.name)
	}
	return c, h, w, a, nil
}

// flatShape returns the size of the images that a vector holds: of --size, or else a square of
// one or three channels.
func flatShape(i valueInfo, size unet.Size) (c, h, w int64, a arrangement, err error) {
	pixels := i.dims[1]
	if size.H > 0 && size.W > 0 {
		h, w = int64(size.H), int64(size.W)
		if c = pixels / (h * w); c*h*w != pixels {
			return 0, 0, 0, "", fmt.Errorf("onnx: input %q has %d numbers, need a multiple of %d×%d, which --size says", i.name, pixels, h, w)
		}
		return c, h, w, flattened, nil
	}
	for _, c = range []int64{1, 3} {
		side := int64(math.Round(math.Sqrt(float64(pixels) / float64(c))))
		if c*side*side == pixels {
			return c, side, side, flattened, nil
		}
	}
	return 0, 0, 0, "", fmt.Errorf("onnx: input %q has %d numbers, which is no square image: need --size HEIGHTxWIDTH", i.name, pixels)
}

// image declares x.
func (b *builder) image(net *Network, i valueInfo, size unet.Size) error {
	channels, height, width, arranged, err := imageShape(i, size)
	if err != nil {
		return err
	}
	for k, n := range []int64{channels, height, width} {
		if n < 1 || n > 1<<13 {
			return fmt.Errorf("onnx: input %q has shape %v, need sizes of 1 to 8192", i.name, i.dims)
		}
		net.Shape[k] = int(n)
	}
	c, h, w := net.Shape[0], net.Shape[1], net.Shape[2]
	if c*h > graph.MaxValue/w {
		return fmt.Errorf("onnx: input %q has shape %v, need at most %d numbers", i.name, i.dims, graph.MaxValue)
	}
	n := &node{op: input{net.Program.Input("x", h, w, c)}}
	v := b.add(n, []int{1, c, h, w})
	switch arranged {
	case channelsLast:
		v = v.transposed([]int{0, 2, 3, 1})
	case flattened:
		v = b.reshaped(v, []int{1, c * h * w})
	}
	if arranged != channelsFirst {
		net.Assumed = append(net.Assumed, fmt.Sprintf("the input %q is %s for pictures of %d×%d with C = %d", i.name, arranged, h, w, c))
	}
	b.values[i.name] = v
	n.at = &layout{net.Program.Inputs[0].Value, imageSteps([]int{h, w, c})}
	return nil
}

// arranged returns the output as [1,C,H,W], or as [1,2C,H,W] if it has learned variances.
func (b *builder) arranged(net *Network, name string, out view) view {
	c, h, w := net.Shape[0], net.Shape[1], net.Shape[2]
	for _, count := range []int{c, 2 * c} {
		net.Learned = count != c
		switch {
		case slices.Equal(out.shape(), []int{1, count, h, w}):
			return out
		case slices.Equal(out.shape(), []int{1, h, w, count}):
			return out.transposed([]int{0, 3, 1, 2})
		case count == c && slices.Equal(out.shape(), []int{1, c * h * w}):
			return b.reshaped(out, []int{1, c, h, w})
		}
	}
	refuse("the output %q has shape %v, need %v as the image", name, out.shape(), []int{1, c, h, w})
	return view{}
}

// number declares t or y, which is one number per image. i is nil if the graph has no such
// input.
func (b *builder) number(net *Network, name string, i *valueInfo) error {
	value := net.Program.Input(name, 1)
	if i == nil {
		return nil
	}
	if rows := len(i.dims) - 1; name == "y" && rows >= 1 && rows <= maxRank && i.dims[rows] > 1 {
		return b.oneHot(net, *i, value)
	}
	shape := make([]int, len(i.dims))
	for k, n := range i.dims {
		if n > 1 || len(shape) > maxRank {
			return fmt.Errorf("onnx: input %q has shape %v, need one number per image", i.name, i.dims)
		}
		shape[k] = 1
	}
	t, err := dtypeOf(i.dtype)
	if err != nil {
		return fmt.Errorf("onnx: input %q %w", i.name, err)
	}
	n := &node{op: input{value}, dtype: t}
	b.values[i.name] = b.add(n, shape)
	return nil
}

// oneHot declares a class as a vector [1,K] that is 1 at the class and 0 elsewhere.
func (b *builder) oneHot(net *Network, i valueInfo, value graph.Value) (err error) {
	defer recovered(&err)
	k := i.dims[len(i.dims)-1]
	for _, n := range i.dims[:len(i.dims)-1] {
		if n > 1 {
			return fmt.Errorf("onnx: input %q has shape %v, need one class per image", i.name, i.dims)
		}
	}
	if k > 1<<16 {
		return fmt.Errorf("onnx: input %q has shape %v, need at most 65536 classes", i.name, i.dims)
	}
	shape := slices.Repeat([]int{1}, len(i.dims))
	class := b.add(&node{op: input{value}, dtype: integer}, shape)
	places := make([]float64, k)
	for p := range places {
		places[p] = float64(p)
	}
	shape[len(shape)-1] = int(k)
	b.values[i.name] = b.binary("equal", class, b.constant(shape, integer, places))
	net.Rows = int(k)
	net.Assumed = append(net.Assumed, fmt.Sprintf("the input %q is a one-hot vector of %d classes", i.name, k))
	return nil
}
