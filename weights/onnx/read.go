package onnx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	out = b.arranged(net, name, out)
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
