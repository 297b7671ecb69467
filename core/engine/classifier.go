package engine

import (
	"errors"
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/weights"
)

// Classifier is what classifier guidance follows. *model.ClassifierGradient is one; tests bring a
// posterior in closed form.
type Classifier interface {
	// Of returns ∇ₓ log p(y|x;σ) for images of classes y. Rows of its result do not
	// depend on each other.
	Of(y []int) diffusion.ClassifierGradient
}

// classifierInfo is what an Info holds of a classifier.
type classifierInfo struct {
	classes []string
	flops   int64 // of one gradient
}

// SetClassifier gives later requests a classifier to be guided by
// (diffusion.Classified): a model of arch "classifier". A model without classes takes
// the classifier's then, for requests that ask for its guidance. The error says what
// does not fit the model.
func (e *Engine) SetClassifier(m *model.Model) error {
	c := m.Config()
	if err := e.info.checkClassifier(&c); err != nil {
		return err
	}
	workers := max(1, e.how.Workers)
	how := e.how
	how.TensorParallel, how.Compact = nil, false // it is small
	gradient, err := m.NewClassifierGradient((e.options.Chunk+workers-1)/workers, how)
	if err != nil {
		return err
	}
	e.classifier, e.info.classifier = gradient, &classifierInfo{c.Classes, gradient.Cost().FLOPs}
	return nil
}

// WithClassifier returns the Info of an engine that SetClassifier was called for with the
// model of this manifest. It can check requests for classifier guidance where there are
// no weights.
func (i Info) WithClassifier(manifest *weights.Manifest) (Info, error) {
	m, err := model.Outline(manifest)
	if err != nil {
		return Info{}, err
	}
	c := m.Config()
	if err := i.checkClassifier(&c); err != nil {
		return Info{}, err
	}
	cost, err := m.ClassifierGradientCost()
	i.classifier = &classifierInfo{c.Classes, cost.FLOPs}
	return i, err
}

// checkClassifier returns the error of SetClassifier for a model of this configuration.
func (i *Info) checkClassifier(c *model.Config) error {
	if c.Arch != model.Classifier {
		return fmt.Errorf("engine: classifier: arch must be %q (got %q)", model.Classifier, c.Arch)
	}
	if i.Samplers[0].Needs == sampler.NeedsConsistency {
		return errors.New("engine: classifier: the model must be a denoiser (got a consistency model)")
	}
	if c.Shape != i.Shape {
		return fmt.Errorf("engine: classifier: the shape of images must be the model's, %v (got %v)", i.Shape, c.Shape)
	}
	if len(i.Classes) > 0 && !slices.Equal(c.Classes, i.Classes) {
		return fmt.Errorf("engine: classifier: classes must be the model's, %s (got %s)", classList(i.Classes), classList(c.Classes))
	}
	if own := sigmaRange(c); own.Min > i.Sigma.Min || own.Max < i.Sigma.Max {
		return fmt.Errorf("engine: classifier: noise levels must cover the model's, %g to %g (got %g to %g)", i.Sigma.Min, i.Sigma.Max, own.Min, own.Max)
	}
	return nil
}

// guided returns the denoiser of a plan for images of these classes: guided as the plan
// says, with its images kept in the range of pixels.
func (e *Engine) guided(plan Plan, class []int) (diffusion.Denoiser, error) {
	g := plan.guide()
	denoise := e.network.Guided(class, g)
	if g.Classifier != 0 {
		var err error
		if denoise, err = diffusion.ClassifierGuided(denoise, e.classifier.Of(class), g); err != nil {
			return nil, err
		}
	}
	return plan.thresholded(denoise)
}

// Names returns the classes that a request can ask for: the model's, or those of the
// classifier that is to guide a model without.
func (p *Plan) Names(info Info) []string {
	if p.Classifier != 0 && len(info.Classes) == 0 && info.classifier != nil {
		return info.classifier.classes
	}
	return info.Classes
}
