package autoencoder

import (
	"cmp"
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/nn"
	"tweedie/core/tensor"
)

// VQ is the configuration of an autoencoder whose latents are entries of a code book (van den
// Oord et al. 2017, Neural discrete representation learning, arXiv:1711.00937), as diffusers'
// VQModel has it.
type VQ struct {
	Blocks
	Codes     int `json:"num_vq_embeddings"`      // entries of the code book
	CodeWidth int `json:"vq_embed_dim,omitempty"` // numbers of an entry; 0 means LatentChannels
}

// Validate returns an error that names the first wrong key.
func (c *VQ) Validate() error {
	return cmp.Or(c.Blocks.Validate(), within("num_vq_embeddings", c.Codes, 1<<20), within("vq_embed_dim", c.Width(), maxLatent))
}

// Width returns the number of channels of the latents, before and after quantization.
func (c *VQ) Width() int { return cmp.Or(c.CodeWidth, c.LatentChannels) }

// Encoder returns the network from a picture "x" [H,W,InChannels] to latents [h,w,Width] that are
// not quantized, with h = H/Factor.
func (c *VQ) Encoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.encoder(h, w, c.LatentChannels, func(b builder, x graph.Value) graph.Value { return nn.Conv1(b, "quant_conv", x, c.Width()) })
}

// Decoder returns the network from latents "z" [h,w,Width] to a picture.
func (c *VQ) Decoder(h, w int) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.decoder(h, w, c.Width(), func(b builder, x graph.Value) graph.Value {
		return nn.Conv1(b, "post_quant_conv", x, c.LatentChannels)
	})
}

// Quantize returns the entry of the code book [Codes,Width] nearest to each of the latents
// [N,h,w,Width], and its index (equation 1). Of two as near it takes the first. The error names
// shapes that do not match.
func Quantize(z *tensor.Tensor, codes *tensor.Tensor) (quantized *tensor.Tensor, index []int, err error) {
	if len(codes.Shape) != 2 || len(z.Shape) != 4 || z.Shape[3] != codes.Shape[1] || codes.Shape[0] < 1 {
		return nil, nil, fmt.Errorf("autoencoder: latents must be [N,h,w,%d] for a code book of shape %v (got %v)", codes.Shape[len(codes.Shape)-1], codes.Shape, z.Shape)
	}
	width := codes.Shape[1]
	quantized = tensor.New(z.Shape...)
	for at := 0; at < len(z.Data); at += width {
		best, least := 0, nearness(z.Data[at:at+width], codes.Row(0))
		for k := 1; k < codes.Shape[0]; k++ {
			if d := nearness(z.Data[at:at+width], codes.Row(k)); d < least {
				best, least = k, d
			}
		}
		copy(quantized.Data[at:at+width], codes.Row(best))
		index = append(index, best)
	}
	return quantized, index, nil
}

// nearness returns the squared distance of two vectors.
func nearness(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += float64(d * d)
	}
	return sum
}
