package autoencoder

import (
	"errors"
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("invalid autoencoder configuration")

// Blocks configures the residual blocks of an encoder and a decoder, with diffusers' names.
type Blocks struct {
	InChannels       int   `json:"in_channels"`        // of a picture
	OutChannels      int   `json:"out_channels"`       // of a decoded picture
	LatentChannels   int   `json:"latent_channels"`    // of z
	BlockOutChannels []int `json:"block_out_channels"` // by level, the widest picture first
	LayersPerBlock   int   `json:"layers_per_block"`   // residual blocks of a level of the encoder; the decoder has one more
	NormNumGroups    int   `json:"norm_num_groups"`
	MidAttention     *bool `json:"mid_block_add_attention,omitempty"` // nil means true
}

// The limits of a configuration.
const (
	maxChannels = 1 << 12
	maxLevels   = 8
	maxLayers   = 16
	maxPicture  = 16 // channels
	maxLatent   = 64 // channels
)

// normEps is that of diffusers' blocks for autoencoders.
const normEps = 1e-6

// within returns an error that names a key whose number is not from 1 to most.
func within(key string, n, most int) error {
	if n < 1 || n > most {
		return fmt.Errorf("autoencoder: %w: %s must be from 1 to %d (got %d)", ErrConfig, key, most, n)
	}
	return nil
}

// Validate returns an error that names the first wrong key.
func (c *Blocks) Validate() error {
	for _, err := range []error{
		within("in_channels", c.InChannels, maxPicture), within("out_channels", c.OutChannels, maxPicture), within("latent_channels", c.LatentChannels, maxLatent),
		within("levels of block_out_channels", len(c.BlockOutChannels), maxLevels), within("layers_per_block", c.LayersPerBlock, maxLayers), within("norm_num_groups", c.NormNumGroups, maxChannels),
	} {
		if err != nil {
			return err
		}
	}
	for i, channels := range c.BlockOutChannels {
		if channels < 1 || channels > maxChannels || channels%c.NormNumGroups != 0 {
			return fmt.Errorf("autoencoder: %w: block_out_channels[%d] must be from 1 to %d and divisible by norm_num_groups, %d (got %d)", ErrConfig, i, maxChannels, c.NormNumGroups, channels)
		}
	}
	return nil
}

// Factor returns how many pixels of a side become one of the latents.
func (c *Blocks) Factor() int { return 1 << (len(c.BlockOutChannels) - 1) }

// Network is a program with one input and one output.
type Network struct {
	*graph.Program
	Out graph.Value
}

// checkSides returns an error unless both sides of a picture are multiples of factor.
func checkSides(h, w, factor int) error {
	if h < factor || w < factor || h%factor != 0 || w%factor != 0 {
		return fmt.Errorf("autoencoder: pictures must have sides that are multiples of %d (got %dx%d, height x width)", factor, h, w)
	}
	return nil
}

// checkLatents returns an error unless latents have elements.
func checkLatents(h, w int) error {
	if h < 1 || w < 1 {
		return fmt.Errorf("autoencoder: latents must have sides of at least 1 (got %dx%d, height x width)", h, w)
	}
	return nil
}

// encoder returns the network from a picture "x" to out channels, to which last is applied.
func (c *Blocks) encoder(h, w, out int, last func(builder, graph.Value) graph.Value) (*Network, error) {
	if err := checkSides(h, w, c.Factor()); err != nil {
		return nil, err
	}
	b := builder{&graph.Program{}, c, "encoder."}
	x := nn.Conv3(b, "encoder.conv_in", b.Input("x", h, w, c.InChannels), c.BlockOutChannels[0])
	for i, channels := range c.BlockOutChannels {
		name := fmt.Sprintf("down_blocks.%d.", i)
		for j := range c.LayersPerBlock {
			x = b.resnet(fmt.Sprintf("%sresnets.%d", name, j), x, channels)
		}
		if i < len(c.BlockOutChannels)-1 {
			x = nn.Down3(b, b.prefix+name+"downsamplers.0.conv", x, channels, 0)
		}
	}
	x = nn.Conv3(b, "encoder.conv_out", b.norm("conv_norm_out", b.middle(x), true), out)
	x = last(b, x)
	return &Network{b.Program, x}, b.Err()
}

// decoder returns the network from latents "z" of some channels, to which first is applied, to a
// picture.
func (c *Blocks) decoder(h, w, channels int, first func(builder, graph.Value) graph.Value) (*Network, error) {
	if err := checkLatents(h, w); err != nil {
		return nil, err
	}
	b := builder{&graph.Program{}, c, "decoder."}
	x := first(b, b.Input("z", h, w, channels))
	levels := len(c.BlockOutChannels)
	x = b.middle(nn.Conv3(b, "decoder.conv_in", x, c.BlockOutChannels[levels-1]))
	for i := range levels {
		out, name := c.BlockOutChannels[levels-1-i], fmt.Sprintf("up_blocks.%d.", i)
		for j := range c.LayersPerBlock + 1 {
			x = b.resnet(fmt.Sprintf("%sresnets.%d", name, j), x, out)
		}
		if i < levels-1 {
			x = nn.Conv3(b, b.prefix+name+"upsamplers.0.conv", b.Apply(graph.Upsample{}, x), out)
		}
	}
	x = nn.Conv3(b, "decoder.conv_out", b.norm("conv_norm_out", x, true), c.OutChannels)
	return &Network{b.Program, x}, b.Err()
}

// builder adds blocks to a program. prefix comes before the names of their parameters.
type builder struct {
	*graph.Program
	*Blocks
	prefix string
}

// norm is a group norm, followed by SiLU if silu is set.
func (b builder) norm(name string, x graph.Value, silu bool) graph.Value {
	return nn.GroupNorm(b, b.prefix+name, x, graph.GroupNorm{Groups: b.NormNumGroups, Eps: normEps, SiLU: silu})
}

// resnet is a residual block: norm, SiLU and convolution, twice.
func (b builder) resnet(name string, x graph.Value, out int) graph.Value {
	h := nn.Conv3(b, b.prefix+name+".conv1", b.norm(name+".norm1", x, true), out)
	h = nn.Conv3(nn.ZeroInit(b), b.prefix+name+".conv2", b.norm(name+".norm2", h, true), out)
	if b.Shape(x)[2] != out {
		x = nn.Conv1(b, b.prefix+name+".conv_shortcut", x, out)
	}
	return b.Apply(graph.Add{}, x, h)
}

// middle is a residual block, self-attention of one head, and a residual block.
func (b builder) middle(x graph.Value) graph.Value {
	channels := b.Shape(x)[2]
	x = b.resnet("mid_block.resnets.0", x, channels)
	if set(b.MidAttention) {
		name := b.prefix + "mid_block.attentions.0"
		h := b.norm("mid_block.attentions.0.group_norm", x, false)
		h = b.Apply(graph.Attention{Heads: 1}, nn.Linear(b, name+".to_q", h, channels), nn.Linear(b, name+".to_k", h, channels), nn.Linear(b, name+".to_v", h, channels))
		x = b.Apply(graph.Add{}, x, nn.Linear(nn.ZeroInit(b), name+".to_out.0", h, channels))
	}
	return b.resnet("mid_block.resnets.1", x, channels)
}
