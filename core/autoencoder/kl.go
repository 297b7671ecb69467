package autoencoder

import (
	"cmp"
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// KL is the configuration of an autoencoder whose latents are a Gaussian. Its zero value is not
// valid; Validate says what is wrong.
type KL struct {
	Blocks
	QuantConv     *bool    `json:"use_quant_conv,omitempty"`      // a 1×1 convolution after the encoder; nil means true
	PostQuantConv *bool    `json:"use_post_quant_conv,omitempty"` // and one before the decoder; nil means true
	ScalingFactor float64  `json:"scaling_factor,omitempty"`      // a diffusion model works on (z − ShiftFactor)·ScalingFactor; 0 means 1
	ShiftFactor   *float64 `json:"shift_factor,omitempty"`        // nil means 0
}

// Validate returns an error that names the first wrong key.
func (c *KL) Validate() error {
	if err := c.Blocks.Validate(); err != nil {
		return err
	}
	if !(c.ScalingFactor >= 0 && c.ScalingFactor <= 1e6) {
		return fmt.Errorf("autoencoder: %w: scaling_factor must be a positive number (got %v)", ErrConfig, c.ScalingFactor)
	}
	return nil
}

// Scale returns what a diffusion model works on, (z − shift)·scale.
func (c *KL) Scale() (shift, scale float64) {
	if c.ShiftFactor != nil {
		shift = *c.ShiftFactor
	}
	return shift, cmp.Or(c.ScalingFactor, 1)
}

// Encoder returns the network from a picture "x" [H,W,InChannels] to the mean and the logarithm
// of the variance of q(z|x), [h,w,2·LatentChannels], with h = H/Factor. H and W must be multiples
// of Factor.
func (c *KL) Encoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.encoder(h, w, 2*c.LatentChannels, func(b builder, x graph.Value) graph.Value {
		if set(c.QuantConv) {
			x = nn.Conv1(b, "quant_conv", x, 2*c.LatentChannels)
		}
		return x
	})
}

// Decoder returns the network from latents "z" [h,w,LatentChannels] to a picture
// [h·Factor,w·Factor,OutChannels].
func (c *KL) Decoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.decoder(h, w, c.LatentChannels, func(b builder, x graph.Value) graph.Value {
		if set(c.PostQuantConv) {
			x = nn.Conv1(b, "post_quant_conv", x, c.LatentChannels)
		}
		return x
	})
}

// set reports whether an option is on; it is so by default.
func set(option *bool) bool { return option == nil || *option }
