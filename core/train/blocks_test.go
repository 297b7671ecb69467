package train

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// TestEveryBlockTrains takes a few steps with every kind of block, time embedding and
// activation: the gradients are finite.
func TestEveryBlockTrains(t *testing.T) {
	for name, change := range map[string]func(c *Config, u *unet.Config){
		"ADM": func(_ *Config, u *unet.Config) {
			u.ResnetTimeScale, u.DownsampleType, u.UpsampleType = "scale_shift", "resnet", "resnet"
		},
		"NCSN++": func(c *Config, u *unet.Config) {
			onSpec(c, diffusion.PredictScore, &diffusion.Spec{Kind: diffusion.KindVE, SigmaMin: 0.02, SigmaMax: 50})
			c.Model.TimeScale, c.Model.SigmaMin, c.Model.SigmaMax = 0, 0.02, 50
			u.DownsampleType, u.UpsampleType, u.ResampleShortcut, u.FIR, u.SkipScale = "resnet", "resnet", true, true, 0.7071
			u.TimeEmbeddingType, u.TimeIsSigma, u.ProgressiveInput, u.ProgressiveOutput = "fourier", true, "residual", "output_skip"
		},
		"skips": func(_ *Config, u *unet.Config) {
			u.DownBlockTypes, u.UpBlockTypes = []string{"SkipDownBlock2D", "AttnDownBlock2D"}, []string{"UpBlock2D", "SkipUpBlock2D"}
		},
		"gelu": func(_ *Config, u *unet.Config) { u.ActFn = "gelu" },
		"learned times": func(c *Config, u *unet.Config) {
			onSchedule(c, diffusion.PredictEpsilon)
			c.Model.Schedule, c.Model.TimeScale, c.Model.WholeSteps = &diffusion.Schedule{Kind: diffusion.Linear, Steps: 20, BetaStart: 0.01, BetaEnd: 0.4}, 0, true
			c.Model.SigmaMin, c.Model.SigmaMax = 0, 0 // the chain's
			u.TimeEmbeddingType, u.NumTrainTimesteps = "learned", new(20)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := smallConfig()
			change(c, c.Model.UNet)
			c.Complete()
			tr := start(t, c)
			steps(t, tr, 2)
		})
	}
}

// A network whose time is σ gets a process with that time, and no other.
func TestTimeIsSigma(t *testing.T) {
	c := smallConfig()
	c.Model.UNet.TimeIsSigma = true
	var wrong error
	if wrong = c.Model.Validate(); !errors.Is(wrong, model.ErrConfig) || !strings.Contains(wrong.Error(), "time_is_sigma") {
		t.Errorf("with EDM's time: got %v, want an error that names time_is_sigma", wrong)
	}
	onSpec(c, diffusion.PredictScore, &diffusion.Spec{Kind: diffusion.KindVE, SigmaMin: 0.02, SigmaMax: 50})
	c.Complete()
	if got := c.Model.Process.Time; got != "sigma" {
		t.Errorf("the process's time is %q, want sigma", got)
	}
}

// The keys of diffusers' configurations mean the same here, or are refused by name.
func TestConfigKeysOfDiffusers(t *testing.T) {
	for text, want := range map[string]string{
		`{"steps": 1, "model": {"shape": [1, 8, 8], "unet": {"time_embedding_dim": 24}}}`:             "",
		`{"steps": 1, "model": {"shape": [1, 8, 8], "unet": {"time_embedding_dim": 0}}}`:              "time_embedding_dim needs a number",
		`{"steps": 1, "model": {"shape": [1, 8, 8], "unet": {"dropout": 0.1}}}`:                       "dropout must be 0",
		`{"steps": 1, "model": {"shape": [1, 8, 8], "unet": {"class_embed_type": "identity"}}}`:       `class_embed_type must be null or timestep (got "identity")`,
		`{"steps": 1, "model": {"shape": [1, 8, 8], "unet": {"resnet_time_scale_shift": "spatial"}}}`: `resnet_time_scale_shift must be default or scale_shift (got "spatial")`,
	} {
		c, err := ParseConfig([]byte(text))
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			} else if net, err := c.Model.Build(); err != nil || net.Program.Params[0].Name == "" {
				t.Errorf("%s: %v", text, err)
			} else if i := slices.IndexFunc(net.Program.Params, func(d graph.Declared) bool { return d.Name == "time_embedding.linear_2.weight" }); net.Program.Params[i].Shape[0] != 24 {
				t.Errorf("%s: the embedding has %v, want 24", text, net.Program.Params[i].Shape)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
