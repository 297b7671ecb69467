package unet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("invalid network configuration")

// Config is the configuration of diffusers' UNet2DModel, with the same JSON keys. Additional
// keys of this program describe the networks of improved and guided diffusion, DDPM++,
// NCSN++, and EDM's versions of the last two.
type Config struct {
	SampleSize        Size     `json:"sample_size"` // of images
	InChannels        int      `json:"in_channels"`
	OutChannels       int      `json:"out_channels"`
	BlockOutChannels  []int    `json:"block_out_channels"` // one for each level
	DownBlockTypes    []string `json:"down_block_types"`   // the keys of downBlocks
	UpBlockTypes      []string `json:"up_block_types"`     // the keys of upBlocks
	LayersPerBlock    int      `json:"layers_per_block"`
	NormNumGroups     int      `json:"norm_num_groups"`
	NormEps           float64  `json:"norm_eps"`
	AttentionHeadDim  *int     `json:"attention_head_dim"` // channels of a head; null: one head
	DownsamplePadding int      `json:"downsample_padding"` // 0: zeros at the end only; 1: on all sides
	FlipSinToCos      bool     `json:"flip_sin_to_cos"`
	FreqShift         float64  `json:"freq_shift"`
	NumClassEmbeds    *int     `json:"num_class_embeds"`                 // null: unconditional
	ActFn             string   `json:"act_fn,omitempty"`                 // activation of residual blocks: silu, swish (the same), gelu, mish, relu
	TimeEmbeddingType string   `json:"time_embedding_type,omitempty"`    // positional; fourier: frequencies from the model file; learned: a table of num_train_timesteps rows
	MidBlockScale     float64  `json:"mid_block_scale_factor,omitempty"` // divisor of residual sums in the middle block; 0: as in other blocks
	CenterInputSample bool     `json:"center_input_sample,omitempty"`    // the input image x becomes 2x − 1
	AddAttention      *bool    `json:"add_attention,omitempty"`
	ResnetTimeScale   string   `json:"resnet_time_scale_shift,omitempty"` // default: the embedding is added; scale_shift: it scales and shifts
	TimeEmbeddingDim  *int     `json:"time_embedding_dim,omitempty"`      // width of the embedding of time and class; null: embed_channels
	ClassEmbedType    *string  `json:"class_embed_type,omitempty"`        // null: a table of num_class_embeds rows; timestep: the class number is embedded like a time
	DownsampleType    string   `json:"downsample_type,omitempty"`         // conv; resnet: a downsampling residual block
	UpsampleType      string   `json:"upsample_type,omitempty"`           // conv; resnet: an upsampling residual block
	AttnNormNumGroups *int     `json:"attn_norm_num_groups,omitempty"`    // groups of the norm of the middle attention; null: norm_num_groups
	Dropout           float64  `json:"dropout,omitempty"`                 // of training in diffusers; training here has none
	ClassName         string   `json:"_class_name,omitempty"`
	MidBlockType      *string  `json:"mid_block_type,omitempty"`
	NumTrainTimesteps *int     `json:"num_train_timesteps,omitempty"`

	// Keys of this program. A zero value gives the behaviour of diffusers.
	Patch            int     `json:"patch,omitempty"`              // 2: space-to-depth of 2×2 pixels first; 0 means 1
	NumHeads         int     `json:"num_heads,omitempty"`          // heads of every attention, instead of attention_head_dim
	ConvInChannels   int     `json:"conv_in_channels,omitempty"`   // output channels of the first convolution; 0: block_out_channels[0]
	TimeChannels     int     `json:"time_channels,omitempty"`      // width of the time embedding's sinusoids; 0: conv_in_channels
	EmbedChannels    int     `json:"embed_channels,omitempty"`     // width of the embedding of time and class; 0: 4·time_channels
	ClassFirst       bool    `json:"class_first,omitempty"`        // add the class to the sinusoids instead of the embedding
	NormMinChannels  int     `json:"norm_min_channels,omitempty"`  // fewest channels of a norm's group; takes precedence over norm_num_groups
	UpAttention      string  `json:"up_attention,omitempty"`       // last: in ascending blocks only after a level's last layer
	SkipScale        float64 `json:"skip_scale,omitempty"`         // factor of residual sums; 0 means 1
	ResampleShortcut bool    `json:"resample_shortcut,omitempty"`  // resampling residual blocks have a convolution on the shortcut
	FIR              bool    `json:"fir,omitempty"`                // resample with the filter [1,3,3,1] instead of means and copies
	TimeIsSigma      bool    `json:"time_is_sigma,omitempty"`      // the time is a noise level: fourier features use its logarithm, and the output is divided by it
	AttentionGroups  int     `json:"attention_groups,omitempty"`   // groups of attention norms outside the middle, and of the first norms of residual blocks in ascending levels with attention; 0: as in other norms
	BareMidAttention bool    `json:"bare_mid_attention,omitempty"` // the middle attention has no norm
	NoMidBlock       bool    `json:"no_mid_block,omitempty"`       // there is no middle block

	DownsampleTypes []string `json:"downsample_types,omitempty"` // one for each descending level but the last, instead of downsample_type
	UpsampleTypes   []string `json:"upsample_types,omitempty"`   // one for each ascending level but the last, instead of upsample_type

	ProgressiveInput  string `json:"progressive_input,omitempty"`  // residual: add the downsampled image at every level; input_skip: through a 1×1 convolution
	ProgressiveOutput string `json:"progressive_output,omitempty"` // output_skip: every level adds to the upsampled output
}

// MaxSize is the largest height and width of images.
const MaxSize = 1024

// Limits for configurations, which may come from an untrusted file.
const (
	maxLevels   = 8
	maxChannels = 4096
	maxLayers   = 16
	maxClasses  = 1 << 20
	maxValue    = 1 << 26 // numbers of one image of activations
)

// Validate returns an error that names every field with an invalid or unsupported value.
// It wraps ErrConfig.
func (c *Config) Validate() error {
	levels := len(c.BlockOutChannels)
	checks := []struct {
		ok   bool
		text string
	}{
		{levels >= 1 && levels <= maxLevels, fmt.Sprintf("block_out_channels must have 1 to %d levels (got %d)", maxLevels, levels)},
		{len(c.DownBlockTypes) == levels, fmt.Sprintf("down_block_types must have %d entries, one a level (got %d)", levels, len(c.DownBlockTypes))},
		{len(c.UpBlockTypes) == levels, fmt.Sprintf("up_block_types must have %d entries, one a level (got %d)", levels, len(c.UpBlockTypes))},
		{within(c.InChannels, 1, maxChannels), fmt.Sprintf("in_channels must be 1 to %d (got %d)", maxChannels, c.InChannels)},
		{within(c.OutChannels, 1, maxChannels), fmt.Sprintf("out_channels must be 1 to %d (got %d)", maxChannels, c.OutChannels)},
		{within(c.LayersPerBlock, 1, maxLayers), fmt.Sprintf("layers_per_block must be 1 to %d (got %d)", maxLayers, c.LayersPerBlock)},
		{c.SampleSize.valid(), fmt.Sprintf("sample_size must be 1 to %d (got %v)", MaxSize, c.SampleSize)},
		{c.NormEps > 0 && c.NormEps < 1, fmt.Sprintf("norm_eps must be a number in (0,1) (got %g)", c.NormEps)},
		{within(c.Patch, 0, 2), fmt.Sprintf("patch must be 1 or 2 (got %d)", c.Patch)},
		{within(c.DownsamplePadding, 0, 1), fmt.Sprintf("downsample_padding must be 0 or 1 (got %d)", c.DownsamplePadding)},
		{c.NumClassEmbeds == nil || within(*c.NumClassEmbeds, 1, maxClasses), "num_class_embeds needs a number from 1 to 1048576, or null"},
		{within(c.NormNumGroups, 1, maxChannels), fmt.Sprintf("norm_num_groups must be at least 1 (got %d)", c.NormNumGroups)},
		{within(c.NormMinChannels, 0, maxChannels), fmt.Sprintf("norm_min_channels must be 0 to %d (got %d)", maxChannels, c.NormMinChannels)},
		{within(c.NumHeads, 0, maxChannels), fmt.Sprintf("num_heads must be 0 to %d (got %d)", maxChannels, c.NumHeads)},
		{within(c.ConvInChannels, 0, maxChannels) && within(c.TimeChannels, 0, maxChannels) && within(c.EmbedChannels, 0, 4*maxChannels),
			fmt.Sprintf("conv_in_channels, time_channels or embed_channels is not within 0 to %d", maxChannels)},
		{c.TimeEmbeddingDim == nil || within(*c.TimeEmbeddingDim, 1, 4*maxChannels), fmt.Sprintf("time_embedding_dim needs a number from 1 to %d, or null", 4*maxChannels)},
		{c.SkipScale >= 0 && c.SkipScale <= 1, fmt.Sprintf("skip_scale must be 0 to 1 (got %g)", c.SkipScale)},
		{c.UpAttention == "" || c.UpAttention == "last", fmt.Sprintf("up_attention must be last (got %q)", c.UpAttention)},
		{within(c.AttentionGroups, 0, maxChannels), fmt.Sprintf("attention_groups must be 0 to %d (got %d)", maxChannels, c.AttentionGroups)},
		{c.MidBlockScale >= 0 && c.MidBlockScale <= 1e3, fmt.Sprintf("mid_block_scale_factor must be 0 to 1000 (got %g)", c.MidBlockScale)},
		{c.AttnNormNumGroups == nil || within(*c.AttnNormNumGroups, 1, maxChannels), "attn_norm_num_groups needs a number from 1 to 4096, or null"},
		{c.TimeEmbeddingType != "learned" || c.NumTrainTimesteps != nil && within(*c.NumTrainTimesteps, 1, maxClasses),
			"num_train_timesteps needs a number from 1 to 1048576 for learned times"},
	}
	var wrong []string
	for _, check := range checks {
		if !check.ok {
			wrong = append(wrong, check.text)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("unet: %w: %s", ErrConfig, strings.Join(wrong, "; "))
	}
	if err := c.validateBlocks(); err != nil {
		return err
	}
	return c.validateSupported()
}

func within(v, low, high int) bool { return v >= low && v <= high }

func (c *Config) validateBlocks() error {
	if err := errors.Join(checkTypes("down_block_types", c.DownBlockTypes, downBlocks), checkTypes("up_block_types", c.UpBlockTypes, upBlocks)); err != nil {
		return err
	}
	if err := c.validateSkips(); err != nil {
		return err
	}
	for i, ch := range c.BlockOutChannels {
		if !within(ch, 2, maxChannels) || ch%c.groups(ch) != 0 {
			return fmt.Errorf("unet: %w: block_out_channels[%d] must be 2 to %d, divisible by norm_num_groups %d (got %d)", ErrConfig, i, maxChannels, c.NormNumGroups, ch)
		}
		if c.attends(i) && c.NumHeads != 0 && ch%c.NumHeads != 0 {
			return fmt.Errorf("unet: %w: num_heads must be a divisor of block_out_channels[%d] = %d (got %d)", ErrConfig, i, ch, c.NumHeads)
		}
		if c.attends(i) && c.AttentionHeadDim != nil && !within(*c.AttentionHeadDim, 1, ch) {
			return fmt.Errorf("unet: %w: attention_head_dim must be 1 to block_out_channels[%d] = %d (got %d)", ErrConfig, i, ch, *c.AttentionHeadDim)
		}
	}
	if first := c.timeChannels(); first%2 != 0 || float64(first/2) <= c.FreqShift {
		return fmt.Errorf("unet: %w: block_out_channels[0] or time_channels must be an even number over twice freq_shift %g (got %d)", ErrConfig, c.FreqShift, first)
	}
	if pixels := c.SampleSize.H * c.SampleSize.W / max(c.Patch*c.Patch, 1); pixels*slices.Max(c.BlockOutChannels) > maxValue {
		return fmt.Errorf("unet: %w: sample_size %v with up to %d channels makes more than %d numbers an image", ErrConfig, c.SampleSize, slices.Max(c.BlockOutChannels), maxValue)
	}
	if n := c.Multiple(); !c.SampleSize.multipleOf(n) {
		return fmt.Errorf("unet: %w: sample_size must be a multiple of %d for %d levels (got %v)", ErrConfig, n, len(c.BlockOutChannels), c.SampleSize)
	}
	return nil
}

// Multiple returns the number that divides height and width of the images of a valid
// configuration: its levels halve them.
func (c *Config) Multiple() int { return max(c.Patch, 1) << (len(c.BlockOutChannels) - 1) }

// groups returns the number of groups of a norm.
func (c *Config) groups(channels int) int {
	if c.NormMinChannels == 0 {
		return c.NormNumGroups
	}
	return max(1, min(c.NormNumGroups, channels/c.NormMinChannels))
}

func (c *Config) timeChannels() int {
	return cmp.Or(c.TimeChannels, c.ConvInChannels, c.BlockOutChannels[0])
}

// attends reports whether level i has attention; the last level has it in the middle block.
func (c *Config) attends(i int) bool {
	last := len(c.BlockOutChannels) - 1
	return i == last && !c.NoMidBlock || downBlocks[c.DownBlockTypes[i]].attends || upBlocks[c.UpBlockTypes[last-i]].attends
}

// validateSupported returns an error for options of diffusers that are not supported.
func (c *Config) validateSupported() error {
	text := func(key, got string, known ...string) error {
		if slices.Contains(known, got) {
			return nil
		}
		return fmt.Errorf("unet: %w: %s must be %s (got %q)", ErrConfig, key, strings.Join(known[1:], " or "), got)
	}
	no := func(key string, ok bool) error {
		if ok {
			return nil
		}
		return fmt.Errorf("unet: %w: the value of %s is not supported", ErrConfig, key)
	}
	return errors.Join(
		text("act_fn", c.ActFn, "", "silu", "swish", "gelu", "mish", "relu"),
		text("time_embedding_type", c.TimeEmbeddingType, "", "positional", "fourier", "learned"),
		text("progressive_input", c.ProgressiveInput, "", "residual", "input_skip"),
		text("progressive_output", c.ProgressiveOutput, "", "output_skip"),
		text("resnet_time_scale_shift", c.ResnetTimeScale, "", "default", "scale_shift"),
		text("downsample_type", c.DownsampleType, "", "conv", "resnet"),
		text("upsample_type", c.UpsampleType, "", "conv", "resnet"),
		c.resamplings("downsample_types", c.DownsampleTypes),
		c.resamplings("upsample_types", c.UpsampleTypes),
		c.validateClass(),
		no("mid_block_type", c.MidBlockType == nil || *c.MidBlockType == "UNetMidBlock2D"),
	)
}

// validateClass returns an error unless the embedding of classes is supported.
func (c *Config) validateClass() error {
	switch kind := c.ClassEmbedType; {
	case kind == nil:
	case *kind != "timestep":
		return fmt.Errorf("unet: %w: class_embed_type must be null or timestep (got %q)", ErrConfig, *kind)
	case !c.Conditional() || c.ClassFirst:
		return fmt.Errorf("unet: %w: class_embed_type timestep requires num_class_embeds and no class_first", ErrConfig)
	case c.TimeEmbeddingType == "fourier":
		return fmt.Errorf("unet: %w: class_embed_type is timestep with time_embedding_type fourier, which takes the logarithm of class 0", ErrConfig)
	case c.TimeEmbeddingType == "learned" && *c.NumClassEmbeds > *c.NumTrainTimesteps:
		return fmt.Errorf("unet: %w: num_class_embeds %d with class_embed_type timestep must be at most num_train_timesteps, %d", ErrConfig, *c.NumClassEmbeds, *c.NumTrainTimesteps)
	}
	return nil
}

// resamplings returns an error unless there is one supported way of resampling a level, or
// no list of them.
func (c *Config) resamplings(key string, ways []string) error {
	if len(ways) != 0 && len(ways) != len(c.BlockOutChannels)-1 {
		return fmt.Errorf("unet: %w: %s must have %d entries (got %d)", ErrConfig, key, len(c.BlockOutChannels)-1, len(ways))
	}
	for i, way := range ways {
		if way != "conv" && way != "resnet" {
			return fmt.Errorf("unet: %w: %s[%d] must be conv or resnet (got %q)", ErrConfig, key, i, way)
		}
	}
	return nil
}

// resampling returns how a level resamples: as the list says, or else all alike.
func resampling(ways []string, level int, all string) string {
	if len(ways) > 0 {
		return ways[level]
	}
	return all
}

// classLikeTime reports whether the class number is embedded like a time.
func (c *Config) classLikeTime() bool {
	return c.ClassEmbedType != nil && *c.ClassEmbedType == "timestep"
}

// Conditional reports whether the network has a class input.
func (c *Config) Conditional() bool { return c.NumClassEmbeds != nil }
