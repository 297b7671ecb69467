package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tweedie/core/unet"
)

// plainBlocks replaces the types of blocks that resample by a residual block by the
// corresponding plain types. In diffusers a block without attention resamples as its type says,
// and a block with attention as how says, which is downsample_type or upsample_type. If all
// blocks that resample, which are all but the last, do it alike, how becomes that way;
// otherwise the result lists the way of each.
func plainBlocks(types []string, how *string) (ways []string) {
	plain := map[string]string{"ResnetDownsampleBlock2D": "DownBlock2D", "ResnetUpsampleBlock2D": "UpBlock2D"}
	for i, block := range types {
		way := "conv"
		if plain[block] != "" {
			way, types[i] = "resnet", plain[block]
		} else if strings.HasPrefix(block, "Attn") {
			way = cmp.Or(*how, way)
		}
		if strings.Contains(block, "Skip") { // such a block has one way of its own
			way = cmp.Or(*how, way)
		}
		if i < len(types)-1 {
			ways = append(ways, way)
		}
	}
	if len(slices.Compact(slices.Clone(ways))) > 1 {
		return ways
	}
	if len(ways) > 0 && ways[0] != cmp.Or(*how, "conv") {
		*how = ways[0]
	}
	return nil
}

// blockTypes changes the types of blocks into those of this program.
func blockTypes(c *unet.Config, noGroups bool) error {
	if noGroups { // diffusers divides the channels by four, up to 32 groups
		c.NormNumGroups, c.NormMinChannels = 32, 4
	}
	for i, types := range [][]string{c.DownBlockTypes, c.UpBlockTypes} {
		for j, block := range types {
			types[j] = strings.TrimPrefix(block, "UNetRes") // before version 0.3
			if noGroups && !strings.Contains(block, "Skip") {
				return fmt.Errorf("norm_num_groups must be a number with %s[%d] = %q (got null)", []string{"down_block_types", "up_block_types"}[i], j, block)
			}
		}
	}
	c.DownsampleTypes = plainBlocks(c.DownBlockTypes, &c.DownsampleType)
	c.UpsampleTypes = plainBlocks(c.UpBlockTypes, &c.UpsampleType)
	return nil
}
