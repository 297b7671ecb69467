package unet

import (
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// BuildClassifier writes down the half of c's network that descends, and a head on it:
// the norm, the mean over all pixels, and a linear map to OutChannels logits [1,1,K].
// It is the time-conditioned classifier of Dhariwal and Nichol 2021 (arXiv:2105.05233,
// section 4.3), with a mean in place of their pooling by attention. What c says of
// ascending blocks and of classes that a network is told means nothing here; attention
// is refused, as it has no gradient that a page could follow. The error wraps ErrConfig.
func BuildClassifier(c *Config) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Conditional() || c.ProgressiveInput != "" {
		return nil, fmt.Errorf("unet: %w: num_class_embeds or progressive_input is given, need neither for a classifier", ErrConfig)
	}
	for i, kind := range c.DownBlockTypes {
		if kind != "DownBlock2D" {
			return nil, fmt.Errorf("unet: %w: down_block_types[%d] is %q, need DownBlock2D for a classifier", ErrConfig, i, kind)
		}
	}
	p := &graph.Program{}
	b := &builder{Graph: p, Config: c}
	x, _ := b.down(b.entrance())
	x = b.norm("conv_norm_out", x, true)
	side := b.Shape(x)[0]
	x = b.Apply(graph.AveragePool{Size: side, Stride: side}, x)
	out := nn.Linear(b, "classifier", x, c.OutChannels)
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("unet: %w: %w", ErrConfig, err)
	}
	return &Network{Program: p, Out: out}, nil
}
