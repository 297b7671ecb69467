package importer

import (
	"errors"
	"fmt"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// planGuided reads the network of improved and guided diffusion (Nichol & Dhariwal 2021,
// arXiv:2102.09672; Dhariwal & Nichol 2021, arXiv:2105.05233). The number of blocks per level
// follows from the output_blocks that upsample.
func planGuided(v *view, h Hints) (*plan, error) {
	g := &guided{view: v, per: 1}
	outputs := v.count("output_blocks.%d.")
	for g.per < outputs && g.ascends(g.per-1) == "" {
		g.per++
	}
	if outputs == 0 || outputs%g.per != 0 {
		return nil, fmt.Errorf("%d output_blocks cannot be levels of %d blocks each: every level must have the same number", outputs, g.per)
	}
	u := unet.Config{
		SampleSize: h.Size, InChannels: v.dim("input_blocks.0.0.weight", 1), OutChannels: v.width("out.2"),
		LayersPerBlock: g.per - 1, NormNumGroups: 32, NormEps: 1e-5, DownsamplePadding: 1, FlipSinToCos: true, ActFn: "silu",
		ConvInChannels: v.dim("input_blocks.0.0.weight", 0), TimeChannels: v.dim("time_embed.0.weight", 1),
		EmbedChannels: v.dim("time_embed.0.weight", 0),
	}
	for i := range outputs / g.per {
		first := fmt.Sprintf("input_blocks.%d", 1+i*g.per)
		up := fmt.Sprintf("output_blocks.%d", outputs-(i+1)*g.per)
		addLevel(&u, v.width(first+".0.out_layers.3"), g.attends(first), g.attends(up))
	}
	g.levels = len(u.BlockOutChannels)
	if v.width("input_blocks.1.0.emb_layers.1") == 2*u.BlockOutChannels[0] {
		u.ResnetTimeScale = "scale_shift"
	}
	if g.levels > 1 && !v.hasPart(fmt.Sprintf("input_blocks.%d.0.op.", g.per)) {
		u.DownsampleType = "resnet"
	}
	if g.levels > 1 && !v.hasPart(g.ascends(g.per-1)+".conv.") {
		u.UpsampleType = "resnet"
	}
	if n := v.dim("label_emb.weight", 0); n > 0 {
		u.NumClassEmbeds = &n
	}
	if err := h.heads(&u); err != nil {
		return nil, err
	}
	p := &plan{find: func(d graph.Declared) binding { return g.find(d, &u, h.NewAttention) }}
	p.learned(&u)
	p.found = append(p.found, fmt.Sprintf("%d levels of %d residual blocks, channels %v, time embedding by %s, resampling by %s", g.levels, u.LayersPerBlock,
		u.BlockOutChannels, orText(u.ResnetTimeScale, "addition"), orText(u.DownsampleType, "conv")))
	return p, p.finish(&u, v, h, ho2020)
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// heads sets the heads of attention in u from hints. Without a hint it returns an error that
// asks for one.
func (h Hints) heads(u *unet.Config) error {
	switch {
	case h.Heads > 0 && h.HeadChannels > 0:
		return fmt.Errorf("--heads and --head-channels exclude each other (got %d and %d)", h.Heads, h.HeadChannels)
	case h.Heads > 0:
		u.NumHeads = h.Heads
	case h.HeadChannels > 0:
		u.AttentionHeadDim = &h.HeadChannels
	default:
		return errors.New("the weights do not determine the number of attention heads: give --heads or --head-channels")
	}
	if i := slices.IndexFunc(u.BlockOutChannels, func(c int) bool { return c%max(h.Heads, h.HeadChannels) != 0 }); i >= 0 && h.Heads > 0 {
		return fmt.Errorf("--heads must be a divisor of %d channels (got %d)", u.BlockOutChannels[i], h.Heads)
	}
	if last := u.BlockOutChannels[len(u.BlockOutChannels)-1]; h.Heads == 0 && last%h.HeadChannels != 0 {
		return fmt.Errorf("--head-channels must be a divisor of %d channels (got %d)", last, h.HeadChannels)
	}
	return nil
}

// learned records that a network with twice the output channels also predicts the variance of
// its steps, as in Nichol & Dhariwal 2021.
func (p *plan) learned(u *unet.Config) {
	if u.OutChannels == 2*u.InChannels {
		p.config.Variance = model.Learned
		p.found = append(p.found, "the network also predicts the variance of its steps: it has twice the output channels")
	}
}

// guided maps a network's blocks to their names.
type guided struct {
	*view
	levels int
	per    int // blocks per level, including the one that resamples
}

// attends reports whether a block has attention after its residual block.
func (g *guided) attends(block string) bool {
	return g.hasPart(block+".1.qkv.") || g.hasPart(block+".1.proj_out.")
}

// ascends returns the layer of output block i that upsamples, "" if there is none.
func (g *guided) ascends(i int) string {
	for _, at := range []int{1, 2} {
		name := fmt.Sprintf("output_blocks.%d.%d", i, at)
		if g.hasPart(name+".conv.") || g.hasPart(name+".in_layers.") {
			return name
		}
	}
	return ""
}

// The names of guided diffusion.
var (
	guidedOuter = map[string]string{
		"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "class_embedding": "label_emb",
		"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
	}
	guidedResnet = layers{
		"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3",
		"conv_shortcut": "skip_connection",
	}
)

func (g *guided) find(d graph.Declared, u *unet.Config, newOrder bool) binding {
	p, ok := parseBlockName(d.Name)
	if !ok {
		return renamed(guidedOuter[p.layer]+"."+p.leaf, d.Shape...)
	}
	block := fmt.Sprintf("middle_block.%d", 2*p.index) // 0 and 2; attention is 1
	switch p.side {
	case "down_blocks":
		block = fmt.Sprintf("input_blocks.%d.0", 1+p.block*g.per+p.index)
	case "up_blocks":
		block = fmt.Sprintf("output_blocks.%d.0", p.block*g.per+p.index)
	}
	switch p.kind {
	case "downsamplers":
		block = fmt.Sprintf("input_blocks.%d.0", (p.block+1)*g.per)
		if p.layer == "conv" {
			return renamed(block+".op."+p.leaf, d.Shape...)
		}
	case "upsamplers":
		block = g.ascends((p.block+1)*g.per - 1)
		if p.layer == "conv" {
			return renamed(block+".conv."+p.leaf, d.Shape...)
		}
	case "attentions":
		block = block[:len(block)-1] + "1"
		heads := 1 // new order: all of q, then k, then v
		if c := d.Shape[0]; !newOrder && u.NumHeads > 0 {
			heads = u.NumHeads
		} else if !newOrder {
			heads = max(1, c / *u.AttentionHeadDim)
		}
		return attentionPart(d, p, block, heads, layers{"group_norm": "norm", "to_out.0": "proj_out"}, 1)
	}
	return renamed(guidedResnet.of(block, p), d.Shape...)
}

// attentionPart returns the tensor of a parameter of an attention that has q, k and v in one
// convolution, qkv, whose rows count as [outer, 3, inner]. Convolutions have ones axes of
// length 1 at the end.
func attentionPart(d graph.Declared, p blockName, block string, outer int, names layers, ones int) binding {
	shape := slices.Clone(d.Shape)
	if len(shape) == 2 {
		shape = append(shape, []int{1, 1}[:ones]...)
	}
	which := slices.Index([]string{"to_q", "to_k", "to_v"}, p.layer)
	if which < 0 {
		return renamed(names.of(block, p), shape...)
	}
	shape[0] *= 3
	return binding{from: []string{block + ".qkv." + p.leaf}, shapes: [][]int{shape}, make: qkvRows(outer, which)}
}
