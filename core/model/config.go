// Package model combines a network with the process it was trained with: a model file becomes a
// Denoiser, and a configuration what is trained.
package model

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/minijson"
	"tweedie/core/unet"
)

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("invalid model configuration")

// The values of Config.Arch, and the predictions that other code refers to.
const (
	UNet2D     = "unet2d"
	NCSN       = "ncsn"
	Program    = "program"
	Classifier = "classifier"

	Epsilon = string(diffusion.PredictEpsilon)
	EDM     = "edm" // F with Karras et al. 2022's preconditioning

	Consistency = "consistency" // F of a consistency function: diffusion.Consistency
	Class       = "class"       // the class of a noisy image: of a Classifier, which is not a denoiser
)

// Learned is the Variance of a network with 2C output channels: its prediction, and an
// interpolation between the two variances of a DDPM step (Nichol & Dhariwal 2021).
const Learned = "learned"

// Config is the configuration of a model in its file.
type Config struct {
	Title      string                       `json:"title,omitempty"`       // for people
	Arch       string                       `json:"arch"`                  // UNet2D, NCSN, Program or Classifier
	UNet       *unet.Config                 `json:"unet,omitempty"`        // the network of UNet2D; of Classifier, which is its descending half
	NCSN       *unet.NCSN                   `json:"ncsn,omitempty"`        // the network of NCSN
	Program    *graph.Serialized            `json:"program,omitempty"`     // the network of Program: its inputs are x [H,W,C], t [1] and optionally y [1]
	Prediction string                       `json:"prediction"`            // EDM, Consistency, Class, or one of diffusion.Predictions with a schedule or a process
	Variance   string                       `json:"variance,omitempty"`    // Learned, or "" for a network without a variance
	Posterior  *diffusion.PosteriorVariance `json:"posterior,omitempty"`   // measured variances, for Analytic-DPM
	SigmaData  float64                      `json:"sigma_data,omitempty"`  // EDM, Consistency, Class: standard deviation of the pixels
	TimeScale  float64                      `json:"time_scale,omitempty"`  // the network's input t is this times c_noise; 0 means 1
	Schedule   *diffusion.Schedule          `json:"schedule,omitempty"`    // the chain that it was trained with
	WholeSteps bool                         `json:"whole_steps,omitempty"` // the network accepts only integer steps of its chain
	Process    *diffusion.Spec              `json:"process,omitempty"`     // or the continuous process
	SigmaMin   float64                      `json:"sigma_min"`             // lowest noise level in training; like sigma_data and the process, in units of the network's own pixels
	SigmaMax   float64                      `json:"sigma_max"`             // highest noise level in training
	UnitPixels bool                         `json:"unit_pixels,omitempty"` // the network's pixels span [0,1]; everywhere else they span [−1,1]
	PixelRange *[2]float64                  `json:"pixel_range,omitempty"` // or they span another range, from low to high
	Shape      [3]int                       `json:"shape"`                 // C, H, W
	Classes    []string                     `json:"classes,omitempty"`     // their names, in the order of their numbers
	NullClass  *int                         `json:"null_class,omitempty"`  // the number of the null class, which means no class; absent if there is none
	Defaults   Defaults                     `json:"defaults"`              // recommended settings
}

// Defaults are the settings for requests that do not give them.
type Defaults struct {
	Sampler  string  `json:"sampler"`
	Steps    int     `json:"steps"`
	Guidance float64 `json:"guidance"`
	Eta      float64 `json:"eta,omitempty"`

	Threshold    string  `json:"threshold,omitempty"`     // of denoised images: static, dynamic, or "" for none
	Percentile   float64 `json:"percentile,omitempty"`    // of dynamic thresholding
	ThresholdMax float64 `json:"threshold_max,omitempty"` // of dynamic thresholding

	Schedule       string                  `json:"schedule,omitempty"`        // of the noise levels
	Shift          float64                 `json:"shift,omitempty"`           // of schedule flow
	ShiftBySize    *diffusion.DynamicShift `json:"shift_by_size,omitempty"`   // of schedule flow, instead of Shift
	CorrectorSteps int                     `json:"corrector_steps,omitempty"` // of Sampler
	Epsilon        float64                 `json:"epsilon,omitempty"`         // of Sampler
}

// ParseConfig reads a configuration. Unknown members are ignored, so that files of later
// versions can be opened where possible. The error wraps ErrConfig.
func ParseConfig(data []byte) (*Config, error) {
	c := &Config{}
	if err := minijson.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("model: %w: %w", ErrConfig, err)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// Validate reports the first invalid field.
func (c *Config) Validate() error {
	shape, err := c.imageShape()
	if err != nil {
		return fmt.Errorf("model: %w: %w", ErrConfig, err)
	}
	if c.Shape != shape {
		return fmt.Errorf("model: %w: shape must be %v as the network (got %v)", ErrConfig, shape, c.Shape)
	}
	if c.Variance != "" && (c.Variance != Learned || c.Prediction == Consistency || c.Arch == NCSN) {
		return fmt.Errorf("model: %w: variance %q does not suit prediction %q and arch %q: it must be %q or left out, and left out with prediction %q or arch %q", ErrConfig, c.Variance, c.Prediction, c.Arch, Learned, Consistency, NCSN)
	}
	if c.Posterior != nil {
		if err := c.Posterior.Validate(); err != nil {
			return fmt.Errorf("model: %w: %w", ErrConfig, err)
		}
	}
	if (c.Arch == Classifier) != (c.Prediction == Class) {
		return fmt.Errorf("model: %w: prediction is %q with arch %q: prediction %q and arch %q require each other", ErrConfig, c.Prediction, c.Arch, Class, Classifier)
	}
	if err := c.validateClasses(); err != nil {
		return err
	}
	return c.validateProcess()
}

// CheckNames returns an error for a name of a class that a request could not ask for: classes
// are listed with commas between them, and "none" and "all" have a meaning of their own. The
// error wraps ErrConfig. Validate does not check the names, so that older files open.
func (c *Config) CheckNames() error {
	seen := map[string]bool{}
	for _, name := range c.Classes {
		why := ""
		switch {
		case name == "none" || name == "all":
			why = "which stands for no class and for all classes"
		case strings.TrimSpace(name) != name || name == "":
			why = "which is empty or has white space at an end"
		case strings.Contains(name, ","):
			why = "which has a comma, as lists of classes have"
		case strings.ContainsFunc(name, unicode.IsControl) || len(name) > maxClassName:
			why = fmt.Sprintf("which has a control character or more than %d bytes", maxClassName)
		case seen[name]:
			why = "which is there twice"
		}
		if why != "" {
			return fmt.Errorf("model: %w: a class is named %q, %s: rename it", ErrConfig, minijson.Clip(name), why)
		}
		seen[name] = true
	}
	return nil
}

// maxClassName bounds the name of a class, in bytes.
const maxClassName = 256

// outputsPerChannel returns the number of output channels for each channel of the image.
func (c *Config) outputsPerChannel() int {
	if c.Variance == Learned {
		return 2
	}
	return 1
}

// imageShape returns the C, H, W of the network's images, or an error if the network is
// invalid.
func (c *Config) imageShape() ([3]int, error) {
	switch {
	case c.Arch == Program && c.Program != nil && c.UNet == nil && c.NCSN == nil:
		return c.programShape()
	case c.Arch == Classifier && c.UNet != nil && c.NCSN == nil && c.Program == nil:
		return c.classifierShape()
	case c.Arch == UNet2D && c.UNet != nil && c.NCSN == nil && c.Program == nil:
		u := c.UNet
		if err := u.Validate(); err != nil {
			return [3]int{}, err
		}
		if want := u.InChannels * c.outputsPerChannel(); u.OutChannels != want {
			return [3]int{}, fmt.Errorf("out_channels must be %d for in_channels %d and variance %q (got %d)", want, u.InChannels, c.Variance, u.OutChannels)
		}
		return [3]int{u.InChannels, u.SampleSize.H, u.SampleSize.W}, nil
	case c.Arch == NCSN && c.NCSN != nil && c.UNet == nil && c.Program == nil:
		n := c.NCSN
		return [3]int{n.Channels, n.ImageSize.H, n.ImageSize.W}, n.Validate()
	}
	for _, arch := range []struct{ name, member string }{{UNet2D, "unet"}, {NCSN, "ncsn"}, {Program, "program"}, {Classifier, "unet"}} {
		if c.Arch == arch.name {
			return [3]int{}, fmt.Errorf("arch %q requires the member %q and no other network", c.Arch, arch.member)
		}
	}
	return [3]int{}, fmt.Errorf("arch must be %q, %q, %q or %q (got %q)", UNet2D, NCSN, Program, Classifier, c.Arch)
}

// Build returns the network of a valid configuration, without weights.
func (c *Config) Build() (*unet.Network, error) {
	if c.Arch == NCSN && c.NCSN == nil || c.Arch == Program && c.Program == nil || c.Arch != NCSN && c.Arch != Program && c.UNet == nil {
		return nil, fmt.Errorf("model: %w: there is no network for arch %q", ErrConfig, c.Arch)
	}
	switch c.Arch {
	case NCSN:
		return unet.BuildNCSN(c.NCSN)
	case Program:
		p, out, err := c.Program.Program()
		return &unet.Network{Program: p, Out: out}, err
	case Classifier:
		return unet.BuildClassifier(c.UNet)
	}
	return unet.Build(c.UNet)
}

// Labels returns the number of class numbers that the bare network accepts, 0 if it is
// unconditional.
func (c *Config) Labels() int {
	if c.UNet != nil && c.UNet.Conditional() {
		return *c.UNet.NumClassEmbeds
	}
	if c.Program != nil && len(c.Program.Inputs) > 2 {
		if c.NullClass != nil && *c.NullClass >= len(c.Classes) {
			return *c.NullClass + 1
		}
		return len(c.Classes)
	}
	return 0
}

// NeedsLabels reports whether training the model needs the classes of images.
func (c *Config) NeedsLabels() bool { return c.Labels() > 0 || c.Arch == Classifier }

// checkTime returns an error if the network was not trained with t, as far as that is known.
func (c *Config) checkTime(t float32) error {
	if c.Arch == NCSN && !(t >= 0 && t < float32(c.NCSN.NumClasses) && t == float32(int(t))) {
		return fmt.Errorf("must be the index of a noise level, 0 to %d (got %g)", c.NCSN.NumClasses-1, t)
	}
	if c.UNet != nil && c.UNet.TimeIsSigma && !(t > 0) {
		return fmt.Errorf("must be a noise level above 0 for a network with time_is_sigma (got %g): a process of kind %q with time \"sigma\"", t, diffusion.KindVE)
	}
	return nil
}

// SigmaRange returns the range of noise levels that the model was trained for, in units of
// pixels that span [−1,1].
func (c *Config) SigmaRange() (low, high float32) {
	first, last := c.Pixels()
	half := (last - first) / 2
	return float32(c.SigmaMin) / half, float32(c.SigmaMax) / half
}

func (c *Config) validateClasses() error {
	known := c.Labels()
	if c.Arch == Classifier {
		return nil // classifierShape has checked them
	}
	if len(c.Classes) > known {
		return fmt.Errorf("model: %w: %d classes are more than the %d of the network", ErrConfig, len(c.Classes), known)
	}
	if known > 0 && len(c.Classes) == 0 {
		return fmt.Errorf("model: %w: a network with %d classes must have their names", ErrConfig, known)
	}
	if c.NullClass != nil && (*c.NullClass < 0 || *c.NullClass >= known) {
		return fmt.Errorf("model: %w: null_class must be 0 to %d (got %d)", ErrConfig, known-1, *c.NullClass)
	}
	return nil
}

func (c *Config) validateProcess() error {
	if !(c.SigmaMin > 0 && c.SigmaMin < c.SigmaMax && c.SigmaMax <= 1e6) {
		return fmt.Errorf("model: %w: noise levels must have 0 < sigma_min < sigma_max ≤ 1e6 (got %g to %g)", ErrConfig, c.SigmaMin, c.SigmaMax)
	}
	if !(c.TimeScale >= 0 && c.TimeScale <= 1e6) {
		return fmt.Errorf("model: %w: time_scale must be 0 to 1e6 (got %g)", ErrConfig, c.TimeScale)
	}
	if !(c.Defaults.Guidance >= 0 && c.Defaults.Guidance <= math.MaxFloat32) {
		return fmt.Errorf("model: %w: defaults: guidance must be a finite number of at least 0 (got %g)", ErrConfig, c.Defaults.Guidance)
	}
	if err := c.validatePixels(); err != nil {
		return err
	}
	if c.Arch == NCSN && (c.Process == nil || c.Process.Kind != diffusion.KindSMLD || c.Process.LevelCount() != c.NCSN.NumClasses) {
		return fmt.Errorf("model: %w: arch %q needs a process of kind %q with %d levels", ErrConfig, NCSN, diffusion.KindSMLD, c.NCSN.NumClasses)
	}
	p, err := c.Parametrization()
	if err != nil {
		return err
	}
	for _, sigma := range []float64{c.SigmaMin, c.SigmaMax} {
		k, err := p.Coefficients(float32(sigma))
		if err != nil {
			return fmt.Errorf("model: %w: sigma_min and sigma_max: %w", ErrConfig, err)
		}
		if err := c.checkTime(c.Time(float32(k.CNoise))); err != nil {
			return fmt.Errorf("model: %w: the network's input t for noise level %g %w", ErrConfig, sigma, err)
		}
	}
	return nil
}

// Parametrization returns how the denoiser D is computed from the network's output.
func (c *Config) Parametrization() (diffusion.Parametrization, error) {
	if c.Prediction == EDM || c.Prediction == Consistency || c.Prediction == Class {
		if c.Process != nil || c.WholeSteps {
			return nil, fmt.Errorf("model: %w: process and whole_steps are not allowed with prediction %q", ErrConfig, c.Prediction)
		}
		p := diffusion.EDM{SigmaData: c.SigmaData}
		if err := p.Validate(); err != nil {
			return nil, fmt.Errorf("model: %w: %w", ErrConfig, err)
		}
		if c.Prediction == Consistency {
			return diffusion.Consistency{SigmaData: c.SigmaData, SigmaMin: c.SigmaMin}, nil
		}
		return p, nil
	}
	p, err := diffusion.NewPredictor(diffusion.Prediction(c.Prediction), nil)
	if err != nil {
		return nil, fmt.Errorf("model: %w: prediction must be %q, %q or one of %q (got %q)", ErrConfig, EDM, Consistency, diffusion.Predictions, c.Prediction)
	}
	p.Input, err = c.input()
	return p, err
}

// input returns how the input of a network is scaled that does not predict EDM's F.
func (c *Config) input() (diffusion.Input, error) {
	if c.Process != nil {
		if c.Schedule != nil || c.WholeSteps {
			return nil, fmt.Errorf("model: %w: process and schedule (or whole_steps) exclude each other", ErrConfig)
		}
		if err := c.Process.Validate(); err != nil {
			return nil, fmt.Errorf("model: %w: %w", ErrConfig, err)
		}
		return c.Process, nil
	}
	chain, err := c.ownChain()
	if err != nil {
		return nil, err
	}
	if c.WholeSteps {
		return diffusion.WholeSteps{Chain: chain}, nil
	}
	return chain, nil
}

// gammaSteps is the number of steps of a chain along γ.
const gammaSteps = 1000

// HasChain reports whether a model has a chain: that of its Schedule, or one along the γ of its
// process, with evenly spaced times.
func (c *Config) HasChain() bool {
	return c.Schedule != nil || !c.UnitPixels && c.PixelRange == nil && c.Process != nil && c.Process.Kind == diffusion.KindVariational
}

// Chain returns the chain of a valid model for which HasChain is true. Its noise levels are for
// pixels in [−1,1].
func (c *Config) Chain() (*diffusion.Chain, error) {
	chain, err := c.ownChain()
	if err != nil {
		return nil, err
	}
	if low, high := c.Pixels(); high-low != 2 {
		return chain.Rescaled(float64(high-low) / 2)
	}
	return chain, nil
}

// ownChain is Chain with noise levels in units of the network's own pixels.
func (c *Config) ownChain() (*diffusion.Chain, error) {
	if c.Schedule == nil && c.HasChain() {
		chain, err := diffusion.Variational{Gamma: c.Process.Gamma}.Chain(gammaSteps, float32(c.SigmaMin), float32(c.SigmaMax))
		if err != nil {
			return nil, fmt.Errorf("model: %w: %w", ErrConfig, err)
		}
		return chain, nil
	}
	if c.Schedule == nil {
		return nil, fmt.Errorf("model: %w: schedule or process must be given with prediction %q", ErrConfig, c.Prediction)
	}
	chain, err := diffusion.NewChain(*c.Schedule)
	if err != nil {
		return nil, fmt.Errorf("model: %w: %w", ErrConfig, err)
	}
	return chain, nil
}

// Time returns the network's input t for c_noise of its parametrization.
func (c *Config) Time(cNoise float32) float32 {
	if c.TimeScale == 0 {
		return cNoise
	}
	return float32(c.TimeScale) * cNoise
}
