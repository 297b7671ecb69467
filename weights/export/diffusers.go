package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/core/unet"
)

// description is what diffusers' files contain of a model in addition to its weights.
type description struct {
	config    map[string]any
	scheduler map[string]any // nil if diffusers has no such scheduler
	own       []byte         // this program's configuration; nil if diffusers supports the network
	notes     []string       // what the files do not represent, one sentence each
}

// describe returns m's description for diffusers. The error names what diffusers does not
// support in its network.
func describe(m *model.Model) (*description, error) {
	c := m.Config()
	if c.UNet == nil || c.CheckDenoiser() != nil {
		return nil, fmt.Errorf("export: the network has arch %q, which diffusers does not support", c.Arch)
	}
	config, err := unetConfig(*c.UNet)
	if err != nil {
		return nil, err
	}
	d := &description{config: config}
	if d.scheduler, err = schedulerConfig(&c); err != nil {
		d.notes = append(d.notes, fmt.Sprintf("there is no %s: %v", schedulerName, err))
	}
	if len(c.Classes) > 0 {
		d.notes = append(d.notes, fmt.Sprintf("classes are numbers in diffusers: 0 is %q, and so on", c.Classes[0]))
	}
	if c.NullClass != nil {
		d.notes = append(d.notes, fmt.Sprintf("class %d is the null class, which diffusers does not have", *c.NullClass))
	}
	if c.TimeScale != 0 && c.TimeScale != 1 && c.Process == nil {
		d.notes = append(d.notes, fmt.Sprintf("the network's time input is %g times the time of a diffusers scheduler", c.TimeScale))
	}
	if low, high := c.Pixels(); low != -1 || high != 1 {
		d.notes = append(d.notes, fmt.Sprintf("pixels span [%g,%g] in diffusers, not [−1,1]", low, high))
	}
	return d, nil
}

// extensionKeys are the members of unet.Config that diffusers does not have: all from Patch on.
var extensionKeys = []string{
	"patch", "num_heads", "conv_in_channels", "time_channels", "embed_channels", "class_first", "norm_min_channels",
	"up_attention", "skip_scale", "resample_shortcut", "fir", "time_is_sigma", "attention_groups", "bare_mid_attention", "progressive_input", "progressive_output",
}

// unetConfig returns the members of a UNet2DModel's config.json.
func unetConfig(u unet.Config) (map[string]any, error) {
	if u.TimeEmbeddingType == "fourier" {
		return nil, fmt.Errorf("export: the network has stored frequencies for its time embedding, which diffusers does not store")
	}
	var err error
	if u.DownBlockTypes, u.DownsampleType, err = resampling(u.DownBlockTypes, u.DownsampleTypes, u.DownsampleType); err != nil {
		return nil, err
	}
	if u.UpBlockTypes, u.UpsampleType, err = resampling(u.UpBlockTypes, u.UpsampleTypes, u.UpsampleType); err != nil {
		return nil, err
	}
	u.DownsampleTypes, u.UpsampleTypes = nil, nil
	u.ClassName = "UNet2DModel"
	text, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	config := map[string]any{"act_fn": "silu", "time_embedding_type": "positional", "mid_block_scale_factor": 1.0, "center_input_sample": false}
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if u.ResnetTimeScale == "scale_shift" && u.AttnNormNumGroups == nil { // diffusers omits the norm of the middle block then
		if !u.BareMidAttention {
			config["attn_norm_num_groups"] = u.NormNumGroups
		}
		delete(config, "bare_mid_attention")
	}
	switch {
	case u.TimeEmbeddingDim != nil: // as it stands
	case u.EmbedChannels != 0:
		config["time_embedding_dim"] = u.EmbedChannels
	default:
		config["time_embedding_dim"] = nil
	}
	delete(config, "embed_channels")
	if u.NoMidBlock {
		config["mid_block_type"] = nil
		delete(config, "no_mid_block")
	}
	for _, key := range slices.Sorted(maps.Keys(config)) {
		if slices.Contains(extensionKeys, key) && !(key == "patch" && u.Patch == 1) {
			return nil, fmt.Errorf("export: the network's configuration has %s = %v, which diffusers' UNet2DModel does not support: use --format safetensors or npz", key, config[key])
		}
	}
	delete(config, "patch")
	return config, nil
}

// resampling returns the types of blocks and the way of those with attention, as diffusers
// writes how levels resample: ways, or how for all, of each level but the last, which does not.
func resampling(types, ways []string, how string) ([]string, string, error) {
	resnet := map[string]string{"DownBlock2D": "ResnetDownsampleBlock2D", "UpBlock2D": "ResnetUpsampleBlock2D"}
	out, attention := slices.Clone(types), ""
	for i, block := range types[:len(types)-1] {
		way := how
		if len(ways) > 0 {
			way = ways[i]
		}
		way = cmp.Or(way, "conv")
		switch {
		case resnet[block] == "" && attention != "" && attention != way:
			return nil, "", fmt.Errorf("export: levels with attention resample in different ways, which diffusers' UNet2DModel does not support: use --format safetensors or npz")
		case resnet[block] == "":
			attention = way
		case way == "resnet":
			out[i] = resnet[block]
		}
	}
	if len(ways) == 0 {
		return out, how, nil
	}
	return out, cmp.Or(attention, "conv"), nil
}

// predictions maps predictions to diffusers' prediction_type.
var predictions = map[string]string{
	string(diffusion.PredictEpsilon): "epsilon", string(diffusion.PredictX0): "sample", string(diffusion.PredictV): "v_prediction",
}

// schedulerConfig returns the scheduler_config.json for the process that the network was
// trained with. The error names what diffusers has no scheduler for.
func schedulerConfig(c *model.Config) (map[string]any, error) {
	if c.Prediction == model.EDM {
		return withTimeScale(c, map[string]any{
			"_class_name": "EDMEulerScheduler", "prediction_type": "epsilon", "num_train_timesteps": 1000,
			"sigma_data": c.SigmaData, "sigma_min": c.SigmaMin, "sigma_max": c.SigmaMax, "sigma_schedule": "karras", "rho": 7.0,
		}), nil
	}
	if p := c.Process; p != nil && p.Kind == diffusion.KindRectifiedFlow && c.Prediction == string(diffusion.PredictVelocity) &&
		c.SigmaMax == c.TimeScale-1 && c.SigmaMin == 1/c.SigmaMax {
		return withShift(c, map[string]any{"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": c.TimeScale}), nil
	}
	s, prediction := c.Schedule, predictions[c.Prediction]
	if s == nil || prediction == "" {
		return nil, fmt.Errorf("diffusers has no scheduler for prediction %q with this process", c.Prediction)
	}
	out := map[string]any{
		"_class_name": "DDPMScheduler", "prediction_type": prediction, "clip_sample": c.Defaults.Threshold == "static", "variance_type": "fixed_small",
		"num_train_timesteps": cmp.Or(s.Steps, len(s.Betas), 1000),
	}
	if d := c.Defaults; d.Threshold == "dynamic" {
		out["thresholding"], out["dynamic_thresholding_ratio"], out["sample_max_value"] = true, cmp.Or(d.Percentile, 0.995), cmp.Or(d.ThresholdMax, math.MaxFloat32)
	}
	if kind := c.Defaults.Schedule; slices.Contains([]string{sampler.KindLeading, sampler.KindTrailing, sampler.KindLinspace}, kind) {
		out["timestep_spacing"] = kind
	}
	if c.Variance == model.Learned {
		out["variance_type"] = "learned_range"
	}
	switch {
	case s.Kind == diffusion.Linear:
		out["beta_schedule"], out["beta_start"], out["beta_end"] = "linear", cmp.Or(s.BetaStart, 1e-4), cmp.Or(s.BetaEnd, 0.02)
	case s.Kind == diffusion.Cosine && cmp.Or(s.Offset, 0.008) == 0.008 && cmp.Or(s.BetaMax, 0.999) == 0.999:
		out["beta_schedule"] = "squaredcos_cap_v2"
	case s.Kind == diffusion.Table:
		out["beta_schedule"], out["trained_betas"] = "linear", s.Betas
	default:
		return nil, fmt.Errorf("diffusers has no schedule of kind %q with these settings", s.Kind)
	}
	return withTimeScale(c, out), nil
}

// withShift adds the shift of the noise levels.
func withShift(c *model.Config, scheduler map[string]any) map[string]any {
	if shift := c.Defaults.Shift; shift != 0 {
		scheduler["shift"] = shift
	}
	if by := c.Defaults.ShiftBySize; by != nil {
		scheduler["use_dynamic_shifting"], scheduler["base_shift"], scheduler["max_shift"] = true, by.BaseShift, by.MaxShift
		scheduler["base_image_seq_len"], scheduler["max_image_seq_len"], scheduler["time_shift_type"] = by.BaseLength, by.MaxLength, "exponential"
		if by.Linear {
			scheduler["time_shift_type"] = "linear"
		}
	}
	return scheduler
}

// withTimeScale adds the time scale if it is not 1: a member that this program reads and
// diffusers ignores.
func withTimeScale(c *model.Config, scheduler map[string]any) map[string]any {
	if c.TimeScale != 0 && c.TimeScale != 1 {
		scheduler["time_scale"] = c.TimeScale
	}
	return scheduler
}
