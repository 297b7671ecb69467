package flags

import (
	"github.com/spf13/cobra"

	"tweedie/core/engine"
)

// Guidance is the flags of guidance and thresholding.
type Guidance struct {
	Weight     float64
	Min, Max   float64
	Rescale    float64
	Worse      string // file of autoguidance's model
	Classifier string // file of classifier guidance's
	Along      float64
	Threshold  string
	Percentile float64
	Most       float64 // that the dynamic threshold divides by
}

// GuidanceFlags are their names.
var GuidanceFlags = []string{"guidance", "guidance-sigma-min", "guidance-sigma-max", "guidance-rescale", "guide", "guide-classifier", "classifier-guidance", "threshold", "percentile", "threshold-max"}

// Add declares the flags of g.
func (g *Guidance) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Float64Var(&g.Weight, "guidance", 0, "weight of classifier-free guidance, or of --guide; 1 for none (default: the model's)")
	f.Float64Var(&g.Min, "guidance-sigma-min", 0, "noise level at and below which there is no guidance")
	f.Float64Var(&g.Max, "guidance-sigma-max", 0, "noise level above which there is no guidance (default: none)")
	f.Float64Var(&g.Rescale, "guidance-rescale", 0, "how much of the contrast that guidance adds is taken back, 0 to 1")
	f.StringVar(&g.Worse, "guide", "", "a worse model that guidance moves away from, in place of no class (autoguidance)")
	f.StringVar(&g.Classifier, "guide-classifier", "", "a classifier of noisy images, whose gradient guides to the class (classifier guidance)")
	f.Float64Var(&g.Along, "classifier-guidance", 1, "weight of the gradient of --guide-classifier; 1 is what it says itself")
	f.StringVar(&g.Threshold, "threshold", "", "hold denoised images to the range of pixels: static, dynamic or none (default: the model's)")
	f.Float64Var(&g.Percentile, "percentile", 0, "of --threshold dynamic, above 0 to 1 (default 0.995)")
	f.Float64Var(&g.Most, "threshold-max", 0, "the most that --threshold dynamic divides by, at least 1 (default: no limit)")
}

// Request returns what the flags ask of an engine.
func (g *Guidance) Request(cmd *cobra.Command) engine.Request {
	q := engine.Request{GuidanceMin: g.Min, GuidanceMax: g.Max, GuidanceRescale: g.Rescale, Threshold: g.Threshold, Percentile: g.Percentile, ThresholdMax: g.Most}
	if cmd.Flags().Changed("guidance") {
		q.Guidance = &g.Weight
	}
	if g.Classifier != "" {
		q.Classifier = g.Along
	}
	return q
}
