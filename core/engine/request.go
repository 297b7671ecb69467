package engine

import (
	"errors"
	"fmt"
	"slices"

	"tweedie/core/sampler"
	"tweedie/core/settings"
)

// Bounds of a Request.
const (
	MaxN     = 1 << 20 // images of one request
	MaxSteps = 10000   // steps of a sampler

	maxFirst = 1 << 53 // index of the first image
)

// The values of Request.Threshold: diffusion.Clipped, diffusion.Thresholded, and neither.
const (
	static    = "static"
	dynamic   = "dynamic"
	unlimited = "none"
)

// Request asks for images. It is plain data: the same JSON goes to a worker, into a
// link and into a test. Zero or nil means that a setting is not given, and then the
// model decides; Values describes each of them. A request that is read from JSON, a
// query or flags tells an explicit 0 from a setting that is not given.
type Request struct {
	N                *int     `json:"n,omitempty"`       // images
	First            uint64   `json:"first,omitempty"`   // index of the first image: a batch is split by asking for parts of it
	Seed             Seed     `json:"seed"`              // image i of a batch is drawn from the noise of (seed, i)
	Sampler          string   `json:"sampler,omitempty"` // a name from Info.Samplers
	Steps            *int     `json:"steps,omitempty"`   // of the sampler
	Eta              *float64 `json:"eta,omitempty"`     // fresh noise of samplers that take it
	sampler.Options           // what some samplers take; else the model's, or the sampler's own
	sampler.Schedule          // the noise levels; else the model's, or Karras' over its range
	Size             Size     `json:"size,omitempty"`                // of the images, where the network allows another than the model's
	Class            Classes  `json:"class,omitempty"`               // dealt out in turn: image i gets class[i mod len]; empty deals out all
	Guidance         *float64 `json:"guidance,omitempty"`            // weight of classifier-free guidance
	Classifier       float64  `json:"classifier_guidance,omitempty"` // weight of a classifier's gradient; see Engine.SetClassifier
	GuidanceMin      float64  `json:"guidance_sigma_min,omitempty"`  // see diffusion.Guidance
	GuidanceMax      float64  `json:"guidance_sigma_max,omitempty"`  // 0 means no limit
	GuidanceRescale  float64  `json:"guidance_rescale,omitempty"`    // see diffusion.Guidance
	Threshold        string   `json:"threshold,omitempty"`           // keeps D(x;σ) in [−1,1]: "static", "dynamic" or "none"
	Percentile       float64  `json:"percentile,omitempty"`          // of the dynamic threshold; 0 means 0.995
	ThresholdMax     float64  `json:"threshold_max,omitempty"`       // the most that it divides by; 0 means no limit
	Resample         *int     `json:"resample,omitempty"`            // inpainting: how often each stretch is walked
	Jump             *int     `json:"jump,omitempty"`                // inpainting: steps of a stretch
}

// Values describes every setting of a request, in the order of the documentation, and
// holds those of r. It is the one table from which come the flags of the command line,
// the query of the HTTP API, the fields of the page, the types of the JavaScript module
// and docs/settings.md.
func (r *Request) Values() []settings.Value {
	const run, guidance, threshold, inpaint = settings.GroupRun, settings.GroupGuidance, settings.GroupThreshold, settings.GroupInpaint
	return slices.Concat([]settings.Value{
		{Setting: settings.Setting{Name: "n", Group: run, Kind: settings.Whole, Title: "Images", Help: "Number of images.", Default: "1", Min: 1, Max: MaxN, Basic: true}, To: &r.N},
		{Setting: settings.Setting{Name: "first", Group: run, Kind: settings.Whole, Title: "First image", Help: "Index of the first image: a batch can be drawn in parts.", Default: "0", Max: maxFirst, Basic: true}, To: &r.First},
		{Setting: settings.Setting{Name: "seed", Group: run, Kind: settings.Seed, Title: "Seed", Help: "Seed of the noise; image i of a seed is the same for any number of images.", Default: "0", Basic: true}, To: &r.Seed},
		{Setting: settings.Setting{Name: "class", Group: run, Kind: settings.Classes, Title: "Class", Help: "Class by name or number, none for no class, or a list that is dealt out in turn.", Default: allClasses, Basic: true}, To: &r.Class},
		{Setting: settings.Setting{Name: "sampler", Group: run, Kind: settings.Choice, Title: "Sampler", Help: "Method that removes the noise.", Default: ofModel, Choices: samplerNames(), Basic: true}, To: &r.Sampler},
		{Setting: settings.Setting{Name: "steps", Group: run, Kind: settings.Whole, Title: "Steps", Help: "Steps of the sampler.", Default: ofModel, Min: 1, Max: MaxSteps, Basic: true}, To: &r.Steps},
		{Setting: settings.Setting{Name: "eta", Group: settings.GroupSampler, Kind: settings.Real, Title: "η", Help: "Share of fresh noise in each step of a sampler that takes it: 0 draws none.", Default: ofModel, Max: 1, Basic: true}, To: &r.Eta},
		{Setting: settings.Setting{Name: "guidance", Group: run, Kind: settings.Real, Title: "Guidance", Help: "Weight of guidance: 1 turns it off, higher values follow the class more closely.", Default: ofModel, Basic: true}, To: &r.Guidance},
		{Setting: settings.Setting{Name: "classifier_guidance", Group: run, Kind: settings.Real, Title: "Classifier guidance", Help: "Weight of the gradient of a classifier: 0 turns it off.", Default: "0", Basic: true}, To: &r.Classifier},
		{Setting: sizeSetting, To: &r.Size},
	}, r.Options.Values(), r.Schedule.Values(), []settings.Value{
		{Setting: settings.Setting{Name: "guidance_sigma_min", Group: guidance, Kind: settings.Real, Title: "Guide above σ", Help: "Guidance acts above this noise level only.", Default: "0"}, To: &r.GuidanceMin},
		{Setting: settings.Setting{Name: "guidance_sigma_max", Group: guidance, Kind: settings.Real, Title: "Guide up to σ", Help: "Guidance acts up to this noise level only.", Default: "no limit", Above: true}, To: &r.GuidanceMax},
		{Setting: settings.Setting{Name: "guidance_rescale", Group: guidance, Kind: settings.Real, Title: "Rescale", Help: "How much of the contrast that guidance adds is removed again.", Default: "0", Max: 1}, To: &r.GuidanceRescale},
		{Setting: settings.Setting{Name: "threshold", Group: threshold, Kind: settings.Choice, Title: "Threshold", Help: "How denoised images are kept in the range of pixels: static clips, dynamic scales to a percentile first.", Default: ofModel, Choices: []string{static, dynamic, unlimited}}, To: &r.Threshold},
		{Setting: settings.Setting{Name: "percentile", Group: threshold, Kind: settings.Real, Title: "Percentile", Help: "Percentile of the dynamic threshold.", Default: "0.995", Above: true, Max: 1, Only: "threshold=" + dynamic}, To: &r.Percentile},
		{Setting: settings.Setting{Name: "threshold_max", Group: threshold, Kind: settings.Real, Title: "Divide by at most", Help: "Limit of what the dynamic threshold divides by: keeps bright images bright.", Default: "no limit", Min: 1, Only: "threshold=" + dynamic}, To: &r.ThresholdMax},
		{Setting: settings.Setting{Name: "resample", Group: inpaint, Kind: settings.Whole, Title: "Passes", Help: "How often each stretch of steps is repeated (RePaint): 1 for no repetition.", Default: "1", Min: 1, Max: 100, Basic: true}, To: &r.Resample},
		{Setting: settings.Setting{Name: "jump", Group: inpaint, Kind: settings.Whole, Title: "Jump", Help: "Steps of a stretch that is repeated.", Default: "10", Min: 1, Max: MaxSteps}, To: &r.Jump},
	})
}

// Defaults in words.
const (
	allClasses = "all classes in turn"
	ofModel    = "the model’s"
)

// Schema describes every setting of a request, in the order of Values.
func Schema() []settings.Setting {
	return describe((&Request{}).Values())
}

// describe returns the settings without their values.
func describe(values []settings.Value) []settings.Setting {
	out := make([]settings.Setting, len(values))
	for i, v := range values {
		out[i] = v.Setting
	}
	return out
}

// samplerNames returns the names of all samplers.
func samplerNames() []string {
	var names []string
	for _, m := range slices.Concat(sampler.Methods, sampler.Special) {
		names = append(names, m.Name)
	}
	return names
}

// ParseRequest reads a Request from JSON and validates it. The error is a
// *settings.FieldError where a setting is at fault, also one that does not exist.
func ParseRequest(data []byte) (Request, error) {
	var r Request
	if err := settings.Read(data, r.Values()); err != nil {
		return Request{}, requestError(err)
	}
	return r, r.Validate()
}

// requestError says of an error that is not of a setting where it comes from.
func requestError(err error) error {
	if _, ok := errors.AsType[*settings.FieldError](err); ok {
		return err
	}
	return fmt.Errorf("engine: request: %w", err)
}

// Validate checks what can be checked without a model. The error is a
// *settings.FieldError.
func (r Request) Validate() error {
	return settings.Check(r.Values())
}

// or returns what p points to, or absent where it is nil.
func or[T any](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}
