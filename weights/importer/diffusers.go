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

// planDiffusers reads a UNet2DModel: its structure is in config.json and its process in
// scheduler_config.json.
func planDiffusers(v *view, h Hints) (*plan, error) {
	if v.files.config == "" {
		return nil, fmt.Errorf("%q: there is no configuration in its folder, need %s, which diffusers saves with the weights", v.files.weights, configName)
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
		find:    func(d graph.Declared) binding { return findDiffusers(v, d, &u) },
		ignored: func(name string) bool { return name == "time_proj.W" && u.TimeEmbeddingType == "fourier" }, // another name of its weight
	}
	p.learned(&u)
	p.config.WholeSteps = u.TimeEmbeddingType == "learned"
	return p, p.finishDiffusers(&u, v, h)
}

// finishDiffusers is finish for a network whose time input may be σ instead of a step: those
// with Fourier features.
func (p *plan) finishDiffusers(u *unet.Config, v *view, h Hints) error {
	usual := ho2020
	if u.TimeIsSigma {
		if usual = diffusersVE(cmp.Or(h.SigmaMin, 0.01), h.SigmaMax); v.files.scheduler == "" && h.SigmaMax == 0 {
			return fmt.Errorf("%q: there is no %s in its folder, need it or --sigma-max: the network's input is the noise level, and its weights do not show the highest one", v.files.weights, schedulerName)
		}
	}
	if err := p.finish(u, v, h, usual); err != nil {
		return err
	}
	c := &p.config
	inputIsSigma := c.Process != nil && c.Process.Time != ""
	if u.TimeIsSigma && !inputIsSigma {
		return fmt.Errorf("time_embedding_type is %q with a chain or a rectified flow, need the variance-exploding process: the network's input is the noise level", u.TimeEmbeddingType)
	}
	if c.UnitPixels = inputIsSigma && u.CenterInputSample; c.UnitPixels {
		p.found = append(p.found, "pixels span [0,1]: the network centers them itself")
	}
	return nil
}

// findDiffusers returns the tensor of a parameter: under this program's name, the name that it
// has in blocks with skips, or its name in diffusers before version 0.15.
func findDiffusers(v *view, d graph.Declared, u *unet.Config) binding {
	name := d.Name
	if u.ProgressiveOutput != "" {
		name = skipName(name)
	}
	if old := oldName(name); !v.has(name) && v.has(old) {
		name = old
	}
	if d.Name == "time_proj.weight" && u.TimeEmbeddingType == "fourier" {
		return binding{from: []string{name}, shapes: [][]int{d.Shape}, make: angular}
	}
	return renamed(name, d.Shape...)
}

// oldAttention maps layers of attention to their names in diffusers before version 0.15.
var oldAttention = map[string]string{"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

// oldName returns the name of a parameter in diffusers before version 0.15.
func oldName(name string) string {
	p, ok := parseBlockName(name)
	if old := oldAttention[p.layer]; ok && p.kind == "attentions" && old != "" {
		return strings.TrimSuffix(name, p.layer+"."+p.leaf) + old + "." + p.leaf
	}
	return name
}

// ofClass reports whether the configuration at that path, which may be "", is of that class.
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

// unetDefaults returns the defaults of the arguments of diffusers' UNet2DModel (diffusers 0.30,
// models/unets/unet_2d.py).
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

// foreignKeys are members that a saved weight average adds to a configuration. They do not
// concern the network.
var foreignKeys = []string{
	"decay", "inv_gamma", "min_decay", "min_value", "optimization_step", "power",
	"update_after_step", "use_ema_warmup",
}

// parseUNet reads the configuration of a UNet2DModel. An unknown member is an error, because it
// could change what the network computes.
//
// size, if not 0, replaces the size of pictures in the configuration.
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
		return c, fmt.Errorf("class_embed_type is %s, need null: other kinds of class embedding are not supported", kind)
	}
	if c.TimeEmbeddingType == "fourier" { // GaussianFourierProjection of ln σ
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

// squareSize replaces a sample_size of [n,n] by n.
func squareSize(members map[string]json.RawMessage) error {
	var size []int
	if v := members["sample_size"]; len(v) == 0 || string(v) == "null" {
		return fmt.Errorf("sample_size is missing, need the height and width of the images, or --size")
	} else if json.Unmarshal(v, &size) != nil {
		return nil // a number, or a value that Decode refuses
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

// member decodes the member of that name into to, which keeps its value if the member is
// missing or null.
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
