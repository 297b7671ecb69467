package train

import (
	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// NewConfig returns a configuration for pictures of the given shape, C, H, W, and
// classes, none for pictures without labels: a U-Net with EDM's preconditioning that
// a laptop trains. Every field may be changed; Steps decides how long it takes.
func NewConfig(shape [3]int, classes ...string) *Config {
	c := &Config{
		Model: model.Config{Shape: shape, Classes: classes},
		Steps: 2000, Decay: "cosine", WarmUp: 100, WeightDecay: 0.01, Clip: 1, Average: 0.995,
	}
	c.Complete()
	return c
}

// Complete fills in what c leaves out and nothing else. A zero that means something,
// such as no weight decay, stays.
//
//	batch, learning_rate         64, 0.001
//	model.unet                   see unet.Config.Complete
//	model.prediction             edm, with time_scale 100, for a model without a schedule or
//	                             process; epsilon with one; class for a classifier
//	model.process.time           sigma, for a ve process and a network with time_is_sigma
//	model.sigma_data             0.5
//	model.sigma_min, sigma_max   0.01 and 80, or those of the schedule's chain
//	model.null_class, drop_class a class more than there are names, 0.1
//	model.defaults               dpmpp2m in 20 steps
//	p_mean, p_std                −1.2 and 1.2 (Karras et al. 2022, Table 1), for the objectives that use them
func (c *Config) Complete() {
	fill(&c.Batch, 64)
	fill(&c.LearningRate, 1e-3)
	c.completeModel()
	goal := c.objectiveName()
	normal := goal == edm || goal == classes || goal == "min-snr" && c.Model.Schedule == nil && !c.isSDE()
	if normal && c.PStd == 0 {
		c.PStd = 1.2
		fill(&c.PMean, -1.2)
	}
}

func (c *Config) completeModel() {
	m := &c.Model
	if m.Arch == "" && m.NCSN == nil && m.Program == nil {
		m.Arch = model.UNet2D
	}
	switch {
	case m.Prediction != "":
	case m.Arch == model.Classifier:
		m.Prediction = model.Class
		fill(&m.TimeScale, 100)
	case m.Schedule == nil && m.Process == nil:
		m.Prediction = model.EDM
		fill(&m.TimeScale, 100)
	default:
		m.Prediction = model.Epsilon
	}
	if m.Arch == model.UNet2D || m.Arch == model.Classifier {
		c.completeNetwork()
		if p := m.Process; m.UNet.TimeIsSigma && p != nil && p.Kind == diffusion.KindVE {
			fill(&p.Time, "sigma")
		}
	}
	if m.Prediction == model.EDM || m.Prediction == model.Consistency || m.Prediction == model.Class {
		fill(&m.SigmaData, 0.5)
		fill(&m.SigmaMin, 0.01)
		fill(&m.SigmaMax, 80)
	}
	if m.Schedule != nil && m.SigmaMin == 0 && m.SigmaMax == 0 {
		if chain, err := m.Chain(); err == nil { // else Validate says what is wrong with it
			low, high := chain.SigmaRange()
			m.SigmaMin, m.SigmaMax = float64(low), float64(high)
		}
	}
	switch m.Prediction {
	case model.Class:
	case model.Consistency:
		fill(&m.Defaults.Sampler, "consistency")
		fill(&m.Defaults.Steps, 2)
	default:
		fill(&m.Defaults.Sampler, "dpmpp2m")
		fill(&m.Defaults.Steps, 20)
	}
}

// completeNetwork fills in the U-Net and its classes.
func (c *Config) completeNetwork() {
	m := &c.Model
	if m.UNet == nil {
		m.UNet = &unet.Config{}
	}
	answers := 1
	if m.Variance == model.Learned {
		answers = 2
	}
	if m.Arch == model.Classifier {
		fill(&m.UNet.OutChannels, len(m.Classes))
	}
	m.UNet.Complete(m.Shape, answers)
	fill(&m.Shape, [3]int{m.UNet.InChannels, m.UNet.SampleSize.H, m.UNet.SampleSize.W})
	if len(m.Classes) == 0 || m.UNet.NumClassEmbeds != nil || m.Arch == model.Classifier {
		return
	}
	if m.NullClass == nil {
		m.NullClass = new(len(m.Classes))
		fill(&c.DropClass, 0.1)
	}
	m.UNet.NumClassEmbeds = new(max(len(m.Classes), *m.NullClass+1))
}

// fill gives v a value if it has none.
func fill[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
