package unet

import "slices"

// Complete sets omitted fields of c to the defaults of a network for images of the given
// shape, C, H, W, that can be trained on a laptop. It does not change other fields.
// outputs is the number of output channels for each channel of the image, usually 1.
//
//	block_out_channels  32, doubled at every level; as many levels as halve the shorter
//	                    side to 7 or 8 pixels, at most 4
//	down_block_types    attention at the lowest level
//	up_block_types      mirrors down_block_types
//	layers_per_block    1
//	norm_num_groups     the largest of 8, 4, 2 and 1 that divides every level
//	norm_eps            1e-5
func (c *Config) Complete(shape [3]int, outputs int) {
	set(&c.SampleSize, Size{shape[1], shape[2]})
	set(&c.InChannels, shape[0])
	set(&c.OutChannels, c.InChannels*outputs)
	set(&c.LayersPerBlock, 1)
	set(&c.NormEps, 1e-5)
	if len(c.BlockOutChannels) == 0 {
		h, w := c.SampleSize.H/max(c.Patch, 1), c.SampleSize.W/max(c.Patch, 1)
		for channels := 32; ; channels *= 2 {
			c.BlockOutChannels = append(c.BlockOutChannels, channels)
			if len(c.BlockOutChannels) == 4 || h%2 != 0 || w%2 != 0 || min(h, w)/2 < 7 {
				break
			}
			h, w = h/2, w/2
		}
	}
	if len(c.DownBlockTypes) == 0 {
		for range c.BlockOutChannels {
			c.DownBlockTypes = append(c.DownBlockTypes, "DownBlock2D")
		}
		c.DownBlockTypes[len(c.DownBlockTypes)-1] = "AttnDownBlock2D"
	}
	if len(c.UpBlockTypes) == 0 {
		for _, down := range slices.Backward(c.DownBlockTypes) {
			up := "UpBlock2D"
			if down == "AttnDownBlock2D" {
				up = "AttnUpBlock2D"
			}
			c.UpBlockTypes = append(c.UpBlockTypes, up)
		}
	}
	if c.NormNumGroups == 0 {
		c.NormNumGroups = 8
		for slices.ContainsFunc(c.BlockOutChannels, func(ch int) bool { return ch%c.NormNumGroups != 0 }) {
			c.NormNumGroups /= 2
		}
	}
}

// set assigns value to v if v is zero.
func set[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
