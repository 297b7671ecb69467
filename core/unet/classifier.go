package unet

import (
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
)

// BuildClassifier builds a classifier from the descending half of c's network, with a
// head of a norm, the mean over all pixels, and a linear map to OutChannels logits
// [1,1,K]. It is the time-conditioned classifier of Dhariwal and Nichol 2021
// (arXiv:2105.05233, section 4.3), with a mean instead of attention pooling. Fields of c
// about ascending blocks have no effect. The error wraps ErrConfig.
func BuildClassifier(c *Config) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &graph.Program{}
	b := &builder{Graph: p, Config: c, scale: c.SkipScale}
	x, _ := b.down(b.input())
	x = b.norm("conv_norm_out", x, 0, true)
	side := b.Shape(x)[0]
	x = b.Apply(graph.AveragePool{Size: side, Stride: side}, x)
	out := nn.Conv1(b, "classifier", x, c.OutChannels)
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("unet: %w: %w", ErrConfig, err)
	}
	return &Network{Program: p, Out: out}, nil
}
