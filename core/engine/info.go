package engine

import (
	"tweedie/core/diffusion"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/core/settings"
)

// Info describes a model and the requests that it takes. It travels as JSON to the page.
type Info struct {
	Name          string              `json:"name"`          // of the model file
	Title         string              `json:"title"`         // what a page shows
	Shape         [3]int              `json:"shape"`         // C, H, W
	Classes       []string            `json:"classes"`       // names by number; empty for a model without classes
	Unconditional bool                `json:"unconditional"` // whether it has a null class: a request can ask for class "none" and for guidance
	Parameters    int                 `json:"parameters"`    // numbers in the network
	FLOPs         int64               `json:"flops"`         // additions and multiplications of one evaluation of it
	Bytes         int64               `json:"bytes"`         // of the model's shards
	Samplers      []sampler.Method    `json:"samplers"`      // that suit the model, the recommended one first
	Settings      []settings.Setting  `json:"settings"`      // of a request for the model
	Sigma         SigmaRange          `json:"sigma"`
	Levels        int                 `json:"levels"` // noise levels that it was trained at, evenly spaced in ln σ; 0 means the whole range
	Chain         int                 `json:"chain"`  // steps of the chain that it was trained on; 0 means none
	Defaults      Defaults            `json:"defaults"`
	SIMD          bool                `json:"simd"` // whether this build computes with vectors
	Card          minijson.RawMessage `json:"card,omitempty"`

	config   *model.Config // of the model
	multiple int           // divides height and width of the images that the network allows; 0 if it has one size

	labels int              // class numbers that the bare network takes, with the null class
	chain  *diffusion.Chain // nil for a model without one

	autoguided bool            // has autoguidance: see Engine.SetAutoguidance
	classifier *classifierInfo // nil without one: see Engine.SetClassifier

	posterior *diffusion.PosteriorVariance // nil for a model without measured posterior variances
}

// SigmaRange is the range of noise levels that a model supports, for pixels in [−1,1].
type SigmaRange struct {
	Min float32 `json:"min"`
	Max float32 `json:"max"`
}

// Defaults hold for the settings that a request does not give.
type Defaults struct {
	Sampler  string  `json:"sampler"`
	Steps    int     `json:"steps"`
	Guidance float64 `json:"guidance"`
	Eta      float64 `json:"eta"`

	Threshold    string  `json:"threshold,omitempty"`
	Percentile   float64 `json:"percentile,omitempty"`    // of Threshold
	ThresholdMax float64 `json:"threshold_max,omitempty"` // of Threshold

	Schedule       string  `json:"schedule,omitempty"`        // of the noise levels
	Shift          float64 `json:"shift,omitempty"`           // of schedule flow, for images of the model's size
	CorrectorSteps int     `json:"corrector_steps,omitempty"` // of Sampler
	Epsilon        float64 `json:"epsilon,omitempty"`         // of Sampler
}
