package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"

	"tweedie/core/minijson"
	"tweedie/core/sampler"
)

// Bounds of a Request.
const (
	MaxN     = 1 << 20 // images of one request
	MaxSteps = 10000   // steps of a sampler
)

// The values of Request.Threshold: diffusion.Clipped, diffusion.Thresholded, and neither.
const (
	static  = "static"
	dynamic = "dynamic"
	unheld  = "none"
)

// Request asks for images. It is plain data: the same JSON goes into the page's
// URL, to a worker and into a test. What is absent comes from the model; what is
// given is taken as it is or refused.
type Request struct {
	N                *int     `json:"n,omitempty"`       // images, in [1, MaxN]; absent means 1
	First            uint64   `json:"first,omitempty"`   // index of the first image: a batch is split by asking for parts of it
	Seed             Seed     `json:"seed"`              // image i of a batch is drawn from the noise of (seed, i)
	Sampler          string   `json:"sampler,omitempty"` // a name from Info.Samplers; empty means the model's own
	Steps            *int     `json:"steps,omitempty"`   // steps of the sampler, in [1, MaxSteps]; absent means the model's
	Eta              *float64 `json:"eta,omitempty"`     // fresh noise of samplers that have it, in [0, 1]; absent means the model's
	sampler.Options           // what some samplers have; absent means the model's, or the sampler's own
	sampler.Schedule          // the noise levels; absent means the model's, or Karras' over its range
	Class            Classes  `json:"class,omitempty"`               // dealt out in turn: image i gets class[i mod len]; absent deals out all
	Guidance         *float64 `json:"guidance,omitempty"`            // weight of classifier-free guidance, ≥ 0, 1 means none; absent means the model's
	Classifier       float64  `json:"classifier_guidance,omitempty"` // weight of a classifier's gradient, ≥ 0, for an engine that was given one; see Engine.Classify
	GuidanceMin      float64  `json:"guidance_sigma_min,omitempty"`  // at this noise level and below there is none; see diffusion.Guidance
	GuidanceMax      float64  `json:"guidance_sigma_max,omitempty"`  // above this noise level there is none; 0 means no limit
	GuidanceRescale  float64  `json:"guidance_rescale,omitempty"`    // how much of the contrast that it adds is taken back, in [0, 1]
	Threshold        string   `json:"threshold,omitempty"`           // what holds D(x;σ) to [−1,1]: "static", "dynamic" or "none"; absent means the model's
	Percentile       float64  `json:"percentile,omitempty"`          // of the dynamic threshold, in (0, 1]; 0 means 0.995
	ThresholdMax     float64  `json:"threshold_max,omitempty"`       // the most that it divides by, at least 1; 0 means no limit
	Resample         *int     `json:"resample,omitempty"`            // inpainting: how often each stretch is walked, in [1, 100]; absent means 1, no resampling
	Jump             *int     `json:"jump,omitempty"`                // inpainting: steps of a stretch, in [1, steps); absent means 10, or what there is
}

// ParseRequest reads a Request from JSON and validates it. The error names the
// field, what was found and what is needed; an unknown field is an error.
func ParseRequest(data []byte) (Request, error) {
	var r Request
	err := minijson.UnmarshalStrict(data, &r)
	kind, ok := errors.AsType[*minijson.TypeError](err)
	switch {
	case err == nil:
		return r, r.Validate()
	case ok:
		err = fmt.Errorf("engine: %s: found %s, need %s", cmp.Or(kind.Path, "request"), kind.Found, kind.Need)
	case !strings.HasPrefix(err.Error(), "engine: "): // else an error of a field's own
		err = fmt.Errorf("engine: request: %w", err)
	}
	return Request{}, err
}

// Validate checks what can be checked without a model: the ranges of the
// numbers. The error names the field, what was found and what is needed.
func (r Request) Validate() error {
	if err := cmp.Or(
		wholeIn("n", r.N, MaxN),
		wholeIn("steps", r.Steps, MaxSteps),
		wholeIn("resample", r.Resample, 100),
		wholeIn("jump", r.Jump, MaxSteps),
		realIn("eta", r.Eta, 1, "in [0, 1]"),
		realIn("guidance", r.Guidance, math.MaxFloat32, "finite, at least 0"),
		realIn("classifier_guidance", &r.Classifier, math.MaxFloat32, "finite, at least 0"),
		realIn("percentile", &r.Percentile, 1, "in (0, 1]"),
	); err != nil {
		return err
	}
	if r.First > math.MaxUint64-MaxN {
		return fmt.Errorf("engine: first: found %d, need at most 2⁶⁴ − 2²⁰", r.First)
	}
	switch r.Threshold {
	case "", static, unheld:
		if r.Percentile != 0 || r.ThresholdMax != 0 {
			return fmt.Errorf("engine: percentile or threshold_max: found one of them, need neither, or threshold %q", dynamic)
		}
	case dynamic:
		if r.ThresholdMax != 0 && !(r.ThresholdMax >= 1 && r.ThresholdMax <= math.MaxFloat32) {
			return fmt.Errorf("engine: threshold_max: found %g, need a finite number, at least 1", r.ThresholdMax)
		}
	default:
		return fmt.Errorf("engine: threshold: found %q, need %q, %q or %q", r.Threshold, static, dynamic, unheld)
	}
	if err := r.Schedule.Validate(); err != nil {
		return fmt.Errorf("engine: schedule: %w", err)
	}
	return nil
}

// wholeIn reports whether v, if given, lies in [1, most].
func wholeIn(field string, v *int, most int) error {
	if v != nil && (*v < 1 || *v > most) {
		return fmt.Errorf("engine: %s: found %d, need a whole number in [1, %d]", field, *v, most)
	}
	return nil
}

// realIn reports whether v, if given, lies in [0, most], a NaN does not.
func realIn(field string, v *float64, most float64, need string) error {
	if v != nil && !(*v >= 0 && *v <= most) {
		return fmt.Errorf("engine: %s: found %g, need a number, %s", field, *v, need)
	}
	return nil
}

// or returns what p points to, or absent.
func or[T any](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}
