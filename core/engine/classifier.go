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

// judge is what an engine's Info knows of its classifier.
type judge struct {
	classes []string
	flops   int64 // of one gradient
}

// Classify gives later requests a classifier to be guided by (diffusion.Classified): a
// model of arch "classifier". A model without classes has the classifier's then, for
// requests that ask for its guidance. The error says where the two do not go together.
func (e *Engine) Classify(m *model.Model) error {
	c := m.Config()
	if err := e.info.goesWith(&c); err != nil {
		return err
	}
	workers := max(1, e.how.Workers)
	how := e.how
	how.TensorParallel, how.Compact = nil, false // it is small
	slope, err := m.NewClassifierGradient((e.options.Chunk+workers-1)/workers, how)
	if err != nil {
		return err
	}
	e.classifier, e.info.judge = slope, &judge{c.Classes, slope.Cost().FLOPs}
	return nil
}

// Classified returns the Info of an engine that Classify has given the classifier of this
// manifest: it can Check requests for its guidance where there are no weights.
func (i Info) Classified(manifest *weights.Manifest) (Info, error) {
	m, err := model.Outline(manifest)
	if err != nil {
		return Info{}, err
	}
	c := m.Config()
	if err := i.goesWith(&c); err != nil {
		return Info{}, err
	}
	cost, err := m.ClassifierGradientCost()
	i.judge = &judge{c.Classes, cost.FLOPs}
	return i, err
}

// goesWith returns the error of Classify for a model of this configuration.
func (i *Info) goesWith(c *model.Config) error {
	if c.Arch != model.Classifier {
		return fmt.Errorf("engine: classifier: found arch %q, need %q", c.Arch, model.Classifier)
	}
	own := sigmaRange(c)
	if i.Samplers[0].Needs == sampler.NeedsConsistency {
		return errors.New("engine: classifier: found a consistency function to guide, need a denoiser")
	}
	if c.Shape != i.Shape || len(i.Classes) > 0 && !slices.Equal(c.Classes, i.Classes) || own.Min > i.Sigma.Min || own.Max < i.Sigma.Max {
		return fmt.Errorf("engine: classifier: found one for images of %v, classes %s and noise levels %g to %g, need %v, %s and all of %g to %g, which are the model's",
			c.Shape, listing(c.Classes), own.Min, own.Max, i.Shape, listing(i.Classes), i.Sigma.Min, i.Sigma.Max)
	}
	return nil
}

// guided returns the denoiser of a plan for images of these classes: guided by what the
// plan asks for, and held to the range of pixels last.
func (e *Engine) guided(plan Plan, class []int) (diffusion.Denoiser, error) {
	g := plan.guide()
	denoise := e.network.Guided(class, g)
	if g.Classifier != 0 {
		var err error
		if denoise, err = diffusion.ClassifierGuided(denoise, e.classifier.Of(class), g); err != nil {
			return nil, err
		}
	}
	return plan.held(denoise)
}

// Names returns the classes that a request can ask for: the model's, or those of the
// classifier that is to guide a model without.
func (p *Plan) Names(info Info) []string {
	if p.Classifier != 0 && len(info.Classes) == 0 && info.judge != nil {
		return info.judge.classes
	}
	return info.Classes
}
