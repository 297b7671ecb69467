package importer

import (
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/unet"
)

// planDDPM reads the network of Ho et al. 2020 (arXiv:2006.11239) in the naming of its PyTorch
// port and of the code of DDIM (Song et al. 2020, arXiv:2010.02502).
func planDDPM(v *view, h Hints) (*plan, error) {
	u := ofHo2020(v, h)
	u.LayersPerBlock = v.count("down.0.block.%d.")
	for i := range v.count("down.%d.") {
		attends := v.hasPart(fmt.Sprintf("down.%d.attn.", i))
		addLevel(&u, v.width(fmt.Sprintf("down.%d.block.0.conv1", i)), attends, attends)
	}
	levels := len(u.BlockOutChannels)
	p := &plan{find: func(d graph.Declared) binding { return findDDPM(d, levels) }}
	return p, p.finish(&u, v, h, ho2020)
}

// ofHo2020 returns the settings that all programs share which adopted the network of Ho et al.
// 2020.
func ofHo2020(v *view, h Hints) unet.Config {
	return unet.Config{
		SampleSize: h.Size, InChannels: v.dim("conv_in.weight", 1), OutChannels: v.width("conv_out"),
		NormNumGroups: 32, NormEps: 1e-6, FreqShift: 1, ActFn: "silu",
	}
}

// addLevel adds a level of lower resolution below the others, with attention on the path down
// and up if requested.
func addLevel(u *unet.Config, channels int, down, up bool) {
	kind := func(attends bool, name string) string {
		if attends {
			return "Attn" + name
		}
		return name
	}
	u.BlockOutChannels = append(u.BlockOutChannels, channels)
	u.DownBlockTypes = append(u.DownBlockTypes, kind(down, "DownBlock2D"))
	u.UpBlockTypes = append([]string{kind(up, "UpBlock2D")}, u.UpBlockTypes...)
}

// The names of DDPM's port.
var (
	ddpmOuter = map[string]string{
		"time_embedding.linear_1": "temb.dense.0", "time_embedding.linear_2": "temb.dense.1", "conv_norm_out": "norm_out",
	}
	ddpmResnet    = layers{"time_emb_proj": "temb_proj", "conv_shortcut": "nin_shortcut"}
	ddpmAttention = layers{"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
)

// findDDPM returns the tensor of a parameter. The linear maps of attention are 1×1 convolutions
// there.
func findDDPM(d graph.Declared, levels int) binding {
	p, ok := parseBlockName(d.Name)
	if !ok {
		layer := p.layer
		if other := ddpmOuter[layer]; other != "" {
			layer = other
		}
		return renamed(layer+"."+p.leaf, d.Shape...)
	}
	path := map[string]string{"down_blocks": "down", "up_blocks": "up", "mid_block": "mid"}[p.side]
	if p.side != "mid_block" {
		path = fmt.Sprintf("%s.%d", path, p.level(levels))
	}
	switch p.kind {
	case "downsamplers":
		return renamed(fmt.Sprintf("%s.downsample.%s.%s", path, p.layer, p.leaf), d.Shape...)
	case "upsamplers":
		return renamed(fmt.Sprintf("%s.upsample.%s.%s", path, p.layer, p.leaf), d.Shape...)
	case "resnets":
		if p.side == "mid_block" {
			return renamed(ddpmResnet.of(fmt.Sprintf("mid.block_%d", p.index+1), p), d.Shape...)
		}
		return renamed(ddpmResnet.of(fmt.Sprintf("%s.block.%d", path, p.index), p), d.Shape...)
	}
	prefix := fmt.Sprintf("%s.attn.%d", path, p.index)
	if p.side == "mid_block" {
		prefix = "mid.attn_1"
	}
	return renamed(ddpmAttention.of(prefix, p), pointwise(d.Shape)...)
}

// pointwise returns the shape of the 1×1 convolution that equals a linear map.
func pointwise(shape []int) []int {
	if len(shape) == 2 {
		return []int{shape[0], shape[1], 1, 1}
	}
	return shape
}
