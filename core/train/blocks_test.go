package train

import (
	"errors"
	"strings"
	"testing"

	"tweedie/core/diffusion"
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
