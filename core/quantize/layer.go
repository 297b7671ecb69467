package quantize

import (
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/tensor"
)

// layer is an operation with a matrix of weights.
type layer struct {
	node       int
	name, bias string // of the parameters; bias is "" if there is none
	shape      []int
	rows, cols int
	w          []float32 // nil until it is loaded
}

// layersOf returns the operations of p whose weights have two or more axes, in the order in
// which they run. Of several with the same weights it returns the first.
func layersOf(p *graph.Program) []*layer {
	names, shapes := namesOf(p), map[graph.Value][]int{}
	for _, d := range p.Params {
		shapes[d.Value] = d.Shape
	}
	var out []*layer
	seen := map[graph.Value]bool{}
	for i, n := range p.Nodes {
		if len(n.Params) == 0 || len(shapes[n.Params[0]]) < 2 || seen[n.Params[0]] {
			continue
		}
		seen[n.Params[0]] = true
		l := &layer{node: i, name: names[n.Params[0]], shape: shapes[n.Params[0]]}
		l.rows = l.shape[0]
		l.cols = tensor.Size(l.shape) / l.rows
		if isLinear(n.Op) && len(n.Params) > 1 {
			l.bias = names[n.Params[1]]
		}
		out = append(out, l)
	}
	return out
}

// isLinear reports whether outputs of the operation are sums of inputs times weights, plus a
// bias, so that its weights can be rounded with feedback.
func isLinear(op graph.Op) bool {
	switch op.(type) {
	case graph.Conv, graph.Linear:
		return true
	}
	return false
}

// maxRows is the most rows of inputs that are used to round a layer.
const maxRows = 3072

// inputs are rows of the numbers that an output of a layer is a sum over, one number per column
// of the weights. The zero value has no rows.
type inputs struct {
	count int
	// columns returns columns [low, high) of all rows.
	columns func(low, high int) []float32
}

// inputs returns the layer's inputs at positions spread over all n samples. x is the value that
// the layer reads.
func (l *layer) inputs(p *graph.Program, x []float32, n int) inputs {
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
	count, taps := min(len(g.Rows), maxRows), len(g.Taps)
	return inputs{count, func(low, high int) []float32 {
		out := make([]float32, 0, count*(high-low))
		for i := range count {
			at := g.Rows[i*len(g.Rows)/count]
			for k := low; k < high; k++ {
				out = append(out, x[int(at+g.Taps[k%taps])+k/taps])
			}
		}
		return out
	}}
}
