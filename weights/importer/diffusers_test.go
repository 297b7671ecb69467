package importer

import (
	"slices"
	"strings"
	"testing"
	"tweedie/core/unet"
)

// TestParseUNetDefaults: a missing member has diffusers' default, and null is a value.
func TestParseUNetDefaults(t *testing.T) {
	c, passed, err := parseUNet([]byte(`{"_class_name": "UNet2DModel", "_diffusers_version": "0.30.0", "sample_size": [32, 32], "decay": 0.9999, "use_ema_warmup": true}`), unet.Size{})
	if err != nil || passed != nil {
		t.Fatal(passed, err)
	}
	if c.SampleSize != unet.Square(32) || c.InChannels != 3 || !slices.Equal(c.BlockOutChannels, []int{224, 448, 672, 896}) || c.LayersPerBlock != 2 ||
		c.NormNumGroups != 32 || c.NormEps != 1e-5 || c.DownsamplePadding != 1 || !c.FlipSinToCos || c.FreqShift != 0 ||
		c.AttentionHeadDim == nil || *c.AttentionHeadDim != 8 || c.NumClassEmbeds != nil {
		t.Errorf("got %+v", c)
	}
	if c, _, err = parseUNet([]byte(`{"sample_size": 32, "attention_head_dim": null, "flip_sin_to_cos": false}`), unet.Size{}); err != nil || c.AttentionHeadDim != nil || c.FlipSinToCos {
		t.Errorf("got %+v, %v; want one head and no flip", c, err)
	}
}

// TestParseUNetResnets: residual blocks that resample have their own block types.
func TestParseUNetResnets(t *testing.T) {
	c, _, err := parseUNet([]byte(`{"sample_size":32,"block_out_channels":[32,64],"downsample_type":"resnet","upsample_type":"resnet","resnet_time_scale_shift":"scale_shift",
		"down_block_types":["ResnetDownsampleBlock2D","AttnDownBlock2D"],"up_block_types":["AttnUpBlock2D","ResnetUpsampleBlock2D"]}`), unet.Size{})
	if err != nil || c.DownBlockTypes[0] != "DownBlock2D" || c.UpBlockTypes[1] != "UpBlock2D" || c.DownsampleType != "resnet" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestParseUNetRefuses(t *testing.T) {
	for _, tt := range []struct{ name, json, want string }{
		{"array", `[]`, "cannot unmarshal"},
		{"null", `null`, "must be a JSON object"},
		{"class", `{"_class_name":"UNet2DConditionModel"}`, `_class_name must be UNet2DModel (got "UNet2DConditionModel")`},
		{"no size", `{}`, "sample_size, the height and width of the images, is missing: give them with --size"},
		{"null size", `{"sample_size":null}`, "sample_size, the height and width of the images, is missing: give them with --size"},
		{"three sizes", `{"sample_size":[32,64,3]}`, "must be a whole number, or an array of height and width"},
		{"text size", `{"sample_size":"32"}`, "an array of height and width"},
		{"other block", `{"sample_size":32,"down_block_types":["CrossAttnDownBlock2D","DownBlock2D","DownBlock2D","DownBlock2D"]}`, "CrossAttnDownBlock2D"},
		{"times", `{"sample_size":32,"time_embedding_type":"adm"}`, `time_embedding_type must be positional or fourier or learned (got "adm")`},
		{"activation", `{"sample_size":32,"act_fn":"tanh"}`, `act_fn must be silu or swish or gelu or mish or relu (got "tanh")`},
		{"classes", `{"sample_size":32,"class_embed_type":"identity"}`, `class_embed_type must be null or timestep (got "identity")`},
		{"groups", `{"sample_size":32,"norm_num_groups":null}`, "norm_num_groups must be a number"},
		{"norm", `{"sample_size":32,"resnet_time_scale_shift":"spatial"}`, `resnet_time_scale_shift must be default or scale_shift (got "spatial")`},
		{"some skips", `{"sample_size":32,"norm_num_groups":null,"block_out_channels":[128,128],"down_block_types":["SkipDownBlock2D","DownBlock2D"],"up_block_types":["SkipUpBlock2D","SkipUpBlock2D"]}`, `norm_num_groups must be a number with down_block_types[1] = "DownBlock2D"`},
		{"skips last", `{"sample_size":32,"norm_num_groups":8,"block_out_channels":[128,128,128],"down_block_types":["DownBlock2D","SkipDownBlock2D","DownBlock2D"],"up_block_types":["UpBlock2D","UpBlock2D","UpBlock2D"]}`, `down_block_types[1] is "SkipDownBlock2D" after "DownBlock2D": blocks with skips must come first`},
		{"skips first", `{"sample_size":32,"norm_num_groups":8,"block_out_channels":[128,128],"down_block_types":["DownBlock2D","DownBlock2D"],"up_block_types":["SkipUpBlock2D","UpBlock2D"]}`, `up_block_types[1] is "UpBlock2D" after "SkipUpBlock2D": blocks with skips must come last`},
	} {
		if _, _, err := parseUNet([]byte(tt.json), unet.Size{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// The settings that versions of diffusers add are read where they change the network, and else
// listed if they are on.
func TestParseUNetNewSettings(t *testing.T) {
	parse := func(members string) (unet.Config, []string) {
		c, passed, err := parseUNet([]byte(`{"sample_size": [32, 64], "block_out_channels": [32, 64, 64], "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
			"up_block_types": ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]`+members+`}`), unet.Size{})
		if err != nil {
			t.Fatalf("%s: %v", members, err)
		}
		return c, passed
	}
	c, passed := parse(`, "time_embedding_dim": null, "magic": null, "more": false, "mid_block_type": "UNetMidBlock2D"`)
	if c.EmbedChannels != 0 || c.NoMidBlock || passed != nil || c.SampleSize != (unet.Size{H: 32, W: 64}) {
		t.Errorf("settings that are off: got %+v and %q", c, passed)
	}
	c, passed = parse(`, "time_embedding_dim": 48, "magic": 3, "mid_block_type": null`)
	if c.EmbedChannels != 48 || !c.NoMidBlock || !slices.Equal(passed, []string{"magic 3"}) {
		t.Errorf("settings that are on: got %+v and %q", c, passed)
	}
	c, _ = parse(`, "downsample_type": "resnet"`) // of the level with attention alone
	if !slices.Equal(c.DownsampleTypes, []string{"conv", "resnet"}) || c.UpsampleTypes != nil || c.UpsampleType != "" {
		t.Errorf("two ways of resampling: got %+v", c)
	}
	c, _ = parse(`, "act_fn": "SiLU", "add_attention": null`) // null is false in Python
	if c.ActFn != "silu" || c.AddAttention == nil || *c.AddAttention {
		t.Errorf("an activation and a null: got %+v", c)
	}
	c, _ = parse(`, "class_embed_type": "timestep", "num_train_timesteps": 50`) // which does not matter with positional times
	if *c.NumClassEmbeds != 1000 {
		t.Errorf("classes like times: got %d of them, want 1000", *c.NumClassEmbeds)
	}
}
