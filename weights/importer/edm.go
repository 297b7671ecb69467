package importer

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	gorgonia "gorgonia.org/tensor"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// karras2022 is the preconditioning of Karras et al. 2022, Table 1, last column.
var karras2022 = convention{
	process{prediction: model.EDM, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80},
	"the network has the preconditioning of EDM with σ_data 0.5, for σ from 0.002 to 80",
}

// firstConv matches the name of EDM's first convolution, which contains the size of pictures.
var firstConv = regexp.MustCompile(`^enc\.(\d+)x(\d+)_conv\.(?:weight|bias)$`)

// planEDM reads the networks of Karras et al. 2022 (arXiv:2206.00364): SongUNet, which is
// DDPM++ or NCSN++, and DhariwalUNet, which is ADM.
func planEDM(v *view, h Hints) (*plan, error) {
	e := &edm{view: v, song: v.width("out_conv") == 0}
	for name := range v.tensors {
		if m := firstConv.FindStringSubmatch(name); m != nil && m[1] == m[2] {
			e.size, _ = strconv.Atoi(m[1])
		}
	}
	if e.size == 0 {
		return nil, fmt.Errorf("enc.NxN_conv.weight is missing, where pictures have N×N pixels")
	}
	u := e.network()
	if u.InChannels == 0 {
		return nil, list("missing", []string{fmt.Sprintf("%q", e.at("enc", 0)+"conv.weight")})
	}
	levels := len(u.BlockOutChannels)
	p := &plan{ignored: func(name string) bool {
		return strings.HasSuffix(name, ".resample_filter") || strings.HasPrefix(name, "map_augment.")
	}}
	if v.has("map_augment.weight") {
		p.found = append(p.found, "map_augment is ignored: augmentation labels are 0 when sampling")
	}
	if h.Size != (unet.Size{}) {
		u.SampleSize = h.Size
	}
	if e.song {
		p.without("heads", "head-channels")
		p.found = append(p.found, fmt.Sprintf("SongUNet with %d levels of %d blocks, channels %v", levels, u.LayersPerBlock, u.BlockOutChannels))
	} else {
		p.found = append(p.found, fmt.Sprintf("DhariwalUNet with %d levels of %d blocks, channels %v", levels, u.LayersPerBlock, u.BlockOutChannels))
		if h.Heads == 0 && h.HeadChannels == 0 {
			h.HeadChannels = 64
			p.assumed = append(p.assumed, "attention heads have 64 channels, which the weights do not show")
		}
		if err := h.heads(u); err != nil {
			return nil, err
		}
	}
	p.find = e.find
	p.learned(u)
	return p, p.finish(u, v, h, karras2022)
}

// edm maps a network's blocks to their names.
type edm struct {
	*view
	size int
	song bool
}

// at returns the prefix of the names of a level's blocks.
func (e *edm) at(side string, level int) string {
	return fmt.Sprintf("%s.%dx%d_", side, e.size>>level, e.size>>level)
}

// last returns the name of the last convolution.
func (e *edm) last() string {
	if e.song {
		return e.at("dec", 0) + "aux_conv"
	}
	return "out_conv"
}

// network determines the configuration from names and shapes.
func (e *edm) network() *unet.Config {
	u := &unet.Config{
		SampleSize: unet.Square(e.size), InChannels: e.dim(e.at("enc", 0)+"conv.weight", 1), OutChannels: e.width(e.last()),
		NormNumGroups: 32, NormMinChannels: 4, NormEps: 1e-5, ActFn: "silu", DownsampleType: "resnet", UpsampleType: "resnet",
		ConvInChannels: e.dim(e.at("enc", 0)+"conv.weight", 0), TimeChannels: e.dim("map_layer0.weight", 1), EmbedChannels: e.dim("map_layer0.weight", 0),
		FlipSinToCos: true, ResnetTimeScale: "scale_shift",
	}
	if e.song {
		u.NormEps, u.FlipSinToCos, u.FreqShift, u.ResnetTimeScale = 1e-6, false, 1, ""
		u.SkipScale, u.ResampleShortcut, u.UpAttention, u.NumHeads, u.ClassFirst = math.Sqrt(0.5), true, "last", 1, true
		u.FIR = e.dim(e.at("enc", 1)+"down.conv0.resample_filter", 3) == 4
		if e.has("map_noise.freqs") || u.TimeChannels == 2*u.ConvInChannels { // compare then reports map_noise.freqs as missing
			u.TimeEmbeddingType = "fourier"
		}
		switch {
		case e.hasPart(e.at("enc", 1) + "aux_residual."):
			u.ProgressiveInput = "residual"
		case e.hasPart(e.at("enc", 1) + "aux_skip."):
			u.ProgressiveInput = "input_skip"
		}
		if e.hasPart(e.at("dec", 1) + "aux_conv.") {
			u.ProgressiveOutput = "output_skip"
		}
	}
	u.LayersPerBlock = e.count(e.at("enc", 0) + "block%d.")
	for level := range e.levels() {
		down := e.hasPart(e.at("enc", level) + "block0.qkv.")
		up := e.hasPart(fmt.Sprintf("%sblock%d.qkv.", e.at("dec", level), u.LayersPerBlock))
		addLevel(u, e.width(e.at("enc", level)+"block0.conv0"), down, up)
	}
	if n := e.dim("map_label.weight", 1); n > 0 {
		u.NumClassEmbeds = &n
	} else {
		u.ClassFirst = false
	}
	return u
}

// The names of EDM.
var (
	edmResnet    = layers{"norm1": "norm0", "conv1": "conv0", "time_emb_proj": "affine", "norm2": "norm1", "conv2": "conv1", "conv_shortcut": "skip"}
	edmAttention = layers{"group_norm": "norm2", "to_out.0": "proj"}
)

func (e *edm) find(d graph.Declared) binding {
	if name := e.aux(d.Name); name != "" {
		return renamed(name, d.Shape...)
	}
	p, ok := parseBlockName(d.Name)
	if !ok {
		return e.outer(d, p)
	}
	level := e.level(p)
	block := fmt.Sprintf("%sblock%d", e.at(map[string]string{"down_blocks": "enc", "up_blocks": "dec"}[p.side], level), p.index)
	switch {
	case p.side == "mid_block":
		block = fmt.Sprintf("%sin%d", e.at("dec", level), p.index)
	case p.kind == "downsamplers":
		block = e.at("enc", level+1) + "down"
	case p.kind == "upsamplers":
		block = e.at("dec", level-1) + "up"
	}
	if p.kind == "attentions" {
		return attentionPart(d, p, block, d.Shape[0], edmAttention, 2)
	}
	return renamed(edmResnet.of(block, p), d.Shape...)
}

// aux returns the name of a parameter of the progressive input or output pictures, "" for any
// other parameter.
func (e *edm) aux(name string) string {
	parts := strings.Split(name, ".")
	if len(parts) != 4 {
		return ""
	}
	block, _ := strconv.Atoi(parts[1])
	at := e.at("enc", block+1)
	if parts[0] == "up_blocks" {
		at = e.at("dec", e.levels()-1-block)
	}
	layer := map[string]string{
		"down_blocks picture": "aux_residual", "down_blocks skip_conv": "aux_skip", "up_blocks skip_norm": "aux_norm", "up_blocks skip_conv": "aux_conv",
	}[parts[0]+" "+parts[2]]
	if layer == "" {
		return ""
	}
	return at + layer + "." + parts[3]
}

func (e *edm) levels() int {
	levels := 0
	for e.size>>levels > 0 && e.hasPart(e.at("enc", levels)+"block0.") {
		levels++
	}
	return levels
}

// level returns the level of a block.
func (e *edm) level(p blockName) int { return p.level(e.levels()) }

// outer returns the tensors of a parameter before or after the blocks.
func (e *edm) outer(d graph.Declared, p blockName) binding {
	names := map[string]string{
		"time_embedding.linear_1": "map_layer0", "time_embedding.linear_2": "map_layer1", "conv_in": e.at("enc", 0) + "conv",
		"conv_norm_out": "out_norm", "conv_out": "out_conv",
	}
	if e.song {
		names["conv_norm_out"], names["conv_out"] = e.at("dec", 0)+"aux_norm", e.last()
	}
	switch p.layer {
	case "time_proj":
		return binding{from: []string{"map_noise.freqs"}, shapes: [][]int{d.Shape}, make: angular}
	case "class_embedding":
		label := binding{from: []string{"map_label.weight"}, shapes: [][]int{{d.Shape[1], d.Shape[0]}}, make: transposed}
		if e.song {
			label.from, label.shapes = append(label.from, "map_label.bias"), append(label.shapes, []int{d.Shape[1]})
			label.make = scaledLabels
		}
		return label
	}
	return renamed(names[p.layer]+"."+p.leaf, d.Shape...)
}

// angular converts frequencies f to angular frequencies 2π·f, in float32.
func angular(in []*gorgonia.Dense) (*gorgonia.Dense, error) {
	out, err := in[0].MulScalar(float32(2*math.Pi), true)
	return out, err
}

// scaledLabels computes a table of class embeddings from a linear map of labels, which are √n
// for the class and 0 for the n−1 others: row i is √n·W[:,i] + b.
func scaledLabels(in []*gorgonia.Dense) (*gorgonia.Dense, error) {
	w, b := in[0].Float32s(), in[1].Float32s()
	n := in[0].Shape()[1]
	root := float32(math.Sqrt(float64(n)))
	out := make([]float32, len(w))
	for i := range n {
		for j := range b {
			out[i*len(b)+j] = float32(root*w[j*n+i]) + b[j]
		}
	}
	return gorgonia.New(gorgonia.WithShape(n, len(b)), gorgonia.WithBacking(out)), nil
}
