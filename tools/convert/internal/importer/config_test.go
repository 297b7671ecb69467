package importer

import (
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// TestParseUNetDefaults: what a configuration leaves out is diffusers' default,
// and null is not "left out".
func TestParseUNetDefaults(t *testing.T) {
	c, err := parseUNet([]byte(`{"_class_name": "UNet2DModel", "_diffusers_version": "0.30.0", "sample_size": [32, 32], "decay": 0.9999, "use_ema_warmup": true}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.SampleSize != 32 || c.InChannels != 3 || !slices.Equal(c.BlockOutChannels, []int{224, 448, 672, 896}) || c.LayersPerBlock != 2 ||
		c.NormNumGroups != 32 || c.NormEps != 1e-5 || c.DownsamplePadding != 1 || !c.FlipSinToCos || c.FreqShift != 0 ||
		c.AttentionHeadDim == nil || *c.AttentionHeadDim != 8 || c.NumClassEmbeds != nil {
		t.Errorf("got %+v", c)
	}
	if c, err = parseUNet([]byte(`{"sample_size": 32, "attention_head_dim": null, "flip_sin_to_cos": false}`)); err != nil || c.AttentionHeadDim != nil || c.FlipSinToCos {
		t.Errorf("got %+v, %v; want one head and no flip", c, err)
	}
}

func TestParseUNetRefuses(t *testing.T) {
	for _, tt := range []struct{ name, json, want string }{
		{"array", `[]`, "cannot unmarshal"},
		{"null", `null`, "need a JSON object"},
		{"class", `{"_class_name":"UNet2DConditionModel"}`, `_class_name is "UNet2DConditionModel", need UNet2DModel`},
		{"no size", `{}`, "sample_size is missing"},
		{"null size", `{"sample_size":null}`, "sample_size is missing"},
		{"oblong", `{"sample_size":[32,64]}`, "sample_size is [32 64]"},
		{"text size", `{"sample_size":"32"}`, "sample_size"},
		{"unknown key", `{"sample_size":32,"magic":1}`, "magic"},
		{"other block", `{"sample_size":32,"down_block_types":["ResnetDownsampleBlock2D","DownBlock2D","DownBlock2D","DownBlock2D"]}`, "ResnetDownsampleBlock2D"},
		{"fourier", `{"sample_size":32,"time_embedding_type":"fourier"}`, "fourier"},
		{"activation", `{"sample_size":32,"act_fn":"gelu"}`, "gelu"},
	} {
		if _, err := parseUNet([]byte(tt.json)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestParseScheduler(t *testing.T) {
	p, err := parseScheduler([]byte(`{"_class_name":"DDIMScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"clip_sample":true}`))
	if want := (diffusion.Schedule{Kind: diffusion.Linear, Steps: 100, BetaStart: 0.001, BetaEnd: 0.01}); err != nil || p.prediction != model.Epsilon || *p.schedule != want {
		t.Errorf("got %+v, %v; want %+v", p, err, want)
	}
	p, err = parseScheduler([]byte(`{"_class_name":"EDMEulerScheduler","sigma_data":0.6,"sigma_min":0.01,"sigma_max":40,"prediction_type":"epsilon"}`))
	if want := (process{prediction: model.EDM, sigmaData: 0.6, sigmaMin: 0.01, sigmaMax: 40}); err != nil || p != want {
		t.Errorf("got %+v, %v; want %+v", p, err, want)
	}
	for _, tt := range []struct{ name, json, want string }{
		{"array", `[1]`, "cannot unmarshal"},
		{"no chain", `{"_class_name":"FlowMatchEulerDiscreteScheduler"}`, `scheduler "FlowMatchEulerDiscreteScheduler" has no beta_schedule`},
		{"kind", `{"beta_schedule":"scaled_linear"}`, `beta_schedule is "scaled_linear"`},
		{"v", `{"beta_schedule":"linear","prediction_type":"v_prediction"}`, `prediction_type is "v_prediction"`},
		{"EDM v", `{"_class_name":"EDMEulerScheduler","prediction_type":"v_prediction"}`, `prediction_type is "v_prediction"`},
		{"trained", `{"beta_schedule":"linear","trained_betas":[0.1]}`, "trained_betas holds 1"},
		{"zero SNR", `{"beta_schedule":"linear","rescale_betas_zero_snr":true}`, "rescale_betas_zero_snr is true"},
		{"steps", `{"beta_schedule":"linear","num_train_timesteps":-1}`, "-1"},
		{"text", `{"beta_schedule":"linear","beta_start":"0.1"}`, "beta_start: "},
		{"range", `{"beta_schedule":"linear","beta_start":0.5,"beta_end":0.1}`, "0.1"},
		{"prediction number", `{"beta_schedule":"linear","prediction_type":1}`, "prediction_type: "},
	} {
		if _, err := parseScheduler([]byte(tt.json)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
