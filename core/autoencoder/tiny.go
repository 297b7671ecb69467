package autoencoder

import (
	"fmt"
	"math"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// Tiny is the configuration of a small autoencoder without norms and attention, distilled from a
// large one (TAESD, as diffusers' AutoencoderTiny has it). All its convolutions but the first and
// the last have Channels channels.
type Tiny struct {
	InChannels      int     `json:"in_channels"`
	OutChannels     int     `json:"out_channels"`
	LatentChannels  int     `json:"latent_channels"`
	EncoderChannels []int   `json:"encoder_block_out_channels"` // by level
	DecoderChannels []int   `json:"decoder_block_out_channels"` // by level, the smallest picture first
	EncoderBlocks   []int   `json:"num_encoder_blocks"`         // residual blocks by level
	DecoderBlocks   []int   `json:"num_decoder_blocks"`
	Magnitude       float64 `json:"latent_magnitude,omitempty"` // latents are stored as z/(2·Magnitude) + Shift, in [0,1]
	Shift           float64 `json:"latent_shift,omitempty"`
}

// Validate returns an error that names the first wrong key.
func (c *Tiny) Validate() error {
	for _, err := range []error{
		within("in_channels", c.InChannels, maxPicture), within("out_channels", c.OutChannels, maxPicture), within("latent_channels", c.LatentChannels, maxLatent),
		within("levels of encoder_block_out_channels", len(c.EncoderChannels), maxLevels),
	} {
		if err != nil {
			return err
		}
	}
	levels := len(c.EncoderChannels)
	if len(c.EncoderBlocks) != levels || len(c.DecoderChannels) != levels || len(c.DecoderBlocks) != levels {
		return fmt.Errorf("autoencoder: %w: num_encoder_blocks, decoder_block_out_channels and num_decoder_blocks must have %d levels as encoder_block_out_channels (got %d, %d and %d)",
			ErrConfig, levels, len(c.EncoderBlocks), len(c.DecoderChannels), len(c.DecoderBlocks))
	}
	for i := range levels {
		for key, n := range map[string]int{"encoder_block_out_channels": c.EncoderChannels[i], "decoder_block_out_channels": c.DecoderChannels[i]} {
			if err := within(fmt.Sprintf("%s[%d]", key, i), n, maxChannels); err != nil {
				return err
			}
		}
		for key, n := range map[string]int{"num_encoder_blocks": c.EncoderBlocks[i], "num_decoder_blocks": c.DecoderBlocks[i]} {
			if err := within(fmt.Sprintf("%s[%d]", key, i), n, maxLayers); err != nil {
				return err
			}
		}
	}
	return nil
}

// Factor returns how many pixels of a side become one of the latents.
func (c *Tiny) Factor() int { return 1 << (len(c.EncoderChannels) - 1) }

// Encoder returns the network from a picture "x" [H,W,InChannels] to latents
// [h,w,LatentChannels], with h = H/Factor.
func (c *Tiny) Encoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkSides(h, w, c.Factor()); err != nil {
		return nil, err
	}
	l := &layers{&graph.Program{}, "encoder", 0}
	x := l.Apply(graph.Affine{Scale: 0.5, Shift: 0.5}, l.Input("x", h, w, c.InChannels)) // to [0,1]
	for i, channels := range c.EncoderChannels {
		if i == 0 {
			x = nn.Conv3(l, l.next(), x, channels)
		} else {
			x = l.plainConv(x, channels, 2)
		}
		for range c.EncoderBlocks[i] {
			x = l.block(x, channels)
		}
	}
	x = nn.Conv3(l, l.next(), x, c.LatentChannels)
	return &Network{l.Program, x}, l.Err()
}

// clampedAt is the number that the decoder's latents approach: 3·tanh(z/3).
const clampedAt = 3

// Decoder returns the network from latents "z" [h,w,LatentChannels] to a picture.
func (c *Tiny) Decoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkLatents(h, w); err != nil {
		return nil, err
	}
	l := &layers{&graph.Program{}, "decoder", 0}
	x := l.Apply(graph.Affine{Scale: 1. / clampedAt}, l.Input("z", h, w, c.LatentChannels))
	x = l.Apply(graph.Affine{Scale: clampedAt}, l.Apply(graph.Unary{Fn: "tanh"}, x))
	x = l.relu(nn.Conv3(l, l.next(), x, c.DecoderChannels[0]))
	l.next() // the activation has a place in the list
	for i, channels := range c.DecoderChannels {
		for range c.DecoderBlocks[i] {
			x = l.block(x, channels)
		}
		if i < len(c.DecoderChannels)-1 {
			l.next() // so has upsampling
			x = l.plainConv(l.Apply(graph.Upsample{}, x), channels, 1)
		}
	}
	x = nn.Conv3(l, l.next(), x, c.OutChannels)
	x = l.Apply(graph.Affine{Scale: 2, Shift: -1}, x) // from [0,1]
	return &Network{l.Program, x}, l.Err()
}

// layers adds layers to a program that are named by their place in a list.
type layers struct {
	*graph.Program
	prefix string
	count  int
}

// next returns the name of the next layer.
func (l *layers) next() string {
	name := fmt.Sprintf("%s.layers.%d", l.prefix, l.count)
	l.count++
	return name
}

func (l *layers) relu(x graph.Value) graph.Value {
	return l.Apply(graph.Unary{Fn: "clip", B: math.MaxFloat32}, x)
}

// plainConv is a 3×3 convolution without biases.
func (l *layers) plainConv(x graph.Value, out, stride int) graph.Value {
	in := l.Shape(x)[2]
	w := l.Param(l.next()+".weight", graph.Init{Kind: graph.Uniform, Fan: 9 * in}, out, in, 3, 3)
	return l.Apply(graph.Conv{Size: 3, Stride: stride, Before: 1, After: 1}, x, w)
}

// block is three convolutions with a residual connection, followed by ReLU.
func (l *layers) block(x graph.Value, channels int) graph.Value {
	name := l.next()
	h := l.relu(nn.Conv3(l, name+".conv.0", x, channels))
	h = l.relu(nn.Conv3(l, name+".conv.2", h, channels))
	h = nn.Conv3(l, name+".conv.4", h, channels)
	if in := l.Shape(x)[2]; in != channels {
		w := l.Param(name+".skip.weight", graph.Init{Kind: graph.Uniform, Fan: in}, channels, in, 1, 1)
		x = l.Apply(graph.Conv{Size: 1, Stride: 1}, x, w)
	}
	return l.relu(l.Apply(graph.Add{}, h, x))
}

// Stored returns a latent as TAESD stores it, in [0,1].
func (c *Tiny) Stored(z float32) float32 {
	return float32(min(max(float64(z)/(2*c.Magnitude)+c.Shift, 0), 1))
}

// Latent is the inverse of Stored, where that does not clamp.
func (c *Tiny) Latent(stored float32) float32 {
	return float32((float64(stored) - c.Shift) * 2 * c.Magnitude)
}
