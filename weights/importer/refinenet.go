package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	gorgonia "gorgonia.org/tensor"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// Cascades and refine blocks of the RefineNets of Song & Ermon 2020 (arXiv:2006.09011), in the
// order in which they run. NCSNv2 has four of each, its deeper version five, the deepest six.
// The last two cascades are dilated instead of halving the image.
var (
	cascades = []string{"res1", "res2", "res3", "res31", "res4", "res5"}
	refines  = []string{"refine1", "refine2", "refine31", "refine3", "refine4", "refine5"}
)

// planRefineNet reads NCSNv2, its deeper versions, and the deeper version of NCSN, as programs
// in the model's file.
func planRefineNet(v *view, h Hints) (*plan, error) {
	r := &refineNet{Program: &graph.Program{}, view: v, names: map[string]bool{}}
	for name := range v.tensors {
		head, _, _ := strings.Cut(name, ".")
		r.names[head] = true
	}
	r.down, r.up = r.present(cascades), r.present(refines)
	divisor := 1 << max(0, len(r.down)-3) // all cascades but the first and the last two halve the image
	switch {
	case h.Size == (unet.Size{}):
		return nil, fmt.Errorf("%q: %w", v.files.weights, errSize)
	case len(r.down) < 3 || len(r.down) != len(r.up):
		return nil, fmt.Errorf("the network must have as many cascades as refine blocks, at least 3 (got %q and %q)", r.down, r.up)
	case h.Size.H%divisor != 0 || h.Size.W%divisor != 0:
		return nil, fmt.Errorf("--size must be a multiple of %d, the factor of its downsampling (got %v)", divisor, h.Size)
	}
	l, err := r.levels(h)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.weights, err)
	}
	out := r.network(h.Size, l.count)
	if err := errors.Join(list("missing", r.missing), r.Err()); err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.weights, err)
	}
	listing, err := graph.Serialize(r.Program, out)
	if err != nil {
		return nil, err
	}
	p := &plan{find: r.find, ignored: func(name string) bool { return name == "sigmas" && r.conditional() }}
	p.config = model.Config{Arch: model.Program, Program: listing, Shape: [3]int{r.Shape(out)[2], h.Size.H, h.Size.W}}
	l.apply(p)
	p.found = append(p.found, fmt.Sprintf("%d cascades, from %d channels", len(r.down), v.dim("begin_conv.weight", 0)))
	if !r.conditional() {
		p.config.Defaults = l.annealed()
	}
	return p, nil
}

// refineNet builds the network as a graph, with the names of its parameters.
type refineNet struct {
	*graph.Program
	*view
	names    map[string]bool // the first parts of all names
	down, up []string        // its cascades and refine blocks
	t        graph.Value
	missing  []string // parameters that the checkpoint lacks
}

// present returns those of the given names that the network has.
func (r *refineNet) present(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !r.names[name] })
}

// conditional reports whether norms depend on the noise level, as those of 2019 do.
func (r *refineNet) conditional() bool { return r.has("normalizer.embed.weight") }

// network is a RefineNet: cascades downwards, and a refine block for each on the way back. The
// output is divided by σ, except in networks whose norms depend on σ.
func (r *refineNet) network(size unet.Size, levels int) graph.Value {
	channels := max(1, r.dim("begin_conv.weight", 1))
	x := r.Input("x", size.H, size.W, channels)
	r.t = r.Input("t", 1)
	x = r.conv("begin_conv", r.Apply(graph.Affine{Scale: 2, Shift: -1}, x), r.out("begin_conv"), biased)
	var layers []graph.Value
	for i, name := range r.down {
		dilation := max(1, 4>>(len(r.down)-1-i))
		x = r.residual(name+".0", x, i > 0, dilation)
		x = r.residual(name+".1", x, false, dilation)
		layers = append(layers, x)
	}
	for i, name := range r.up {
		in := []graph.Value{layers[len(layers)-1-i]}
		if i > 0 {
			in = append(in, x)
		}
		units := 1
		if i == len(r.up)-1 {
			units = 3
		}
		x = r.refine(name, units, in)
	}
	x = r.conv("end_conv", r.Apply(graph.ELU{}, r.norm("normalizer", x)), channels, biased)
	if r.conditional() {
		return x
	}
	s := r.Shape(x)
	sigma := r.Apply(graph.Lookup{}, r.t, r.Param("sigmas", graph.Init{}, levels, 1))
	return r.Apply(graph.Binary{Fn: "div", Shape: s, A: []int{s[1] * s[2], s[2], 1}, B: []int{0, 0, 0}}, x, sigma)
}

// out returns the number of output channels of a convolution, which only its weights show.
func (r *refineNet) out(name string) int {
	n := r.dim(name+".weight", 0)
	if n == 0 {
		r.missing = append(r.missing, fmt.Sprintf("%q", name+".weight"))
	}
	return max(2, n)
}

// The kinds of convolution in a RefineNet, by kernel size.
var (
	biased = graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1, Dilation: 1}
	single = graph.Conv{Size: 1, Stride: 1, Dilation: 1}
)

// dilated is biased with dilation.
func dilated(by int) graph.Conv {
	return graph.Conv{Size: 3, Stride: 1, Before: by, After: by, Dilation: by}
}

func (r *refineNet) conv(name string, x graph.Value, out int, op graph.Conv) graph.Value {
	bias := r.Param(name+".bias", graph.Init{}, out)
	return r.Apply(op, x, r.Param(name+".weight", graph.Init{}, out, r.Shape(x)[2], op.Size, op.Size), bias)
}

// bare is a 3×3 convolution without biases that keeps the number of channels.
func (r *refineNet) bare(name string, x graph.Value) graph.Value {
	c := r.Shape(x)[2]
	return r.Apply(biased, x, r.Param(name+".weight", graph.Init{}, c, c, 3, 3))
}

// norm is instance normalization++.
func (r *refineNet) norm(name string, x graph.Value) graph.Value {
	var vector graph.Value
	if width := 3 * r.Shape(x)[2]; r.conditional() {
		vector = r.Apply(graph.Lookup{}, r.t, r.Param(name+".embed.weight", graph.Init{}, r.dim("normalizer.embed.weight", 0), width))
	} else {
		vector = r.Apply(graph.Constant{}, r.Param(name+normSuffix, graph.Init{}, width))
	}
	return r.Apply(graph.InstanceNormPlus{Eps: 1e-5}, x, vector)
}

// inner is a norm within a refine block, which only networks of 2019 have.
func (r *refineNet) inner(name string, x graph.Value) graph.Value {
	if r.conditional() {
		return r.norm(name, x)
	}
	return x
}

// normSuffix is the suffix of the parameter that contains a norm's γ, α and β.
const normSuffix = ".vector"

// find returns the tensors of a parameter.
func (r *refineNet) find(d graph.Declared) binding {
	if name, ok := strings.CutSuffix(d.Name, normSuffix); ok {
		one := []int{d.Shape[0] / 3}
		return binding{from: []string{name + ".gamma", name + ".alpha", name + ".beta"}, shapes: [][]int{one, one, one}, make: concatenated}
	}
	if d.Name == "sigmas" {
		return renamed(d.Name, d.Shape[0])
	}
	return renamed(d.Name, d.Shape...)
}

// concatenated concatenates vectors.
func concatenated(in []*gorgonia.Dense) (*gorgonia.Dense, error) { return in[0].Concat(0, in[1:]...) }

// residual is a pre-activation residual block. With down set it halves the image by averaging
// 2×2 pixels, or is dilated if dilation is not 1.
func (r *refineNet) residual(name string, x graph.Value, down bool, dilation int) graph.Value {
	halves, width, second := down && dilation == 1, r.Shape(x)[2], name+".conv2"
	if halves {
		second += ".conv"
	}
	out := width
	if down {
		out = r.out(second)
	}
	h := r.conv(name+".conv1", r.Apply(graph.ELU{}, r.norm(name+".normalize1", x)), width, dilated(dilation))
	h = r.conv(second, r.Apply(graph.ELU{}, r.norm(name+".normalize2", h)), out, dilated(dilation))
	switch half := (graph.AveragePool{Size: 2, Stride: 2}); {
	case halves:
		h = r.Apply(half, h)
		x = r.Apply(half, r.conv(name+".shortcut.conv", x, out, single))
	case down:
		x = r.conv(name+".shortcut", x, out, dilated(dilation))
	}
	return r.Apply(graph.Add{}, x, h)
}

// refine is a refine block: two residual units for every input, their sum at the size of the
// first, chained residual pooling, and the given number of further residual units.
func (r *refineNet) refine(name string, units int, in []graph.Value) graph.Value {
	for i, x := range in {
		in[i] = r.units(fmt.Sprintf("%s.adapt_convs.%d", name, i), x, 2)
	}
	x := in[0]
	if len(in) > 1 {
		x = r.fuse(name+".msf", in)
	}
	return r.units(name+".output_convs", r.pool(name+".crp", x), units)
}

// units is a sequence of n residual units of two convolutions each.
func (r *refineNet) units(name string, x graph.Value, n int) graph.Value {
	for i := range n {
		h := x
		for j := range 2 {
			stage := fmt.Sprintf("%s.%d_%d_", name, i+1, j+1)
			h = r.bare(stage+"conv", r.Apply(graph.ELU{}, r.inner(stage+"norm", h)))
		}
		x = r.Apply(graph.Add{}, h, x)
	}
	return x
}

func (r *refineNet) fuse(name string, in []graph.Value) graph.Value {
	var sum graph.Value
	to, out := r.Shape(in[0]), r.out(name+".convs.0")
	for i, x := range in {
		h := r.conv(fmt.Sprintf("%s.convs.%d", name, i), r.inner(fmt.Sprintf("%s.norms.%d", name, i), x), out, biased)
		if s := r.Shape(h); s[0] != to[0] || s[1] != to[1] {
			h = r.Apply(graph.Bilinear{H: to[0], W: to[1]}, h)
		}
		if i > 0 {
			h = r.Apply(graph.Add{}, sum, h)
		}
		sum = h
	}
	return sum
}

// pool is chained residual pooling over 5×5 pixels: average pooling in the networks of 2019,
// max pooling in those of 2020.
func (r *refineNet) pool(name string, x graph.Value) graph.Value {
	x = r.Apply(graph.ELU{}, x)
	path := x
	for i := range 2 {
		if r.conditional() {
			path = r.norm(fmt.Sprintf("%s.norms.%d", name, i), path)
			path = r.Apply(graph.AveragePool{Size: 5, Stride: 1, Before: 2, After: 2}, path)
		} else {
			path = r.largest(r.largest(path, 0), 1)
		}
		path = r.bare(fmt.Sprintf("%s.convs.%d", name, i), path)
		x = r.Apply(graph.Add{}, path, x)
	}
	return x
}

// largest is max pooling over five neighbours along an axis, without padding: the maximum of
// three, and then of the threes on either side.
func (r *refineNet) largest(x graph.Value, axis int) graph.Value {
	s := r.Shape(x)
	shifted := func(x graph.Value, by int) graph.Value {
		var index []int
		for i := range s[axis] {
			index = append(index, min(max(i+by, 0), s[axis]-1))
		}
		return r.Apply(graph.Taps{Axis: axis, Count: 1, Index: index}, x)
	}
	steps := []int{s[1] * s[2], s[2], 1}
	larger := graph.Binary{Fn: "max", Shape: s, A: steps, B: steps}
	three := r.Apply(larger, r.Apply(larger, x, shifted(x, -1)), shifted(x, 1))
	return r.Apply(larger, shifted(three, -1), shifted(three, 1))
}
