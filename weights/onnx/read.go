package onnx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tweedie/core/graph"
)

// Options say what a file leaves open.
type Options struct {
	X, T, Y string // names of the inputs: image, time and class; empty to find them
	Size    int    // height and width of the images where the file leaves them open; 0 for none
}

// Network is a denoiser as a program: it takes, a sample, an image "x" [H,W,C], a
// time "t" [1] and, if Conditional, a class number "y" [1], and gives an image.
type Network struct {
	Program     *graph.Program
	Out         graph.Value
	Weights     graph.Source // in the file, and Err() error of it
	Shape       [3]int       // C, H, W
	Conditional bool
	Learned     bool     // it gives 2C channels: the prediction and a learned variance
	Rows        int      // of the table that y is looked up in; 0 if there is none
	Assumed     []string // what the file does not say, one sentence each
	Producer    string   // the program that wrote the file, as it calls itself
	Opset       int
	file        *file
}

// Close ends the reading of the network's weights.
func (n *Network) Close() error { return n.file.Close() }

// maxFile bounds a file: protobuf ends at 2 GiB.
const maxFile = 1 << 31

// Read reads the network of an ONNX file. Its weights are read when they are asked for,
// until it is closed. The error wraps ErrFile, or names the node that has no place here.
func Read(path string, o Options) (*Network, error) {
	in, size, err := open(path)
	if err != nil {
		return nil, err
	}
	net, err := Import(in, size, filepath.Dir(path), o)
	if err != nil {
		in.Close()
		return nil, err
	}
	net.file.open = append(net.file.open, in)
	return net, nil
}

func open(path string) (in *os.File, size int64, err error) {
	if in, err = os.Open(path); err != nil {
		return nil, 0, fmt.Errorf("onnx: %w", err)
	}
	info, err := in.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("onnx: %w", err)
	case !info.Mode().IsRegular():
		err = fmt.Errorf("onnx: %q is no regular file", path)
	case info.Size() > maxFile:
		err = fmt.Errorf("onnx: %q is %d bytes, need at most %d", path, info.Size(), maxFile)
	default:
		return in, info.Size(), nil
	}
	in.Close()
	return nil, 0, err
}

// Import is Read for a file of size bytes that is open. folder is where weights outside
// of it may lie; empty refuses those.
func Import(in io.ReaderAt, size int64, folder string, o Options) (net *Network, err error) {
	m, err := parse((&source{in: in}).whole(size))
	if err != nil {
		return nil, err
	}
	f := &file{folder: folder, beside: map[string]*source{}, sizes: map[string]int64{}, size: size}
	defer func() {
		if f.done = true; err != nil {
			f.Close()
		}
	}()
	if m.opset < 9 || m.opset > maxOpset {
		return nil, fmt.Errorf("onnx: operators are of version %d, need 9 to %d", m.opset, maxOpset)
	}
	net = &Network{Producer: m.producer, Opset: m.opset, Program: &graph.Program{}, file: f}
	b := &builder{file: f, opset: m.opset, values: map[string]view{}, users: map[string]int{}, made: map[string]view{}}
	for _, n := range m.graph.nodes {
		for _, name := range n.inputs {
			b.users[name]++
		}
	}
	if err := b.initialisers(m.graph.initializers); err != nil {
		return nil, err
	}
	if err := b.inputs(net, m.graph, o); err != nil {
		return nil, err
	}
	for _, n := range m.graph.nodes {
		if err := b.run(n); err != nil {
			return nil, err
		}
	}
	if err := b.placeAll(net, m.graph); err != nil {
		return nil, err
	}
	return net, nil
}

// maxOpset is the last version of the operators whose meaning is the one here.
const maxOpset = 23

func (b *builder) initialisers(tensors []*tensorProto) (err error) {
	defer caught(&err)
	for _, t := range tensors {
		n, err := b.file.constant(t)
		if err != nil {
			return fmt.Errorf("onnx: %w: %w", ErrFile, err)
		}
		b.values[t.name] = b.sized(n)
	}
	return nil
}

// What exporters call a time and a class.
var (
	timeNames  = []string{"t", "time", "times", "timestep", "timesteps", "sigma", "noise", "noise_level", "noise_labels", "noise_cond"}
	classNames = []string{"y", "c", "class", "classes", "label", "labels", "class_label", "class_labels", "context"}
)

// sorted tells image, time and class apart among the inputs of a graph: by the names
// of options, else by shape and by what exporters call them. t and y may be missing.
func sorted(all []valueInfo, o Options) (x, t, y *valueInfo, err error) {
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
		err = fmt.Errorf("onnx: no input is an image [1,C,H,W] among %q", namesOf(all))
	case len(free) > 0:
		err = fmt.Errorf("onnx: inputs %q are left over beside x %q, t %q and y %q, need a network of an image, a time and a class", namesOf(free), x.name, t.name, y.name)
	}
	return x, t, y, err
}

// inputs declares x, t and y.
func (b *builder) inputs(net *Network, g *graphProto, o Options) error {
	free := slices.DeleteFunc(slices.Clone(g.inputs), func(i valueInfo) bool { return b.values[i.name].of != nil })
	x, t, y, err := sorted(free, o)
	if err != nil {
		return err
	}
	if err := b.image(net, *x, o.Size); err != nil {
		return err
	}
	is := fmt.Sprintf("input %q is the image", x.name)
	if err := b.number(net, "t", t); err != nil {
		return err
	}
	plain := x.name == "x" && (t == nil || t.name == "t") && (y == nil || y.name == "y")
	if t == nil {
		net.Assumed = append(net.Assumed, "the network takes no time: it is the same at every noise level")
	} else {
		is += fmt.Sprintf(", %q the time", t.name)
	}
	if net.Conditional = y != nil; y != nil {
		is += fmt.Sprintf(", %q the class", y.name)
		if err := b.number(net, "y", y); err != nil {
			return err
		}
	}
	if !plain {
		net.Assumed = append(net.Assumed, is)
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

// image declares x.
func (b *builder) image(net *Network, i valueInfo, size int) error {
	dims := slices.Clone(i.dims)
	if len(dims) != 4 {
		return fmt.Errorf("onnx: input %q has shape %v, need an image [1,C,H,W]", i.name, dims)
	}
	for k, n := range dims[2:] {
		if n < 0 && size > 0 {
			dims[2+k] = int64(size)
		}
	}
	switch {
	case dims[0] > 1:
		return fmt.Errorf("onnx: input %q is a batch of %d, need a file that was exported for a batch of 1, or for any: with dynamic_axes", i.name, dims[0])
	case dims[2] < 0 || dims[3] < 0:
		return fmt.Errorf("onnx: input %q leaves height or width open, need their size", i.name)
	}
	for k, n := range dims[1:] {
		if n < 1 || n > 1<<13 {
			return fmt.Errorf("onnx: input %q has shape %v, need sizes of 1 to 8192", i.name, dims)
		}
		net.Shape[k] = int(n)
	}
	c, h, w := net.Shape[0], net.Shape[1], net.Shape[2]
	if c*h > graph.MaxValue/w {
		return fmt.Errorf("onnx: input %q has shape %v, need at most %d numbers", i.name, dims, graph.MaxValue)
	}
	n := &node{op: input{net.Program.Input("x", h, w, c)}}
	b.values[i.name] = b.add(n, []int{1, c, h, w})
	n.at = &placed{net.Program.Inputs[0].Value, imageSteps([]int{h, w, c})}
	return nil
}

// number declares t or y, one number an image; nil is one that the graph does not take.
func (b *builder) number(net *Network, name string, i *valueInfo) error {
	value := net.Program.Input(name, 1)
	if i == nil {
		return nil
	}
	shape := make([]int, len(i.dims))
	for k, n := range i.dims {
		if n > 1 || len(shape) > maxRank {
			return fmt.Errorf("onnx: input %q has shape %v, need one number an image", i.name, i.dims)
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

// placeAll writes what the output needs down as a program.
func (b *builder) placeAll(net *Network, g *graphProto) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("onnx: %w", err)
		}
	}()
	defer caught(&err)
	if len(g.outputs) == 0 {
		refuse("the graph has no output")
	}
	name := g.outputs[0].name
	out, ok := b.values[name]
	if !ok {
		refuse("nothing makes the output %q", name)
	}
	c, h, w := net.Shape[0], net.Shape[1], net.Shape[2]
	net.Learned = slices.Equal(out.shape(), []int{1, 2 * c, h, w})
	if want := []int{1, c, h, w}; !net.Learned && !slices.Equal(out.shape(), want) {
		refuse("the output %q has shape %v, need the image's %v", name, out.shape(), want)
	}
	p := &placer{program: net.Program, weights: map[string]view{}, again: map[string]int{}}
	image, _ := b.imageOf(out)
	net.Out = p.image(image)
	if err := net.Program.Err(); err != nil {
		return err
	}
	for _, n := range net.Program.Nodes {
		if _, ok := n.Op.(graph.Lookup); ok && net.Conditional && net.Rows == 0 {
			net.Rows = net.Program.Shape(n.Params[0])[0]
		}
	}
	net.Weights = &parameters{views: p.weights}
	return nil
}
