package importer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tweedie/core/graph"
	"tweedie/core/unet"
)

// planDiffusers reads a UNet2DModel: everything but its weights stands in config.json
// and scheduler_config.json.
func planDiffusers(v *view, h Hints) (*plan, error) {
	if v.files.config == "" {
		return nil, fmt.Errorf("%q: no configuration beside it, need %s, which diffusers saves with the weights", v.files.weights, configName)
	}
	data, err := readFile(v.files.config)
	if err != nil {
		return nil, err
	}
	u, err := parseUNet(data, h.Size)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.config, err)
	}
	const norm = "mid_block.attentions.0.group_norm.weight"
	u.BareMidAttention = u.ResnetTimeScale == "scale_shift" && u.AttnNormNumGroups == nil && !v.has(norm) // since version 0.20
	p := &plan{
		find:    func(d graph.Declared) part { return findDiffusers(v, d, &u) },
		ignored: func(name string) bool { return name == "time_proj.W" && u.TimeEmbeddingType == "fourier" }, // another name of its weight
	}
	p.learned(&u)
	p.config.WholeSteps = u.TimeEmbeddingType == "learned"
	return p, p.finishDiffusers(&u, v, h)
}

// finishDiffusers is finish for a network that may be told σ in place of a step, as
// Fourier features are made for.
func (p *plan) finishDiffusers(u *unet.Config, v *view, h Hints) error {
	usual := ho2020
	if u.TimeIsSigma {
		if usual = explodingSDE(cmp.Or(h.SigmaMin, 0.01), h.SigmaMax); v.files.scheduler == "" && h.SigmaMax == 0 {
			return fmt.Errorf("%q: no %s beside it, need it or --sigma-max: the network is told its noise level, and does not show the highest", v.files.weights, schedulerName)
		}
	}
	if err := p.finish(u, v, h, usual); err != nil {
		return err
	}
	c := &p.config
	toldSigma := c.Process != nil && c.Process.Time != ""
	if u.TimeIsSigma && !toldSigma {
		return fmt.Errorf("time_embedding_type is %q on a chain or on straight paths, need the variance-exploding process: the network is told its noise level", u.TimeEmbeddingType)
	}
	if c.UnitPixels = toldSigma && u.CenterInputSample; c.UnitPixels {
		p.found = append(p.found, "pixels span [0,1]: it centers them itself")
	}
	return nil
}

// findDiffusers returns where a parameter is: under its own name, that which it has in
// blocks with skips, or that which diffusers gave it before version 0.15.
func findDiffusers(v *view, d graph.Declared, u *unet.Config) part {
	name := d.Name
	if u.ProgressiveOutput != "" {
		name = skipName(name)
	}
	if old := oldName(name); !v.has(name) && v.has(old) {
		name = old
	}
	if d.Name == "time_proj.weight" && u.TimeEmbeddingType == "fourier" {
		return part{from: []string{name}, shapes: [][]int{d.Shape}, make: turns}
	}
	return renamed(name, d.Shape...)
}

// oldAttention gives the names that diffusers used before version 0.15.
var oldAttention = map[string]string{"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

// oldName returns the name of a parameter in diffusers before version 0.15.
func oldName(name string) string {
	p, ok := parsePlace(name)
	if old := oldAttention[p.layer]; ok && p.kind == "attentions" && old != "" {
		return strings.TrimSuffix(name, p.layer+"."+p.leaf) + old + "." + p.leaf
	}
	return name
}

// ofClass reports whether a configuration, which there may not be, is of that class.
func ofClass(config, class string) bool {
	if config == "" {
		return false
	}
	data, err := readFile(config)
	if err != nil {
		return false
	}
	var c struct {
		Class string `json:"_class_name"`
	}
	return json.Unmarshal(data, &c) == nil && c.Class == class
}

// unetDefaults returns the arguments of diffusers' UNet2DModel where a
// configuration leaves them out (diffusers 0.30, models/unets/unet_2d.py).
func unetDefaults() unet.Config {
	headDim := 8
	return unet.Config{
		InChannels:        3,
		OutChannels:       3,
		BlockOutChannels:  []int{224, 448, 672, 896},
		DownBlockTypes:    []string{"DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"},
		UpBlockTypes:      []string{"AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"},
		LayersPerBlock:    2,
		NormNumGroups:     32,
		NormEps:           1e-5,
		AttentionHeadDim:  &headDim,
		DownsamplePadding: 1,
		FlipSinToCos:      true,
	}
}

// foreignKeys are what a saved weight average adds to a configuration. They say
// nothing about the network.
var foreignKeys = []string{
	"decay", "inv_gamma", "min_decay", "min_value", "optimization_step", "power",
	"update_after_step", "use_ema_warmup",
}

// parseUNet reads the configuration of a UNet2DModel. A key that this program
// does not know is an error: it could change what the network computes.
//
// size is of the pictures, where it is told.
func parseUNet(data []byte, size int) (unet.Config, error) {
	c := unetDefaults()
	members, err := parseObject(data)
	if err != nil {
		return c, err
	}
	var class string
	if err := member(members, "_class_name", &class); err != nil {
		return c, err
	}
	if class != "" && class != "UNet2DModel" {
		return c, fmt.Errorf("_class_name is %q, need UNet2DModel", class)
	}
	maps.DeleteFunc(members, func(key string, _ json.RawMessage) bool {
		return strings.HasPrefix(key, "_") || slices.Contains(foreignKeys, key)
	})
	if size != 0 {
		members["sample_size"] = json.RawMessage(strconv.Itoa(size))
	}
	if err := squareSize(members); err != nil {
		return c, err
	}
	known, err := json.Marshal(members)
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(known))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("UNet2DModel: %w", err)
	}
	if string(members["class_embed_type"]) == "null" {
		delete(members, "class_embed_type")
	}
	if kind := members["class_embed_type"]; kind != nil {
		return c, fmt.Errorf("class_embed_type is %s, need null: classes are vectors there, or numbers without an end", kind)
	}
	if c.TimeEmbeddingType == "fourier" { // GaussianFourierProjection, of the logarithm
		c.TimeIsSigma, c.TimeChannels, c.EmbedChannels = true, 2*c.BlockOutChannels[0], 4*c.BlockOutChannels[0]
	}
	if skips, err := skipBlocks(&c, string(members["norm_num_groups"]) == "null"); skips || err != nil {
		return c, cmp.Or(err, c.Validate())
	}
	if err := resampling("down_block_types", c.DownBlockTypes[:max(0, len(c.DownBlockTypes)-1)], c.DownBlockTypes, c.DownsampleType); err != nil {
		return c, err
	}
	if err := resampling("up_block_types", c.UpBlockTypes[:max(0, len(c.UpBlockTypes)-1)], c.UpBlockTypes, c.UpsampleType); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// squareSize turns a sample_size of [n,n] into n.
func squareSize(members map[string]json.RawMessage) error {
	var size []int
	if v := members["sample_size"]; len(v) == 0 || string(v) == "null" {
		return fmt.Errorf("sample_size is missing, need the height and width of the images, or --size")
	} else if json.Unmarshal(v, &size) != nil {
		return nil // a number, or what Decode refuses
	}
	if len(size) != 2 || size[0] != size[1] {
		return fmt.Errorf("sample_size is %v, need one number or two equal ones", size)
	}
	members["sample_size"] = json.RawMessage(strconv.Itoa(size[0]))
	return nil
}

// parseObject returns the members of a JSON object.
func parseObject(data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, fmt.Errorf("is null, need a JSON object")
	}
	return members, nil
}

// member reads the member of that name into to, which keeps its value if there is
// none or null.
func member(members map[string]json.RawMessage, name string, to any) error {
	v, ok := members[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(v, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
