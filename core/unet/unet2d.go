package unet

import (
	"cmp"
	"fmt"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// Network is a program whose inputs for a sample are an image "x" [H,W,C], a time "t"
// [1] and, if conditional, a class number "y" [1]. Its output is an image.
type Network struct {
	Program *graph.Program
	Out     graph.Value
}

// Build builds the network of c: the U-Net of Ho et al. 2020 (arXiv:2006.11239, appendix
// B) in the form of diffusers' UNet2DModel, with its parameter names. The error wraps
// ErrConfig.
func Build(c *Config) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &graph.Program{}
	b := &builder{Graph: p, Config: c, scale: c.SkipScale}
	out := b.unet2d()
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("unet: %w: %w", ErrConfig, err)
	}
	return &Network{Program: p, Out: out}, nil
}

// builder applies the layers of a Config to a graph.
type builder struct {
	graph.Graph
	*Config
	time            graph.Value
	emb             graph.Value // act_fn of the embedding of time and class
	image           graph.Value // downsampled input image, for a progressive input
	output          graph.Value // accumulated output, for a progressive output
	hasOutput       bool        // there is an accumulated output
	skip            bool        // the current block has skips
	scale           float64     // factor of residual sums; 0 means 1
	firstNormGroups int         // groups of the first norms of residual blocks; 0 means as in other norms
}

func (b *builder) unet2d() graph.Value {
	x, skips := b.down(b.input())
	if b.MidBlockScale != 0 {
		b.scale = 1 / b.MidBlockScale
	}
	x = b.middle(x)
	x = b.up(x, skips)
	x = b.outputConv("conv_norm_out", "conv_out", x)
	if b.Patch == 2 {
		x = b.Apply(graph.DepthToSpace{}, x)
	}
	if b.TimeIsSigma {
		s := b.Shape(x)
		x = b.Apply(graph.Binary{Fn: "div", Shape: s, A: []int{s[1] * s[2], s[2], 1}, B: []int{0, 0, 0}}, x, b.time)
	}
	return x
}

func (b *builder) middle(x graph.Value) graph.Value {
	if b.NoMidBlock {
		return x
	}
	channels := b.Shape(x)[2]
	x = b.resnet("mid_block.resnets.0", x, channels, same)
	if b.AddAttention == nil || *b.AddAttention {
		groups := b.groups(channels)
		if b.AttnNormNumGroups != nil {
			groups = *b.AttnNormNumGroups
		}
		if b.BareMidAttention {
			groups = 0
		}
		x = b.attention("mid_block.attentions.0", x, groups)
	}
	return b.resnet("mid_block.resnets.1", x, channels, same)
}

// outputConv maps x to the channels of the output. If there is an accumulated output of the
// level below, it adds that, upsampled.
func (b *builder) outputConv(norm, conv string, x graph.Value) graph.Value {
	out := b.OutChannels
	if b.Patch == 2 {
		out *= 4
	}
	x = nn.Conv3(nn.ZeroInit(b), conv, b.norm(norm, x, 0, true), out)
	if b.hasOutput {
		x = b.Apply(graph.Add{}, b.output, x)
	}
	return x
}

// input declares the inputs, and applies the first convolution.
func (b *builder) input() graph.Value {
	x := b.Input("x", b.SampleSize.H, b.SampleSize.W, b.InChannels)
	b.emb = b.embedding()
	if b.CenterInputSample {
		x = b.Apply(graph.Affine{Scale: 2, Shift: -1}, x)
	}
	if b.Patch == 2 {
		x = b.Apply(graph.SpaceToDepth{}, x)
	}
	b.image = x
	return nn.Conv3(b, "conv_in", x, cmp.Or(b.ConvInChannels, b.BlockOutChannels[0]))
}

// embedding is the embedding of time and class for residual blocks: sinusoids of the time
// and two linear layers, plus a vector for the class.
func (b *builder) embedding() graph.Value {
	b.time = b.Input("t", 1)
	width := b.timeChannels()
	features := b.features(width)
	e := features(b.time)
	class := func(e graph.Value, width int) graph.Value {
		return b.Apply(graph.Add{}, e, nn.Embedding(b, "class_embedding", b.Input("y", 1), *b.NumClassEmbeds, width))
	}
	if b.Conditional() && b.ClassFirst {
		e = class(e, width)
	}
	embed := cmp.Or(b.EmbedChannels, 4*width)
	if b.TimeEmbeddingDim != nil {
		embed = *b.TimeEmbeddingDim
	}
	e = b.embed("time_embedding", e, embed)
	switch {
	case b.classLikeTime():
		e = b.Apply(graph.Add{}, e, b.embed("class_embedding", features(b.Input("y", 1)), embed))
	case b.Conditional() && !b.ClassFirst:
		e = class(e, embed)
	}
	return b.act(e)
}

// embed is two linear layers.
func (b *builder) embed(name string, x graph.Value, width int) graph.Value {
	x = nn.Linear(b, name+".linear_1", x, width)
	return nn.Linear(b, name+".linear_2", b.Apply(graph.SiLU{}, x), width)
}

// features returns the function from a time to its features, and declares its parameters.
func (b *builder) features(width int) func(t graph.Value) graph.Value {
	normal := graph.Init{Kind: graph.Normal}
	switch b.TimeEmbeddingType {
	case "fourier":
		w := b.Param("time_proj.weight", normal, width/2)
		return func(t graph.Value) graph.Value {
			if b.TimeIsSigma {
				t = b.Apply(graph.Unary{Fn: "log"}, t)
			}
			return b.Apply(graph.Fourier{}, t, w)
		}
	case "learned":
		w := b.Param("time_proj.weight", normal, *b.NumTrainTimesteps, width)
		return func(t graph.Value) graph.Value { return b.Apply(graph.Lookup{}, t, w) }
	}
	return func(t graph.Value) graph.Value {
		return b.Apply(graph.Sinusoid{Width: width, FlipSinToCos: b.FlipSinToCos, FreqShift: float32(b.FreqShift)}, t)
	}
}

// down applies the descending blocks and returns the skip connections.
func (b *builder) down(x graph.Value) (graph.Value, []graph.Value) {
	skips := []graph.Value{x}
	for i, out := range b.BlockOutChannels {
		kind, name := downBlocks[b.DownBlockTypes[i]], fmt.Sprintf("down_blocks.%d.", i)
		b.enter(kind)
		for j := range b.LayersPerBlock {
			x = b.resnet(fmt.Sprintf("%sresnets.%d", name, j), x, out, same)
			if kind.attends {
				x = b.attention(fmt.Sprintf("%sattentions.%d", name, j), x, b.attentionGroups(out))
			}
			skips = append(skips, x)
		}
		if i < len(b.BlockOutChannels)-1 {
			x = b.downsample(name, x, kind, resampling(b.DownsampleTypes, i, b.DownsampleType))
			skips = append(skips, x)
		}
	}
	b.enter(block{})
	return x, skips
}

// downsample halves x at the end of a descending block, and adds the downsampled input
// image if there is a progressive input.
func (b *builder) downsample(name string, x graph.Value, kind block, how string) graph.Value {
	out := b.Shape(x)[2]
	switch {
	case kind.skip:
		x = b.resnet(name+"resnet_down", x, out, half)
	case how == "resnet":
		x = b.resnet(name+"downsamplers.0", x, out, half)
	default:
		x = nn.Down3(b, name+"downsamplers.0.conv", x, out, b.DownsamplePadding)
	}
	switch {
	case kind.skip || b.ProgressiveInput == "input_skip":
		b.image = b.resample(b.image, half)
		x = b.Apply(graph.Add{}, nn.Conv1(b, name+"skip_conv", b.image, out), x)
	case b.ProgressiveInput == "residual":
		b.image = b.sum(x, b.downsampleImage(name+"picture", b.image, out))
		x = b.image
	}
	return x
}

// up applies the ascending blocks; each layer's input is concatenated with the latest skip
// connection.
func (b *builder) up(x graph.Value, skips []graph.Value) graph.Value {
	for i, out := range slices.Backward(b.BlockOutChannels) {
		level := len(b.BlockOutChannels) - 1 - i
		kind, name := upBlocks[b.UpBlockTypes[level]], fmt.Sprintf("up_blocks.%d.", level)
		b.enter(kind)
		last := b.LayersPerBlock
		for j := range last + 1 {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			if kind.attends {
				b.firstNormGroups = b.firstGroups(x, skip)
			}
			x = b.resnet(fmt.Sprintf("%sresnets.%d", name, j), b.Apply(graph.Concat{}, x, skip), out, same)
			b.firstNormGroups = 0
			switch {
			case kind.attends && kind.skip && j == last:
				x = b.attention(name+"attentions.0", x, b.attentionGroups(out))
			case kind.attends && !kind.skip && (b.UpAttention != "last" || j == last):
				x = b.attention(fmt.Sprintf("%sattentions.%d", name, j), x, b.attentionGroups(out))
			}
		}
		if kind.skip || b.ProgressiveOutput != "" {
			b.progress(name, x, i > 0)
		}
		if i > 0 {
			x = b.upsample(name, x, kind, resampling(b.UpsampleTypes, level, b.UpsampleType))
		}
	}
	b.enter(block{})
	return x
}

// progress upsamples the accumulated output and, with add, adds that of an ascending block.
func (b *builder) progress(name string, x graph.Value, add bool) {
	if b.hasOutput {
		b.output = b.resample(b.output, twice)
	}
	if add {
		b.output = b.outputConv(name+"skip_norm", name+"skip_conv", x)
		b.hasOutput = true
	}
}

// upsample doubles x at the end of an ascending block.
func (b *builder) upsample(name string, x graph.Value, kind block, how string) graph.Value {
	out := b.Shape(x)[2]
	switch {
	case kind.skip:
		return b.resnet(name+"resnet_up", x, out, twice)
	case how == "resnet":
		return b.resnet(name+"upsamplers.0", x, out, twice)
	}
	return nn.Conv3(b, name+"upsamplers.0.conv", b.Apply(graph.Upsample{}, x), out)
}

// resize is the change of height and width in a residual block.
type resize int

const (
	same resize = iota
	half
	twice
)

// resnet is a residual block: norm, activation and convolution, twice; in between the
// embedding is added, or scales and shifts.
func (b *builder) resnet(name string, x graph.Value, out int, to resize) graph.Value {
	h := b.normAct(name+".norm1", x, b.firstNormGroups)
	if to != same {
		h, x = b.resample(h, to), b.resample(x, to)
	}
	h = nn.Conv3(b, name+".conv1", h, out)
	if b.ResnetTimeScale == "scale_shift" {
		h = b.norm(name+".norm2", h, 0, false)
		h = b.Apply(graph.Modulate{}, h, nn.Linear(b, name+".time_emb_proj", b.emb, 2*out))
		h = b.act(h)
	} else {
		h = b.Apply(graph.AddChannels{}, h, nn.Linear(b, name+".time_emb_proj", b.emb, out))
		h = b.normAct(name+".norm2", h, 0)
	}
	h = nn.Conv3(nn.ZeroInit(b), name+".conv2", h, out)
	if b.Shape(x)[2] != out || to != same && (b.ResampleShortcut || b.skip) {
		x = nn.Conv1(b, name+".conv_shortcut", x, out)
	}
	return b.sum(x, h)
}

// sum adds the two branches of a residual block.
func (b *builder) sum(x, h graph.Value) graph.Value {
	x = b.Apply(graph.Add{}, x, h)
	if b.scale != 0 && b.scale != 1 {
		x = b.Apply(graph.Affine{Scale: float32(b.scale)}, x)
	}
	return x
}

// resample halves an image by means over 2×2 pixels, or doubles it by repeating pixels.
// With FIR the filter is [1,3,3,1] in both directions (Zhang 2019, arXiv:1904.11486; Karras
// et al. 2020, arXiv:1912.04958), which is [1,1] applied three times; the image is padded
// with zeros.
func (b *builder) resample(x graph.Value, to resize) graph.Value {
	pair := graph.AveragePool{Size: 2, Stride: 1}
	padded := graph.AveragePool{Size: 2, Stride: 1, Before: 1, After: 1}
	switch {
	case to == half && b.fir():
		x = b.Apply(pair, b.Apply(padded, x))
		fallthrough
	case to == half:
		return b.Apply(graph.AveragePool{Size: 2, Stride: 2}, x)
	}
	x = b.Apply(graph.Upsample{}, x)
	if b.fir() {
		x = b.Apply(pair, b.Apply(padded, x))
	}
	return x
}

// downsampleImage returns the image for the next level of a progressive input: a
// convolution, whose result is one pixel larger on every side, followed by every second
// value of resample's filter.
func (b *builder) downsampleImage(name string, x graph.Value, out int) graph.Value {
	if !b.FIR {
		return b.resample(nn.Conv3(b, name, x, out), half)
	}
	x = nn.Conv3Wide(b, name, x, out)
	for range 2 {
		x = b.Apply(graph.AveragePool{Size: 2, Stride: 1}, x)
	}
	return b.Apply(graph.AveragePool{Size: 2, Stride: 2}, x)
}

// attention is self-attention over all pixels with a residual connection. With 0 groups
// there is no norm before it.
func (b *builder) attention(name string, x graph.Value, groups int) graph.Value {
	c := b.Shape(x)[2]
	heads := max(1, b.NumHeads)
	inner := c
	if b.AttentionHeadDim != nil && b.NumHeads == 0 {
		heads = c / *b.AttentionHeadDim
		inner = heads * *b.AttentionHeadDim
	}
	h := x
	if groups != 0 {
		h = nn.GroupNorm(b, name+".group_norm", x, graph.GroupNorm{Groups: groups, Eps: float32(b.NormEps)})
	}
	q := nn.Linear(b, name+".to_q", h, inner)
	k := nn.Linear(b, name+".to_k", h, inner)
	v := nn.Linear(b, name+".to_v", h, inner)
	h = b.Apply(graph.Attention{Heads: heads}, q, k, v)
	return b.sum(x, nn.Linear(nn.ZeroInit(b), name+".to_out.0", h, c))
}

// norm is a group norm; with 0 groups their number depends on the channels.
func (b *builder) norm(name string, x graph.Value, groups int, silu bool) graph.Value {
	groups = cmp.Or(groups, b.normGroups(b.Shape(x)[2]))
	return nn.GroupNorm(b, name, x, graph.GroupNorm{Groups: groups, Eps: float32(b.NormEps), SiLU: silu})
}

// normAct is a norm followed by the activation.
func (b *builder) normAct(name string, x graph.Value, groups int) graph.Value {
	h := b.norm(name, x, groups, b.silu())
	if b.silu() {
		return h
	}
	return b.act(h)
}

func (b *builder) act(x graph.Value) graph.Value {
	if b.silu() {
		return b.Apply(graph.SiLU{}, x)
	}
	return b.Apply(graph.Unary{Fn: b.ActFn}, x)
}

// silu reports whether the activation is SiLU.
func (b *builder) silu() bool { return b.ActFn == "" || b.ActFn == "silu" || b.ActFn == "swish" }
