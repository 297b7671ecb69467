package onnx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tweedie/core/graph"
	"tweedie/core/unet"
)

// Options complete what a file does not specify.
type Options struct {
	X, T, Y string    // names of the inputs image, time and class; empty to recognize them
	Size    unet.Size // of the images if the file leaves it open; zero for none
}

// Network is a denoiser as a program. For each sample its inputs are an image "x" [H,W,C], a
// time "t" [1] and, if Conditional, a class number "y" [1]; the output is an image.
type Network struct {
	Program     *graph.Program
	Out         graph.Value
	Weights     graph.Source // read from the file on demand; has a method Err() error
	Shape       [3]int       // C, H, W
	Conditional bool
	Learned     bool     // the output has 2C channels: the prediction and a learned variance
	Rows        int      // of the table in which y is looked up; 0 if there is none
	Assumed     []string // what the file does not specify, one sentence each
	Producer    string   // name of the program that wrote the file
	Opset       int      // version of the operators
	file        *file
}

// Close closes the files. The network's weights cannot be read afterwards.
func (n *Network) Close() error { return n.file.Close() }

// maxFile is the largest size of a file: protobuf messages are limited to 2 GiB.
const maxFile = 1 << 31

// Read reads the network of an ONNX file. Its weights are read on demand, until the network is
// closed. The error wraps ErrFile, or names the node that is not supported.
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
		err = fmt.Errorf("onnx: %q is not a regular file", path)
	case info.Size() > maxFile:
		err = fmt.Errorf("onnx: %q is %d bytes, need at most %d", path, info.Size(), maxFile)
	default:
		return in, info.Size(), nil
	}
	in.Close()
	return nil, 0, err
}

// Import is Read for an open file of size bytes. folder may contain files of external data;
// empty refuses external data.
func Import(in io.ReaderAt, size int64, folder string, o Options) (net *Network, err error) {
	m, err := parse((&source{in: in}).whole(size))
	if err != nil {
		return nil, err
	}
	f := &file{folder: folder, others: map[string]*source{}, sizes: map[string]int64{}, size: size}
	defer func() {
		if f.done = true; err != nil {
			f.Close()
		}
	}()
	if m.opset < minOpset || m.opset > maxOpset {
		return nil, fmt.Errorf("onnx: operators are of version %d, need %d to %d", m.opset, minOpset, maxOpset)
	}
	net = &Network{Producer: m.producer, Opset: m.opset, Program: &graph.Program{}, file: f}
	b := &builder{file: f, opset: m.opset, values: map[string]view{}, users: map[string]int{}, made: map[string]view{}}
	for _, n := range m.graph.nodes {
		for _, name := range n.inputs {
			b.users[name]++
		}
	}
	if err := b.initializers(m.graph.initializers); err != nil {
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
	if err := b.emitAll(net, m.graph); err != nil {
		return nil, err
	}
	return net, nil
}

// The versions of the ONNX operators that are supported.
const minOpset, maxOpset = 1, 23

func (b *builder) initializers(tensors []*tensorProto) (err error) {
	defer recovered(&err)
	for _, t := range tensors {
		n, err := b.file.constant(t)
		if err != nil {
			return fmt.Errorf("onnx: %w: %w", ErrFile, err)
		}
		b.values[t.name] = b.sized(n)
	}
	return nil
}

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

// image declares x.
func (b *builder) image(net *Network, i valueInfo, size unet.Size) error {
	dims := slices.Clone(i.dims)
	if len(dims) != 4 {
		return fmt.Errorf("onnx: input %q has shape %v, need an image [1,C,H,W]", i.name, dims)
	}
	for k, n := range dims[2:] {
		if side := []int{size.H, size.W}[k]; n < 0 && side > 0 {
			dims[2+k] = int64(side)
		}
	}
	switch {
	case dims[0] > 1:
		return fmt.Errorf("onnx: input %q has a batch of %d, need 1: export the network for a batch of 1, or with dynamic_axes", i.name, dims[0])
	case dims[2] < 0 || dims[3] < 0:
		return fmt.Errorf("onnx: input %q leaves height or width open, need --size", i.name)
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
	n.at = &layout{net.Program.Inputs[0].Value, imageSteps([]int{h, w, c})}
	return nil
}

// number declares t or y, which is one number per image. i is nil if the graph has no such
// input.
func (b *builder) number(net *Network, name string, i *valueInfo) error {
	value := net.Program.Input(name, 1)
	if i == nil {
		return nil
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

// emitAll emits the nodes that the output needs.
func (b *builder) emitAll(net *Network, g *graphProto) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("onnx: %w", err)
		}
	}()
	defer recovered(&err)
	if len(g.outputs) == 0 {
		refuse("the graph has no output")
	}
	name := g.outputs[0].name
	out, ok := b.values[name]
	if !ok {
		refuse("no node computes the output %q", name)
	}
	c, h, w := net.Shape[0], net.Shape[1], net.Shape[2]
	net.Learned = slices.Equal(out.shape(), []int{1, 2 * c, h, w})
	if want := []int{1, c, h, w}; !net.Learned && !slices.Equal(out.shape(), want) {
		refuse("the output %q has shape %v, need %v as the image", name, out.shape(), want)
	}
	p := &emitter{program: net.Program, weights: map[string]view{}, again: map[string]int{}}
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
