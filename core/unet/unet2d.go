package unet

import (
	"fmt"
	"slices"
	"strings"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// Network is a program that takes, a sample, an image "x" [H,W,C], a time "t"
// [1] and, if conditional, a class number "y" [1], and gives an image.
type Network struct {
	Program *graph.Program
	Out     graph.Value
}

// Build writes c's network down: the U-Net of Ho et al. 2020 (arXiv:2006.11239, appendix
// B) as diffusers' UNet2DModel has it, with its names. The error wraps ErrConfig.
func Build(c *Config) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &graph.Program{}
	b := &builder{Graph: p, Config: c}
	out := b.unet2d()
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("unet: %w: %w", ErrConfig, err)
	}
	return &Network{Program: p, Out: out}, nil
}

// builder applies c's layers to a graph.
type builder struct {
	graph.Graph
	*Config
	emb graph.Value // SiLU of the embedding of time and class, [4·channels]
}

func (b *builder) unet2d() graph.Value {
	x := b.Input("x", b.SampleSize, b.SampleSize, b.InChannels)
	b.emb = b.embedding()
	out := b.OutChannels
	if b.Patch == 2 {
		x, out = b.Apply(graph.SpaceToDepth{}, x), 4*out
	}
	x = nn.Conv3(b, "conv_in", x, b.BlockOutChannels[0])
	x, skips := b.down(x)
	mid := b.BlockOutChannels[len(b.BlockOutChannels)-1]
	x = b.resnet("mid_block.resnets.0", x, mid)
	x = b.attention("mid_block.attentions.0", x)
	x = b.resnet("mid_block.resnets.1", x, mid)
	x = b.up(x, skips)
	x = b.norm("conv_norm_out", x, true)
	x = nn.Conv3(nn.FromZero(b), "conv_out", x, out)
	if b.Patch == 2 {
		x = b.Apply(graph.DepthToSpace{}, x)
	}
	return x
}

// embedding is what every residual block is told: the time's sinusoids through
// two linear maps, plus the class's vector.
func (b *builder) embedding() graph.Value {
	t := b.Input("t", 1)
	width := b.BlockOutChannels[0]
	e := b.Apply(graph.Sinusoid{Width: width, FlipSinToCos: b.FlipSinToCos, FreqShift: float32(b.FreqShift)}, t)
	e = nn.Linear(b, "time_embedding.linear_1", e, 4*width)
	e = nn.Linear(b, "time_embedding.linear_2", b.Apply(graph.SiLU{}, e), 4*width)
	if b.Conditional() {
		y := b.Input("y", 1)
		e = b.Apply(graph.Add{}, e, nn.Embedding(b, "class_embedding", y, *b.NumClassEmbeds, 4*width))
	}
	return b.Apply(graph.SiLU{}, e)
}

// down applies the descending blocks and returns what the ascending ones reuse.
func (b *builder) down(x graph.Value) (graph.Value, []graph.Value) {
	skips := []graph.Value{x}
	for i, out := range b.BlockOutChannels {
		block := fmt.Sprintf("down_blocks.%d.", i)
		for j := range b.LayersPerBlock {
			x = b.resnet(fmt.Sprintf("%sresnets.%d", block, j), x, out)
			if strings.HasPrefix(b.DownBlockTypes[i], "Attn") {
				x = b.attention(fmt.Sprintf("%sattentions.%d", block, j), x)
			}
			skips = append(skips, x)
		}
		if i < len(b.BlockOutChannels)-1 {
			x = nn.Down3(b, block+"downsamplers.0.conv", x, out, b.DownsamplePadding)
			skips = append(skips, x)
		}
	}
	return x, skips
}

// up applies the ascending blocks, each layer joined with the latest skip.
func (b *builder) up(x graph.Value, skips []graph.Value) graph.Value {
	for i, out := range slices.Backward(b.BlockOutChannels) {
		level := len(b.BlockOutChannels) - 1 - i
		block := fmt.Sprintf("up_blocks.%d.", level)
		for j := range b.LayersPerBlock + 1 {
			x = b.Apply(graph.Concat{}, x, skips[len(skips)-1])
			skips = skips[:len(skips)-1]
			x = b.resnet(fmt.Sprintf("%sresnets.%d", block, j), x, out)
			if strings.HasPrefix(b.UpBlockTypes[level], "Attn") {
				x = b.attention(fmt.Sprintf("%sattentions.%d", block, j), x)
			}
		}
		if i > 0 {
			x = nn.Conv3(b, block+"upsamplers.0.conv", b.Apply(graph.Upsample{}, x), out)
		}
	}
	return x
}

// resnet is the residual block: norm, SiLU, convolution, twice, with the
// embedding added between.
func (b *builder) resnet(name string, x graph.Value, out int) graph.Value {
	h := nn.Conv3(b, name+".conv1", b.norm(name+".norm1", x, true), out)
	h = b.Apply(graph.AddChannels{}, h, nn.Linear(b, name+".time_emb_proj", b.emb, out))
	h = nn.Conv3(nn.FromZero(b), name+".conv2", b.norm(name+".norm2", h, true), out)
	if b.Shape(x)[2] != out {
		x = nn.Conv1(b, name+".conv_shortcut", x, out)
	}
	return b.Apply(graph.Add{}, x, h)
}

// attention lets every pixel look at every other.
func (b *builder) attention(name string, x graph.Value) graph.Value {
	c := b.Shape(x)[2]
	heads := 1
	if b.AttentionHeadDim != nil {
		heads = c / *b.AttentionHeadDim
	}
	h := b.norm(name+".group_norm", x, false)
	q := nn.Linear(b, name+".to_q", h, c)
	k := nn.Linear(b, name+".to_k", h, c)
	v := nn.Linear(b, name+".to_v", h, c)
	h = b.Apply(graph.Attention{Heads: heads}, q, k, v)
	return b.Apply(graph.Add{}, x, nn.Linear(nn.FromZero(b), name+".to_out.0", h, c))
}

func (b *builder) norm(name string, x graph.Value, silu bool) graph.Value {
	return nn.GroupNorm(b, name, x, graph.GroupNorm{Groups: b.NormNumGroups, Eps: float32(b.NormEps), SiLU: silu})
}
