package flags

import (
	"slices"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/settings"
)

// Sampling is the flags of a request for images, and of the models that guide it. The
// settings are those that core/engine describes.
type Sampling struct {
	Guides  Guides
	request engine.Request
}

// Guides is the files of models that guide others.
type Guides struct {
	Worse      string // of autoguidance
	Classifier string // of classifier guidance
}

// GuidanceFlags are the names of the flags of guidance and thresholding.
var GuidanceFlags = []string{"guidance", "guidance-sigma-min", "guidance-sigma-max", "guidance-rescale", "guide", "guide-classifier", "classifier-guidance", "threshold", "percentile", "threshold-max"}

// Add declares the flags of all settings but those of inpainting. n is the default number
// of images.
func (s *Sampling) Add(cmd *cobra.Command, n int) {
	s.request.N = &n
	s.add(cmd, func(v settings.Value) bool {
		return v.Group != settings.GroupInpaint && v.Name != "first" && v.Name != "size"
	}) // see Compute.Size
	s.addGuides(cmd)
}

// AddInpaint declares the flags of the settings of inpainting.
func (s *Sampling) AddInpaint(cmd *cobra.Command) {
	s.add(cmd, func(v settings.Value) bool { return v.Group == settings.GroupInpaint })
}

// AddGuidance declares the flags of guidance and thresholding, and those of the number of
// images, by default n, and of the seed.
func (s *Sampling) AddGuidance(cmd *cobra.Command, n int) {
	s.request.N = &n
	s.add(cmd, func(v settings.Value) bool {
		return slices.Contains(GuidanceFlags, v.Flag()) || v.Name == "n" || v.Name == "seed"
	})
	s.addGuides(cmd)
}

// add declares the flags of some settings.
func (s *Sampling) add(cmd *cobra.Command, some func(settings.Value) bool) {
	var values []settings.Value
	for _, v := range s.request.Values() {
		if v.Name == "classifier_guidance" {
			v.Default = "1 with --guide-classifier"
		}
		if some(v) {
			values = append(values, v)
		}
	}
	AddSettings(cmd, values)
}

func (s *Sampling) addGuides(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.Guides.Worse, "guide", "", "a weaker model, away from which guidance leads instead of from no class (autoguidance)")
	f.StringVar(&s.Guides.Classifier, "guide-classifier", "", "a classifier of noisy images, whose gradient leads towards the class (classifier guidance)")
}

// Request returns the request of the flags. The error names a flag that needs another.
func (s *Sampling) Request(cmd *cobra.Command) (engine.Request, error) {
	q := s.request
	given := cmd.Flags().Changed("classifier-guidance")
	switch {
	case s.Guides.Classifier == "" && given:
		return q, Misused("--classifier-guidance requires --guide-classifier FILE")
	case s.Guides.Classifier != "" && !given:
		q.Classifier = 1
	}
	return q, nil
}

// N returns the number of images.
func (s *Sampling) N() int { return *s.request.N }

// Seed returns the seed.
func (s *Sampling) Seed() uint64 { return uint64(s.request.Seed) }
