package eval

import (
	"errors"
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// Features is the number of features of a picture.
const Features = 128

// Widths and norms of the classifier.
const (
	firstWidth = 32
	width      = 64
	groups     = 8
	normEps    = 1e-5
	lastSide   = 8 // largest side of the image that becomes the features
)

// Spec describes the pictures that a classifier is for. It is the Config of its file.
type Spec struct {
	Arch    string   `json:"arch"`    // the constant Arch
	Shape   [3]int   `json:"shape"`   // of a picture: C, H, W
	Classes []string `json:"classes"` // names, in the order of their numbers
}

// Arch is the architecture of a classifier's file.
const Arch = "tweedie-classifier"

// ErrSpec is wrapped by the errors of a Spec.
var ErrSpec = errors.New("no classifier can be trained on these pictures")

// Validate returns an error if there can be no classifier for s.
func (s *Spec) Validate() error {
	c, h, w := s.Shape[0], s.Shape[1], s.Shape[2]
	switch {
	case s.Arch != Arch:
		return fmt.Errorf("eval: %w: arch must be %q (got %q)", ErrSpec, Arch, s.Arch)
	case min(h, w) < 4 || max(h, w) > 256:
		return fmt.Errorf("eval: %w: their sides must be from 4 to 256 pixels (got %dx%d, height x width)", ErrSpec, h, w)
	case c < 1 || c > 4:
		return fmt.Errorf("eval: %w: they must have 1 to 4 channels (got %d)", ErrSpec, c)
	case len(s.Classes) < 2:
		return fmt.Errorf("eval: %w: they must have at least 2 classes, from which the features are learned (got %d)", ErrSpec, len(s.Classes))
	}
	return nil
}

// body applies the layers that make features [1,1,Features] of a picture: 3×3
// convolutions, each with group norm and SiLU, at stride 2 until both sides are at
// most 8, and one convolution over the rest.
func (s *Spec) body(g graph.Graph) graph.Value {
	x := g.Input("x", s.Shape[1], s.Shape[2], s.Shape[0])
	x = norm(g, "norm_in", nn.Conv3(g, "conv_in", x, firstWidth))
	for i := 0; max(g.Shape(x)[0], g.Shape(x)[1]) > lastSide; i++ {
		x = nn.Down3(g, fmt.Sprintf("down.%d.conv", i), x, width, 1)
		x = norm(g, fmt.Sprintf("down.%d.norm", i), x)
	}
	side, c := g.Shape(x)[0], g.Shape(x)[2]
	if other := g.Shape(x)[1]; other != side { // convolutions have square kernels
		side, c = 1, side*other*c
		x = g.Apply(graph.Reshape{Shape: []int{1, 1, c}}, x)
	}
	init := graph.Init{Kind: graph.Uniform, Fan: c * side * side}
	w := g.Param("features.weight", init, Features, c, side, side)
	x = g.Apply(graph.Conv{Size: side, Stride: 1}, x, w, g.Param("features.bias", init, Features))
	return g.Apply(graph.SiLU{}, x)
}

// head maps the features to a logit for each class.
func (s *Spec) head(g graph.Graph, features graph.Value) graph.Value {
	return nn.Linear(g, "head", features, len(s.Classes))
}

func norm(g graph.Graph, name string, x graph.Value) graph.Value {
	return nn.GroupNorm(g, name, x, graph.GroupNorm{Groups: groups, Eps: normEps, SiLU: true})
}

// whole returns the program from pictures to logits.
func (s *Spec) whole() (*graph.Program, graph.Value, error) {
	if err := s.Validate(); err != nil {
		return nil, 0, err
	}
	p := &graph.Program{}
	out := s.head(p, s.body(p))
	return p, out, p.Err()
}
