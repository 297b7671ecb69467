package importer

import (
	"cmp"
	"fmt"
	"math"
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
		if i < len(types)-1 {
			ways = append(ways, way)
		}
	}
	if len(slices.Compact(slices.Clone(ways))) > 1 {
		return ways
	}
	if len(ways) > 0 {
		*how = ways[0]
	}
	return nil
}

// skipBlocks replaces the types of NCSN++'s blocks with skips (SkipDownBlock2D and similar) by
// the plain types, and sets in c what distinguishes them: BigGAN's residual blocks that
// resample with the filter [1,3,3,1], sums divided by √2, and a progressive input and output
// picture at every level. It reports whether there are such blocks. Their norms have groups of
// at least four channels, except those of attention and of the output picture, which have 32
// groups.
func skipBlocks(c *unet.Config, noGroups bool) (bool, error) {
	skips := 0
	for _, types := range [][]string{c.DownBlockTypes, c.UpBlockTypes} {
		for i, block := range types {
			if plain := strings.Replace(block, "Skip", "", 1); plain != block {
				types[i] = plain
				skips++
			}
		}
	}
	switch all := len(c.DownBlockTypes) + len(c.UpBlockTypes); {
	case skips == 0 && noGroups:
		return false, fmt.Errorf("norm_num_groups is null, need a number with blocks without skips")
	case skips == 0:
		return false, nil
	case skips != all:
		return true, fmt.Errorf("%d of %d blocks have skips, need all or none", skips, all)
	case !noGroups:
		return true, fmt.Errorf("norm_num_groups is %d, need null with blocks with skips", c.NormNumGroups)
	case math.Abs(c.MidBlockScale-math.Sqrt2) > 1e-6:
		return true, fmt.Errorf("mid_block_scale_factor is %g, need √2 with blocks with skips", c.MidBlockScale)
	}
	c.MidBlockScale, c.NormNumGroups, c.NormMinChannels, c.SkipScale, c.AttentionGroups = 0, 32, 4, math.Sqrt(0.5), 32
	c.FIR, c.ResampleShortcut, c.DownsampleType, c.UpsampleType, c.UpAttention = true, true, "resnet", "resnet", "last"
	c.ProgressiveInput, c.ProgressiveOutput = "input_skip", "output_skip"
	return true, nil
}

// skipName returns the name of a parameter in blocks with skips.
func skipName(name string) string {
	p, ok := parseBlockName(name)
	switch {
	case !ok:
		return name
	case p.kind == "downsamplers":
		return strings.Replace(name, "downsamplers.0", "resnet_down", 1)
	case p.kind == "upsamplers":
		return strings.Replace(name, "upsamplers.0", "resnet_up", 1)
	case p.kind == "attentions" && p.side == "up_blocks":
		return strings.Replace(name, fmt.Sprintf("attentions.%d.", p.index), "attentions.0.", 1)
	}
	return name
}
