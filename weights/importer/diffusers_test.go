package importer

import (
	"slices"
	"strings"
	"testing"
)

// TestParseUNetDefaults: a missing member has diffusers' default, and null is a value.
func TestParseUNetDefaults(t *testing.T) {
	c, err := parseUNet([]byte(`{"_class_name": "UNet2DModel", "_diffusers_version": "0.30.0", "sample_size": [32, 32], "decay": 0.9999, "use_ema_warmup": true}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	if c.SampleSize != 32 || c.InChannels != 3 || !slices.Equal(c.BlockOutChannels, []int{224, 448, 672, 896}) || c.LayersPerBlock != 2 ||
		c.NormNumGroups != 32 || c.NormEps != 1e-5 || c.DownsamplePadding != 1 || !c.FlipSinToCos || c.FreqShift != 0 ||
		c.AttentionHeadDim == nil || *c.AttentionHeadDim != 8 || c.NumClassEmbeds != nil {
		t.Errorf("got %+v", c)
	}
	if c, err = parseUNet([]byte(`{"sample_size": 32, "attention_head_dim": null, "flip_sin_to_cos": false}`), 0); err != nil || c.AttentionHeadDim != nil || c.FlipSinToCos {
		t.Errorf("got %+v, %v; want one head and no flip", c, err)
	}
}

// TestParseUNetResnets: residual blocks that resample have their own block types.
func TestParseUNetResnets(t *testing.T) {
	c, err := parseUNet([]byte(`{"sample_size":32,"block_out_channels":[32,64],"downsample_type":"resnet","upsample_type":"resnet","resnet_time_scale_shift":"scale_shift",
		"down_block_types":["ResnetDownsampleBlock2D","AttnDownBlock2D"],"up_block_types":["AttnUpBlock2D","ResnetUpsampleBlock2D"]}`), 0)
	if err != nil || c.DownBlockTypes[0] != "DownBlock2D" || c.UpBlockTypes[1] != "UpBlock2D" || c.DownsampleType != "resnet" {
		t.Errorf("got %+v, %v", c, err)
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
		{"mixed resampling", `{"sample_size":32,"block_out_channels":[32,64],"downsample_type":"resnet","down_block_types":["DownBlock2D","AttnDownBlock2D"],"up_block_types":["AttnUpBlock2D","UpBlock2D"]}`, `down_block_types[0] is "DownBlock2D"`},
		{"times", `{"sample_size":32,"time_embedding_type":"adm"}`, `time_embedding_type is "adm"`},
		{"activation", `{"sample_size":32,"act_fn":"tanh"}`, `act_fn is "tanh"`},
		{"classes", `{"sample_size":32,"class_embed_type":"timestep"}`, `class_embed_type is "timestep", need null`},
		{"groups", `{"sample_size":32,"norm_num_groups":null}`, "norm_num_groups is null, need a number"},
		{"norm", `{"sample_size":32,"resnet_time_scale_shift":"spatial"}`, `resnet_time_scale_shift is "spatial"`},
		{"some skips", `{"sample_size":32,"norm_num_groups":null,"block_out_channels":[128,128],"down_block_types":["SkipDownBlock2D","DownBlock2D"],"up_block_types":["SkipUpBlock2D","SkipUpBlock2D"]}`, "3 of 4 blocks have skips"},
		{"skips in the middle", `{"sample_size":32,"norm_num_groups":null,"block_out_channels":[128,128],"down_block_types":["SkipDownBlock2D","SkipDownBlock2D"],"up_block_types":["SkipUpBlock2D","SkipUpBlock2D"]}`, "mid_block_scale_factor is 0, need √2"},
		{"skips of groups", `{"sample_size":32,"norm_num_groups":8,"block_out_channels":[128,128],"down_block_types":["SkipDownBlock2D","SkipDownBlock2D"],"up_block_types":["SkipUpBlock2D","SkipUpBlock2D"]}`, "norm_num_groups is 8, need null"},
	} {
		if _, err := parseUNet([]byte(tt.json), 0); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
