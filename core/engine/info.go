package engine

import (
	"tweedie/core/diffusion"
	"tweedie/core/minijson"
	"tweedie/core/sampler"
	"tweedie/core/settings"
)

// Info describes a model to those who ask it for images. It travels as JSON to
// the page.
type Info struct {
	Name          string              `json:"name"`          // of the model file
	Title         string              `json:"title"`         // what a page shows
	Shape         [3]int              `json:"shape"`         // C, H, W
	Classes       []string            `json:"classes"`       // names by number; none means a model without classes
	Unconditional bool                `json:"unconditional"` // whether class "none" can be asked for, and with it guidance
	Parameters    int                 `json:"parameters"`    // numbers in the network
	FLOPs         int64               `json:"flops"`         // additions and multiplications of one evaluation of it
	Bytes         int64               `json:"bytes"`         // of the model's shards
	Samplers      []sampler.Method    `json:"samplers"`      // those that suit the model, the recommended one first
	Settings      []settings.Setting  `json:"settings"`      // of a request for the model
	Sigma         SigmaRange          `json:"sigma"`
	Levels        int                 `json:"levels"` // noise levels that it was trained at, evenly spaced in ln σ; 0 means all of the range
	Chain         int                 `json:"chain"`  // steps of the chain that it was trained on; 0 means none
	Defaults      Defaults            `json:"defaults"`
	SIMD          bool                `json:"simd"` // whether this build computes with vectors
	Card          minijson.RawMessage `json:"card,omitempty"`

	labels int              // class numbers that the bare network takes, the null class included
	chain  *diffusion.Chain // nil for a model that was not trained on one

	guided     bool            // by a worse model: see Engine.Guide
	classifier *classifierInfo // nil without one: see Engine.SetClassifier

	posterior *diffusion.PosteriorVariance // nil for a model of which it was not measured
}

// SigmaRange is the noise levels that a model supports, in units of pixels that
// span [−1,1].
type SigmaRange struct {
	Min float32 `json:"min"`
	Max float32 `json:"max"`
}

// Defaults are what a request gets that does not say otherwise.
type Defaults struct {
	Sampler  string  `json:"sampler"`
	Steps    int     `json:"steps"`
	Guidance float64 `json:"guidance"`
	Eta      float64 `json:"eta"`

	Threshold    string  `json:"threshold,omitempty"`
	Percentile   float64 `json:"percentile,omitempty"`    // of Threshold
	ThresholdMax float64 `json:"threshold_max,omitempty"` // of Threshold

	Schedule       string  `json:"schedule,omitempty"`        // of the noise levels
	CorrectorSteps int     `json:"corrector_steps,omitempty"` // of Sampler
	Epsilon        float64 `json:"epsilon,omitempty"`         // of Sampler
}
