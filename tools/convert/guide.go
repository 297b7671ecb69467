package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/weights"
)

// guide is the flags of guidance and thresholding.
type guide struct {
	weight     float64
	min, max   float64
	rescale    float64
	worse      string // file of autoguidance's model
	classifier string // file of classifier guidance's
	along      float64
	threshold  string
	percentile float64
	most       float64 // that the dynamic threshold divides by
}

// guideFlags are their names.
var guideFlags = []string{"guidance", "guidance-sigma-min", "guidance-sigma-max", "guidance-rescale", "guide", "guide-classifier", "classifier-guidance", "threshold", "percentile", "threshold-max"}

func (g *guide) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Float64Var(&g.weight, "guidance", 0, "weight of classifier-free guidance, or of --guide; 1 for none (default: the model's)")
	f.Float64Var(&g.min, "guidance-sigma-min", 0, "noise level at and below which there is no guidance")
	f.Float64Var(&g.max, "guidance-sigma-max", 0, "noise level above which there is no guidance (default: none)")
	f.Float64Var(&g.rescale, "guidance-rescale", 0, "how much of the contrast that guidance adds is taken back, 0 to 1")
	f.StringVar(&g.worse, "guide", "", "a worse model that guidance moves away from, in place of no class (autoguidance)")
	f.StringVar(&g.classifier, "guide-classifier", "", "a classifier of noisy images, whose gradient guides to the class (classifier guidance)")
	f.Float64Var(&g.along, "classifier-guidance", 1, "weight of the gradient of --guide-classifier; 1 is what it says itself")
	f.StringVar(&g.threshold, "threshold", "", "hold denoised images to the range of pixels: static, dynamic or none (default: the model's)")
	f.Float64Var(&g.percentile, "percentile", 0, "of --threshold dynamic, above 0 to 1 (default 0.995)")
	f.Float64Var(&g.most, "threshold-max", 0, "the most that --threshold dynamic divides by, at least 1 (default: no limit)")
}

// request returns what the flags ask of an engine.
func (g *guide) request(cmd *cobra.Command) engine.Request {
	q := engine.Request{GuidanceMin: g.min, GuidanceMax: g.max, GuidanceRescale: g.rescale, Threshold: g.threshold, Percentile: g.percentile, ThresholdMax: g.most}
	if cmd.Flags().Changed("guidance") {
		q.Guidance = &g.weight
	}
	if g.classifier != "" {
		q.Classifier = g.along
	}
	return q
}

// open opens the model at path, and those that guide it.
func (r *request) open(cmd *cobra.Command, path string) (*engine.Engine, error) {
	if r.guide.classifier == "" && cmd.Flags().Changed("classifier-guidance") {
		return nil, misused("--classifier-guidance without a classifier, need --guide-classifier FILE")
	}
	e, err := openEngine(cmd, path, &r.compute)
	if err != nil {
		return nil, err
	}
	if r.guide.classifier != "" {
		if err := classify(e, r.guide.classifier); err != nil {
			return nil, fmt.Errorf("--guide-classifier %s: %w", r.guide.classifier, err)
		}
	}
	if r.guide.worse == "" {
		return e, nil
	}
	worse, err := openEngine(cmd, r.guide.worse, &r.compute)
	if err != nil {
		return nil, err
	}
	if err := e.Guide(worse); err != nil {
		return nil, fmt.Errorf("--guide %s: %w", r.guide.worse, err)
	}
	return e, nil
}

// classify gives e the classifier at path to be guided by.
func classify(e *engine.Engine, path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	m, err := model.Open(f)
	if err != nil {
		return err
	}
	return e.Classify(m)
}
