package autoencoder

import (
	"cmp"
	"errors"
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("invalid autoencoder configuration")

// KL is the configuration of an autoencoder, with diffusers' names. Its zero value is not valid;
// Validate says what is wrong.
type KL struct {
	InChannels       int      `json:"in_channels"`        // of a picture
	OutChannels      int      `json:"out_channels"`       // of a decoded picture
	LatentChannels   int      `json:"latent_channels"`    // of z
	BlockOutChannels []int    `json:"block_out_channels"` // by level, the widest picture first
	LayersPerBlock   int      `json:"layers_per_block"`   // residual blocks of a level of the encoder; the decoder has one more
	NormNumGroups    int      `json:"norm_num_groups"`
	MidAttention     *bool    `json:"mid_block_add_attention,omitempty"` // nil means true
	QuantConv        *bool    `json:"use_quant_conv,omitempty"`          // a 1×1 convolution after the encoder; nil means true
	PostQuantConv    *bool    `json:"use_post_quant_conv,omitempty"`     // and one before the decoder; nil means true
	ScalingFactor    float64  `json:"scaling_factor,omitempty"`          // a diffusion model works on (z − ShiftFactor)·ScalingFactor; 0 means 1
	ShiftFactor      *float64 `json:"shift_factor,omitempty"`            // nil means 0
}

// The limits of a configuration.
const (
	maxChannels = 1 << 12
	maxLevels   = 8
	maxLayers   = 16
)

// normEps is that of diffusers' blocks for autoencoders.
const normEps = 1e-6

// Validate returns an error that names the first wrong key.
func (c *KL) Validate() error {
	for _, check := range []struct {
		ok         bool
		key, need  string
		configured any
	}{
		{c.InChannels >= 1 && c.InChannels <= 16, "in_channels", "1 to 16", c.InChannels},
		{c.OutChannels >= 1 && c.OutChannels <= 16, "out_channels", "1 to 16", c.OutChannels},
		{c.LatentChannels >= 1 && c.LatentChannels <= 64, "latent_channels", "1 to 64", c.LatentChannels},
		{len(c.BlockOutChannels) >= 1 && len(c.BlockOutChannels) <= maxLevels, "block_out_channels", "1 to 8 levels", len(c.BlockOutChannels)},
		{c.LayersPerBlock >= 1 && c.LayersPerBlock <= maxLayers, "layers_per_block", "1 to 16", c.LayersPerBlock},
		{c.NormNumGroups >= 1 && c.NormNumGroups <= maxChannels, "norm_num_groups", "1 to 4096", c.NormNumGroups},
		{c.ScalingFactor >= 0 && c.ScalingFactor <= 1e6, "scaling_factor", "a positive number", c.ScalingFactor},
	} {
		if !check.ok {
			return fmt.Errorf("autoencoder: %w: %s must be %s (got %v)", ErrConfig, check.key, check.need, check.configured)
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
func (c *KL) Factor() int { return 1 << (len(c.BlockOutChannels) - 1) }

// Scale returns what a diffusion model works on, (z − shift)·scale.
func (c *KL) Scale() (shift, scale float64) {
	if c.ShiftFactor != nil {
		shift = *c.ShiftFactor
	}
	return shift, cmp.Or(c.ScalingFactor, 1)
}

// Network is a program with one input and one output.
type Network struct {
	*graph.Program
	Out graph.Value
}

// Encoder returns the network from a picture "x" [H,W,InChannels] to the mean and the logarithm
// of the variance of q(z|x), [h,w,2·LatentChannels], with h = H/Factor. H and W must be multiples
// of Factor.
func (c *KL) Encoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if f := c.Factor(); h < f || w < f || h%f != 0 || w%f != 0 {
		return nil, fmt.Errorf("autoencoder: pictures must have sides that are multiples of %d (got %dx%d, height x width)", f, h, w)
	}
	b := builder{&graph.Program{}, c, "encoder."}
	x := nn.Conv3(b, "encoder.conv_in", b.Input("x", h, w, c.InChannels), c.BlockOutChannels[0])
	for i, out := range c.BlockOutChannels {
		name := fmt.Sprintf("down_blocks.%d.", i)
		for j := range c.LayersPerBlock {
			x = b.resnet(fmt.Sprintf("%sresnets.%d", name, j), x, out)
		}
		if i < len(c.BlockOutChannels)-1 {
			x = nn.Down3(b, b.prefix+name+"downsamplers.0.conv", x, out, 0)
		}
	}
	x = b.middle(x)
	x = nn.Conv3(b, "encoder.conv_out", b.norm("conv_norm_out", x, true), 2*c.LatentChannels)
	if set(c.QuantConv) {
		x = nn.Conv1(b, "quant_conv", x, 2*c.LatentChannels)
	}
	return &Network{b.Program, x}, b.Err()
}

// Decoder returns the network from latents "z" [h,w,LatentChannels] to a picture
// [h·Factor,w·Factor,OutChannels].
func (c *KL) Decoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if h < 1 || w < 1 {
		return nil, fmt.Errorf("autoencoder: latents must have sides of at least 1 (got %dx%d, height x width)", h, w)
	}
	b := builder{&graph.Program{}, c, "decoder."}
	x := b.Input("z", h, w, c.LatentChannels)
	if set(c.PostQuantConv) {
		x = nn.Conv1(b, "post_quant_conv", x, c.LatentChannels)
	}
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

// set reports whether an option is on; it is so by default.
func set(option *bool) bool { return option == nil || *option }

// builder adds blocks to a program. prefix comes before the names of their parameters.
type builder struct {
	*graph.Program
	*KL
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
