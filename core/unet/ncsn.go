package unet

import (
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// NCSN is the configuration of the noise conditional score network of Song & Ermon
// 2019, arXiv:1907.05600, appendix A, with the keys of the authors' code.
type NCSN struct {
	ImageSize  Size `json:"image_size"`  // of images; even
	Channels   int  `json:"channels"`    // of the image
	NGF        int  `json:"ngf"`         // channels of the first cascade; the others have twice as many
	NumClasses int  `json:"num_classes"` // L, the number of noise levels
}

// maxNoiseLevels is far above the number of noise levels of any published model.
const maxNoiseLevels = 1 << 12

// Validate returns an error that names the first field that is out of range. It wraps
// ErrConfig.
func (c *NCSN) Validate() error {
	for _, f := range []struct {
		name            string
		value, low, top int
	}{
		{"image_size", min(c.ImageSize.H, c.ImageSize.W), 2, MaxSize}, {"image_size", max(c.ImageSize.H, c.ImageSize.W), 2, MaxSize}, {"channels", c.Channels, 1, maxChannels},
		{"ngf", c.NGF, 2, maxChannels / 2}, {"num_classes", c.NumClasses, 2, maxNoiseLevels},
	} {
		if !within(f.value, f.low, f.top) {
			return fmt.Errorf("unet: %w: %s must be %d to %d (got %d)", ErrConfig, f.name, f.low, f.top, f.value)
		}
	}
	if !c.ImageSize.multipleOf(2) {
		return fmt.Errorf("unet: %w: image_size must be even (got %v): it is halved once", ErrConfig, c.ImageSize)
	}
	if n := 2 * c.ImageSize.H * c.ImageSize.W * max(c.NGF, c.Channels); n > maxValue {
		return fmt.Errorf("unet: %w: image_size %v and ngf %d make images of %d numbers, more than %d", ErrConfig, c.ImageSize, c.NGF, n, maxValue)
	}
	return nil
}

// BuildNCSN builds the network of c: a RefineNet (Lin et al. 2017, arXiv:1611.06612) of
// four cascades, of which the last two use dilated convolutions instead of a lower
// resolution, with ELU, average pooling, and conditional instance normalisation ++.
// Parameters have the names of the authors' checkpoints.
//
// The image "x" spans [0,1]; the time "t" is the number of its noise level, where 0 is
// the noisiest. The error wraps ErrConfig.
func BuildNCSN(c *NCSN) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &graph.Program{}
	x := p.Input("x", c.ImageSize.H, c.ImageSize.W, c.Channels)
	b := &refineNet{p, c.NumClasses, p.Input("t", 1)}
	out := b.network(p.Apply(graph.Affine{Scale: 2, Shift: -1}, x), c.NGF, c.Channels)
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("unet: %w: %w", ErrConfig, err)
	}
	return &Network{Program: p, Out: out}, nil
}

// refineNet applies the layers of an NCSN to a graph.
type refineNet struct {
	graph.Graph
	levels int
	level  graph.Value
}

func (b *refineNet) network(x graph.Value, ngf, out int) graph.Value {
	x = nn.Conv3(b, "begin_conv", x, ngf)
	layer1 := b.residuals("res1", x, ngf, false, 1)
	layer2 := b.residuals("res2", layer1, 2*ngf, true, 1)
	layer3 := b.residuals("res3", layer2, 2*ngf, true, 2)
	layer4 := b.residuals("res4", layer3, 2*ngf, true, 4)
	x = b.refine("refine1", 2*ngf, 1, layer4)
	x = b.refine("refine2", 2*ngf, 1, layer3, x)
	x = b.refine("refine3", ngf, 1, layer2, x)
	x = b.refine("refine4", ngf, 3, layer1, x)
	return nn.Conv3(b, "end_conv", b.normELU("normalizer", x), out)
}

// residuals is a cascade of two residual blocks. With down, the first one downsamples by
// means over 2×2 pixels if dilation is 1; otherwise dilation replaces downsampling (Yu et
// al. 2017, arXiv:1705.09914).
func (b *refineNet) residuals(name string, x graph.Value, out int, down bool, dilation int) graph.Value {
	x = b.residual(name+".0", x, out, down, dilation)
	return b.residual(name+".1", x, out, false, dilation)
}

// residual is a pre-activation residual block (He et al. 2016, arXiv:1603.05027).
func (b *refineNet) residual(name string, x graph.Value, out int, down bool, dilation int) graph.Value {
	in := b.Shape(x)[2]
	conv := func(name string, x graph.Value, out int) graph.Value { return nn.Dilated3(b, name, x, out, dilation) }
	halve := down && dilation == 1
	width := out
	if down {
		width = in
	}
	h := conv(name+".conv1", b.normELU(name+".normalize1", x), width)
	h = b.normELU(name+".normalize2", h)
	switch {
	case halve:
		h = b.half(nn.Conv3(b, name+".conv2.conv", h, out))
		x = b.half(nn.Conv1(b, name+".shortcut.conv", x, out))
	case down:
		h = conv(name+".conv2", h, out)
		x = conv(name+".shortcut", x, out)
	default:
		h = conv(name+".conv2", h, out)
	}
	return b.Apply(graph.Add{}, x, h)
}

// refine is a refine block: two residual convolution units for every input, their sum at
// the size of the first input, chained residual pooling, and the given number of residual
// convolution units.
func (b *refineNet) refine(name string, out, units int, in ...graph.Value) graph.Value {
	for i, x := range in {
		in[i] = b.units(fmt.Sprintf("%s.adapt_convs.%d", name, i), x, 2)
	}
	x := in[0]
	if len(in) > 1 {
		x = b.fuse(name+".msf", out, in)
	}
	return b.units(name+".output_convs", b.pool(name+".crp", x), units)
}

// units applies n residual convolution units of two convolutions each.
func (b *refineNet) units(name string, x graph.Value, n int) graph.Value {
	for i := range n {
		h, c := x, b.Shape(x)[2]
		for j := range 2 {
			stage := fmt.Sprintf("%s.%d_%d_", name, i+1, j+1)
			h = nn.Conv3NoBias(b, stage+"conv", b.normELU(stage+"norm", h), c)
		}
		x = b.Apply(graph.Add{}, h, x)
	}
	return x
}

// fuse is multi-resolution fusion: the sum of all inputs, with out channels and the
// height and width of the first.
func (b *refineNet) fuse(name string, out int, in []graph.Value) graph.Value {
	var sum graph.Value
	to := b.Shape(in[0])
	for i, x := range in {
		h := nn.Conv3(b, fmt.Sprintf("%s.convs.%d", name, i), b.norm(fmt.Sprintf("%s.norms.%d", name, i), x), out)
		if s := b.Shape(h); s[0] != to[0] || s[1] != to[1] {
			h = b.Apply(graph.Bilinear{H: to[0], W: to[1]}, h)
		}
		if i > 0 {
			h = b.Apply(graph.Add{}, sum, h)
		}
		sum = h
	}
	return sum
}

// pool is chained residual pooling of two stages.
func (b *refineNet) pool(name string, x graph.Value) graph.Value {
	x = b.Apply(graph.ELU{}, x)
	path := x
	for i := range 2 {
		path = b.norm(fmt.Sprintf("%s.norms.%d", name, i), path)
		path = b.Apply(graph.AveragePool{Size: 5, Stride: 1, Before: 2, After: 2}, path)
		path = nn.Conv3NoBias(b, fmt.Sprintf("%s.convs.%d", name, i), path, b.Shape(x)[2])
		x = b.Apply(graph.Add{}, path, x)
	}
	return x
}

func (b *refineNet) half(x graph.Value) graph.Value {
	return b.Apply(graph.AveragePool{Size: 2, Stride: 2}, x)
}

func (b *refineNet) norm(name string, x graph.Value) graph.Value {
	return nn.InstanceNormPlus(b, name, x, b.level, b.levels)
}

func (b *refineNet) normELU(name string, x graph.Value) graph.Value {
	return b.Apply(graph.ELU{}, b.norm(name, x))
}
