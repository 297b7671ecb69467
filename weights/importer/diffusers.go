package importer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"tweedie/core/graph"
	"tweedie/core/unet"
)

// planDiffusers reads a UNet2DModel: its structure is in config.json and its process in
// scheduler_config.json.
func planDiffusers(v *view, h Hints) (*plan, error) {
	if v.files.config == "" {
		return nil, fmt.Errorf("%q: its folder lacks %s, the configuration that diffusers saves with the weights", v.files.weights, configName)
	}
	data, err := readFile(v.files.config)
	if err != nil {
		return nil, err
	}
	u, passed, err := parseUNet(data, h.Size)
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
	if u.ClassEmbedType != nil {
		p.found = append(p.found, fmt.Sprintf("class numbers from 0 to %d are embedded like times: class_embed_type is %s", *u.NumClassEmbeds-1, *u.ClassEmbedType))
	}
	if len(passed) > 0 {
		p.found = append(p.found, fmt.Sprintf("unknown settings of %s, which are passed over: %s", configName, strings.Join(passed, ", ")))
	}
	p.config.WholeSteps = u.TimeEmbeddingType == "learned"
	return p, p.finishDiffusers(&u, v, h)
}

// or returns what p points to, or absent if it is nil.
func or[T any](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}

// finishDiffusers is finish for a network whose time input may be σ instead of a step: those
// with Fourier features.
func (p *plan) finishDiffusers(u *unet.Config, v *view, h Hints) error {
	usual := ho2020
	if !u.TimeIsSigma || v.files.scheduler != "" {
		p.without("sigma-min", "sigma-max")
	}
	if u.TimeIsSigma {
		usual = diffusersVE(cmp.Or(h.SigmaMin, 0.01), cmp.Or(h.SigmaMax, 1348)) // the defaults of ScoreSdeVeScheduler
	}
	if err := p.finish(u, v, h, usual); err != nil {
		return err
	}
	c := &p.config
	inputIsSigma := c.Process != nil && c.Process.Time != ""
	if u.TimeIsSigma && !inputIsSigma {
		return fmt.Errorf("time_embedding_type %q requires the variance-exploding process, not a chain or a rectified flow: the network's input is the noise level", u.TimeEmbeddingType)
	}
	if c.UnitPixels = inputIsSigma && u.CenterInputSample; c.UnitPixels {
		p.found = append(p.found, "pixels span [0,1]: the network centers them itself")
	}
	return nil
}

// findDiffusers returns the tensor of a parameter: under this program's name, or its name in
// diffusers before version 0.15.
func findDiffusers(v *view, d graph.Declared, u *unet.Config) binding {
	name := d.Name
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

// unetDefaults returns the defaults of the arguments of diffusers' UNet2DModel (diffusers 0.40,
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

// parseUNet reads the configuration of a UNet2DModel. It returns in words the settings that
// this program does not know, which versions to come may add: where they change the network,
// its weights do not fit. An unknown null is a setting that is off.
//
// size, if not 0, replaces the size of pictures in the configuration.
func parseUNet(data []byte, size unet.Size) (c unet.Config, passed []string, err error) {
	c = unetDefaults()
	members, err := parseObject(data)
	if err != nil {
		return c, nil, err
	}
	var class string
	if err := member(members, "_class_name", &class); err != nil {
		return c, nil, err
	}
	if class != "" && class != "UNet2DModel" {
		return c, nil, fmt.Errorf("_class_name must be UNet2DModel (got %q)", class)
	}
	for key, meaning := range map[string]string{"add_attention": "false", "flip_sin_to_cos": "false", "downsample_type": `"conv"`, "upsample_type": `"conv"`} {
		if string(members[key]) == "null" { // not the default
			members[key] = json.RawMessage(meaning)
		}
	}
	null := func(key string) bool { return string(members[key]) == "null" }
	c.NoMidBlock = null("mid_block_type")
	noGroups := null("norm_num_groups")
	if err := networkKeys(members, &c); err != nil {
		return c, nil, err
	}
	if size != (unet.Size{}) {
		c.SampleSize = size
	}
	if c.SampleSize == (unet.Size{}) {
		return c, nil, fmt.Errorf("sample_size, the height and width of the images, is missing: give them with --size")
	}
	if c.TimeEmbeddingType == "fourier" { // GaussianFourierProjection of ln σ
		c.TimeIsSigma, c.TimeChannels = true, 2*c.BlockOutChannels[0]
		c.EmbedChannels = cmp.Or(c.EmbedChannels, 4*c.BlockOutChannels[0])
	}
	passed = unused(members)
	if err := blockTypes(&c, noGroups); err != nil {
		return c, passed, err
	}
	return c, passed, c.Validate()
}

// networkKeys reads the members that unet.Config has, and removes them from members.
func networkKeys(members map[string]json.RawMessage, c *unet.Config) error {
	if dim, ok := members["time_embedding_dim"]; ok { // since version 0.33
		members["embed_channels"] = dim
		delete(members, "time_embedding_dim")
	}
	known := map[string]json.RawMessage{}
	for i := range reflect.TypeFor[unet.Config]().NumField() {
		key, _, _ := strings.Cut(reflect.TypeFor[unet.Config]().Field(i).Tag.Get("json"), ",")
		if v, ok := members[key]; ok && !strings.HasPrefix(key, "_") {
			known[key] = v
			delete(members, key)
		}
	}
	for _, key := range foreignKeys {
		delete(members, key)
	}
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, c); err != nil {
		return fmt.Errorf("UNet2DModel: %w", err)
	}
	c.ActFn = strings.ToLower(c.ActFn) // as diffusers does
	c.Dropout = 0                      // of diffusers' training
	if len(c.BlockOutChannels) == 0 {
		return fmt.Errorf("block_out_channels must have at least one level")
	}
	if k := c.ClassEmbedType; k != nil && *k == "timestep" && c.NumClassEmbeds == nil { // any number is a class
		n := 1000
		if c.TimeEmbeddingType == "learned" && c.NumTrainTimesteps != nil {
			n = *c.NumTrainTimesteps
		}
		c.NumClassEmbeds = &n
	}
	return nil
}
