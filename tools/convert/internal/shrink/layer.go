package shrink

import (
	"tweedie/core/graph"
	"tweedie/core/kernel"
)

// layer is an operation with a matrix of weights.
type layer struct {
	node       int
	name, bias string // "" for no bias
	shape      []int
	rows, cols int
	w          []float32
}

// layersOf returns the operations of p with weights of two axes or more, in the order
// in which they run; of several with the same weights the first.
func layersOf(p *graph.Program, numbers map[string][]float32) []*layer {
	names, shapes := map[graph.Value]string{}, map[graph.Value][]int{}
	for _, d := range p.Params {
		names[d.Value], shapes[d.Value] = d.Name, d.Shape
	}
	var out []*layer
	seen := map[graph.Value]bool{}
	for i, n := range p.Nodes {
		if len(n.Params) == 0 || len(shapes[n.Params[0]]) < 2 || seen[n.Params[0]] {
			continue
		}
		seen[n.Params[0]] = true
		l := &layer{node: i, name: names[n.Params[0]], shape: shapes[n.Params[0]]}
		l.w = numbers[l.name]
		l.rows = l.shape[0]
		l.cols = len(l.w) / l.rows
		if summed(n.Op) && len(n.Params) > 1 {
			l.bias = names[n.Params[1]]
		}
		out = append(out, l)
	}
	return out
}

// summed reports whether outputs of the operation are sums of inputs times weights,
// plus a bias: whether feedback knows how to round its weights.
func summed(op graph.Op) bool {
	switch op.(type) {
	case graph.Conv, graph.Linear:
		return true
	}
	return false
}

// The most rows of inputs that a layer is looked at with.
const maxInputs = 3072

// inputs returns what the outputs of the layer sum over, a row of l.cols numbers for
// each of some positions spread over all samples, in the order of the weights' columns.
// x is the value that the layer reads.
func (l *layer) inputs(p *graph.Program, x []float32, n int) (rows []float32, count int) {
	node := p.Nodes[l.node]
	shape := p.Shape(node.In[0])
	window, images := kernel.Window{H: 1, W: 1, C: l.cols, Size: 1, Stride: 1}, n*p.Size(node.In[0])/l.cols
	if conv, ok := node.Op.(graph.Conv); ok {
		window, images = conv.Window(shape), n
		padded := make([]float32, n*window.Padded())
		window.Pad(padded, x, n)
		x = padded
	}
	g := window.Gather(images)
	count = min(len(g.Rows), maxInputs)
	taps := len(g.Taps)
	rows = make([]float32, count*l.cols)
	for i := range count {
		at, row := g.Rows[i*len(g.Rows)/count], rows[i*l.cols:]
		for t, tap := range g.Taps {
			for c, v := range x[at+tap : int(at+tap)+g.C] {
				row[c*taps+t] = v
			}
		}
	}
	return rows, count
}
