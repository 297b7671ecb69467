// Package train trains a model on images: objectives, optimiser, weight averaging,
// and a state from which a run resumes bit for bit. It is never linked into wasm.
package train

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tweedie/core/model"
)

// ErrConfig is wrapped by every error about a training configuration.
var ErrConfig = errors.New("invalid training configuration")

// Config is the configuration of a run. The same configuration, data and seed give the
// same weights bit for bit on the same kind of processor, with any number of cores.
type Config struct {
	Model  model.Config `json:"model"` // what is trained
	Seed   uint64       `json:"seed"`  // of the first weights, the order of the pictures, and the noise
	Steps  int          `json:"steps"` // optimiser steps
	Batch  int          `json:"batch"` // images a step; 0 means 64
	Shards int          `json:"lanes"` // parts of a batch whose gradients are computed in parallel and added in order; 0 means 4

	LearningRate float64   `json:"learning_rate"`        // peak learning rate; 0 means 0.001
	WarmUp       int       `json:"warm_up"`              // steps over which the learning rate increases linearly
	Decay        string    `json:"decay"`                // "cosine", to a hundredth of the peak at the last step; "sqrt", as 1/√step from decay_from on, whatever the last step; or "none"
	DecayFrom    int       `json:"decay_from,omitempty"` // sqrt: the step from which the rate falls
	WeightDecay  float64   `json:"weight_decay"`         // AdamW's λ (Loshchilov and Hutter 2019), on matrices only
	Beta1        float64   `json:"beta1"`                // AdamW's β₁; 0 means 0.9
	Beta2        float64   `json:"beta2"`                // AdamW's β₂; 0 means 0.999
	Clip         float64   `json:"clip"`                 // bound on the gradient's norm; 0 means none
	Average      float64   `json:"average"`              // decay of the weight average, which starts lower; 0 means none
	Averages     []float64 `json:"averages,omitempty"`   // instead of average: widths of several averages as fractions of the run; the model is the one whose held-out loss is lowest
	HeldOut      int       `json:"held_out,omitempty"`   // pictures that are not trained on, for the held-out loss; at most a tenth of a class
	Flip         bool      `json:"flip,omitempty"`       // mirror half of the pictures
	Shift        int       `json:"shift,omitempty"`      // shift pictures by up to so many pixels along each axis; their border is repeated
	Init         string    `json:"init,omitempty"`       // file of the model whose weights training starts from

	DropClass float64 `json:"drop_class"`       // fraction of the labels replaced by the null class
	PMean     float64 `json:"p_mean,omitempty"` // edm: mean of ln σ; 0 without a p_std means −1.2
	PStd      float64 `json:"p_std,omitempty"`  // edm: its standard deviation; 0 means 1.2

	Objective   string   `json:"objective,omitempty"`    // what is minimised: one of the names in tweedie train --help; "" chooses for the model
	SNRGamma    float64  `json:"snr_gamma,omitempty"`    // min-snr: γ; 0 means 5
	Importance  bool     `json:"importance,omitempty"`   // draw noise levels in proportion to their loss, for chains and smld processes
	FixedGamma  bool     `json:"fixed_gamma,omitempty"`  // vdm: the γ of the model's process is not learned
	LevelsFirst int      `json:"levels_first,omitempty"` // consistency: levels at the first step; 0 means 2, or 18 to distil
	LevelsLast  int      `json:"levels_last,omitempty"`  // consistency: levels at the last step; 0 means 150, or 18 to distil
	TargetDecay *float64 `json:"target_decay,omitempty"` // consistency: decay of the weight average f⁻; absent means 0.9 increasing with the levels, or 0.95 to distil; with 0 f⁻ is the network itself
	Teacher     string   `json:"teacher,omitempty"`      // consistency-distillation: file of the model to distil
}

// maxSteps is the most steps of a run.
const maxSteps = 1 << 30

// ParseConfig reads a configuration and sets omitted fields to their defaults, see
// Complete. An unknown key is an error. The error wraps ErrConfig.
func ParseConfig(data []byte) (*Config, error) {
	c := &Config{}
	if err := decodeStrict(data, c); err != nil {
		return nil, fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	if u := c.Model.UNet; u != nil && u.Dropout != 0 {
		return nil, fmt.Errorf("train: %w: model.unet.dropout must be 0: training has no dropout (got %g)", ErrConfig, u.Dropout)
	}
	c.Complete()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// Validate returns an error that names every field with a wrong value.
func (c *Config) Validate() error {
	var wrong []string
	if err := cmp.Or(c.Model.Validate(), c.Model.CheckNames()); err != nil {
		wrong = append(wrong, err.Error())
	}
	unit := func(v float64) bool { return v >= 0 && v < 1 }
	positive := func(v float64) bool { return v >= 0 && v <= math.MaxFloat32 }
	for _, check := range []struct {
		ok        bool
		key, need string
		found     any
	}{
		{c.Steps >= 1 && c.Steps <= maxSteps, "steps", "1 to 2^30", c.Steps},
		{c.Batch >= 1 && c.Batch <= 1<<20, "batch", "1 to 2^20", c.Batch},
		{c.Shards >= 0 && c.Shards <= 256, "lanes", "0 to 256", c.Shards},
		{c.LearningRate > 0 && c.LearningRate <= 10, "learning_rate", "more than 0, at most 10", c.LearningRate},
		{c.WarmUp >= 0, "warm_up", "at least 0", c.WarmUp},
		{c.Decay == "" || c.Decay == "none" || c.Decay == "cosine" || c.Decay == "sqrt", "decay", `"cosine", "sqrt" or "none"`, c.Decay},
		{c.DecayFrom == 0 && c.Decay != "sqrt" || c.DecayFrom > 0 && c.Decay == "sqrt", "decay_from", `at least 1 for decay "sqrt", and 0 for others`, c.DecayFrom},
		{positive(c.WeightDecay), "weight_decay", "a finite number of at least 0", c.WeightDecay},
		{unit(c.Beta1), "beta1", "0 to less than 1", c.Beta1},
		{unit(c.Beta2), "beta2", "0 to less than 1", c.Beta2},
		{positive(c.Clip), "clip", "a finite number of at least 0", c.Clip},
		{unit(c.Average), "average", "0 to less than 1", c.Average},
		{len(c.Averages) <= 8 && (c.Average == 0 || len(c.Averages) == 0), "averages", "up to 8 numbers, and none with average", c.Averages},
		{!slices.ContainsFunc(c.Averages, func(v float64) bool { return !(v >= minWidth && v <= maxWidth) }), "averages", fmt.Sprintf("numbers from %g to %g", minWidth, maxWidth), c.Averages},
		{c.HeldOut >= 0 && c.HeldOut <= 1<<16 && (c.HeldOut == 0 || c.CanHoldOut()), "held_out", "0 to 65536, and 0 with importance, for consistency models and for a vdm that learns its gamma", c.HeldOut},
		{c.Shift >= 0 && c.Shift <= 64, "shift", "0 to 64 pixels", c.Shift},
		{unit(c.DropClass), "drop_class", "0 to less than 1", c.DropClass},
		{c.Model.PixelRange == nil, "pixel_range", "left out for training", c.Model.PixelRange},
		{!c.Model.UnitPixels || c.Model.Schedule == nil, "unit_pixels", "false for training with a schedule", c.Model.UnitPixels},
		{c.DropClass == 0 || c.Model.NullClass != nil, "drop_class", "0 for a model without null_class", c.DropClass},
	} {
		if !check.ok {
			wrong = append(wrong, fmt.Sprintf("%s must be %s (got %v)", check.key, check.need, check.found))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("train: %w: %s", ErrConfig, strings.Join(wrong, "; "))
	}
	return c.checkObjective()
}

func (c *Config) shards() int {
	if c.Shards == 0 {
		return 4
	}
	return c.Shards
}

// rate returns the learning rate of step, counted from 0.
func (c *Config) rate(step int) float64 {
	rate := c.LearningRate
	if step < c.WarmUp {
		return rate * float64(step+1) / float64(c.WarmUp)
	}
	if c.Decay == "cosine" && c.Steps > c.WarmUp {
		part := float64(step-c.WarmUp) / float64(c.Steps-c.WarmUp)
		rate *= 0.01 + 0.99*(1+math.Cos(math.Pi*min(part, 1)))/2
	}
	if c.Decay == "sqrt" && step > c.DecayFrom { // Karras et al. 2024, eq. 67
		rate *= math.Sqrt(float64(c.DecayFrom) / float64(step))
	}
	return rate
}

// Extendable reports whether no step depends on the number of steps, so that a run can be cut
// short or extended at any step.
func (c *Config) Extendable() bool { return c.Decay != "cosine" && !c.isConsistency() }

// CanHoldOut reports whether the objective has a loss that can be compared between pictures
// and steps.
func (c *Config) CanHoldOut() bool {
	return !c.Importance && !c.isConsistency() && !(c.objectiveName() == vdm && c.isVariational() && !c.FixedGamma)
}

// JSON returns the configuration as indented JSON, as it is saved with a run.
func (c *Config) JSON() ([]byte, error) { return json.MarshalIndent(c, "", "  ") }
