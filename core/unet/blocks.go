package unet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tweedie/core/graph"
)

// block describes a type of descending or ascending block of diffusers.
type block struct {
	attends bool // attention follows residual blocks
	skip    bool // as in NCSN++, see skipScale
}

var (
	downBlocks = map[string]block{
		"DownBlock2D": {}, "AttnDownBlock2D": {attends: true},
		"SkipDownBlock2D": {skip: true}, "AttnSkipDownBlock2D": {attends: true, skip: true},
	}
	upBlocks = map[string]block{
		"UpBlock2D": {}, "AttnUpBlock2D": {attends: true},
		"SkipUpBlock2D": {skip: true}, "AttnSkipUpBlock2D": {attends: true, skip: true},
	}
)

// checkTypes returns an error that names the first type that is not one of blocks.
func checkTypes(key string, types []string, blocks map[string]block) error {
	for i, name := range types {
		if _, ok := blocks[name]; !ok {
			return fmt.Errorf("unet: %w: %s[%d] must be one of %s (got %q)", ErrConfig, key, i, strings.Join(slices.Sorted(maps.Keys(blocks)), ", "), name)
		}
	}
	return nil
}

// enter sets how the layers of a block are made.
func (b *builder) enter(t block) {
	b.skip, b.scale = t.skip, b.SkipScale
	if t.skip {
		b.scale = skipScale
	}
}

// The blocks with skips of diffusers are those of NCSN++ (Song et al. 2021, arXiv:2011.13456,
// appendix H): residual blocks of BigGAN that resample with the filter [1,3,3,1], sums
// divided by √2, norms with groups of at least four channels, and a progressive input and
// output image at every level. The norms of their attention have 32 groups.
const (
	skipScale           = 0.7071067811865476
	skipGroups          = 32
	skipGroupChannels   = 4
	skipAttentionGroups = 32
)

// normGroups returns the number of groups of a norm in the current block.
func (b *builder) normGroups(channels int) int {
	if b.skip {
		return max(1, min(skipGroups, channels/skipGroupChannels))
	}
	return b.groups(channels)
}

// attentionGroups returns the number of groups of the norm of an attention in the current
// block.
func (b *builder) attentionGroups(channels int) int {
	if b.skip {
		return skipAttentionGroups
	}
	return cmp.Or(b.AttentionGroups, b.groups(channels))
}

// firstGroups returns the number of groups of the first norm of residual blocks with
// attention in an ascending block, before x and skip are concatenated; 0 if it is that of
// other norms. With skips, diffusers divides the channels of skip alone by four.
func (b *builder) firstGroups(x, skip graph.Value) int {
	if b.skip {
		return min(skipGroups, b.Shape(x)[2]+b.Shape(skip)[2]/skipGroupChannels)
	}
	return b.AttentionGroups
}

// fir reports whether images are resampled with the filter [1,3,3,1].
func (b *builder) fir() bool { return b.FIR || b.skip }

// validateSkips checks the order of blocks with skips and without: the input image is not
// downsampled, and the accumulated output not upsampled, in blocks without.
func (c *Config) validateSkips() error {
	for i := 1; i < len(c.DownBlockTypes)-1; i++ { // the last block does not resample
		if before := c.DownBlockTypes[i-1]; downBlocks[c.DownBlockTypes[i]].skip && !downBlocks[before].skip {
			return fmt.Errorf("unet: %w: down_block_types[%d] is %q after %q: blocks with skips must come first", ErrConfig, i, c.DownBlockTypes[i], before)
		}
	}
	for i := 1; i < len(c.UpBlockTypes); i++ {
		if before := c.UpBlockTypes[i-1]; upBlocks[before].skip && !upBlocks[c.UpBlockTypes[i]].skip {
			return fmt.Errorf("unet: %w: up_block_types[%d] is %q after %q: blocks with skips must come last", ErrConfig, i, c.UpBlockTypes[i], before)
		}
	}
	return nil
}
