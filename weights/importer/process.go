package importer

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	gorgonia "gorgonia.org/tensor"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// convention is how a family's authors train, for checkpoints that do not specify it.
type convention struct {
	process     process
	description string // for people
}

// ho2020 is the chain of Ho et al. 2020, section 4.
var ho2020 = convention{
	process{prediction: model.Epsilon, schedule: &diffusion.Schedule{Kind: diffusion.Linear, Steps: 1000, BetaStart: 1e-4, BetaEnd: 0.02}},
	"the network predicts ε on a linear chain of 1000 steps, β from 0.0001 to 0.02",
}

// finish completes the configuration of a plan whose network is known. The process is that of
// the scheduler's file, of hints, or of the family's authors.
func (p *plan) finish(u *unet.Config, v *view, h Hints, usual convention) error {
	c := &p.config
	c.Arch, c.UNet = model.UNet2D, u
	if u.SampleSize == (unet.Size{}) {
		return fmt.Errorf("%q: %w", v.files.weights, errSize)
	}
	if err := p.trained(v, h, usual); err != nil {
		return err
	}
	c.Shape = [3]int{u.InChannels, u.SampleSize.H, u.SampleSize.W}
	if u.Conditional() {
		for i := range *u.NumClassEmbeds {
			c.Classes = append(c.Classes, strconv.Itoa(i))
		}
		p.assumed = append(p.assumed, "classes have no names: their numbers are used")
	}
	return nil
}

// trained sets how the network was trained.
func (p *plan) trained(v *view, h Hints, usual convention) error {
	c := &p.config
	pr, description, err := usual.process, usual.description, error(nil)
	if v.files.scheduler != "" {
		var data []byte
		if data, err = readFile(v.files.scheduler); err != nil {
			return err
		}
		if pr, err = parseScheduler(data); err != nil {
			return fmt.Errorf("%q: %w", v.files.scheduler, err)
		}
		description = ""
		if err := p.checkVariance(&pr); err != nil {
			return fmt.Errorf("%q: %w", v.files.scheduler, err)
		}
	}
	p.found, p.assumed = append(p.found, pr.notes...), append(p.assumed, pr.assumed...)
	changed, err := h.change(&pr)
	if err != nil {
		return err
	}
	if description != "" && !changed {
		p.assumed = append(p.assumed, fmt.Sprintf("no %s: %s", schedulerName, description))
	}
	if err := pr.bounds(); err != nil {
		return err
	}
	if pr.negated {
		if err := p.negate(); err != nil {
			return err
		}
	}
	c.Prediction, c.Schedule, c.Process, c.SigmaData, c.TimeScale = pr.prediction, pr.schedule, pr.spec, pr.sigmaData, pr.timeScale
	c.SigmaMin, c.SigmaMax = pr.sigmaMin, pr.sigmaMax
	c.Defaults = pr.defaults()
	if pr.schedule != nil && c.Defaults.Schedule != "" { // noise levels are those of the chain's steps
		chain, err := diffusion.NewChain(*pr.schedule)
		if err != nil {
			return err
		}
		c.Defaults.Steps = min(c.Defaults.Steps, chain.Steps())
	}
	return nil
}

// negate changes the sign of the network's output, by the weights of its last convolution.
func (p *plan) negate() error {
	u := p.config.UNet
	if u == nil || u.ProgressiveOutput != "" || strings.Contains(u.UpBlockTypes[len(u.UpBlockTypes)-1], "Skip") {
		return errors.New("prediction_type is v_prediction with a network whose last convolution is not its output, which is not supported with this scheduler")
	}
	find := p.find
	p.find = func(d graph.Declared) binding {
		b := find(d)
		if d.Name == "conv_out.weight" || d.Name == "conv_out.bias" {
			b.make = negated
		}
		return b
	}
	p.found = append(p.found, "the network predicts −F of EDM's preconditioning: the signs of conv_out are changed")
	return nil
}

// negated changes the sign of numbers.
func negated(in []*gorgonia.Dense) (*gorgonia.Dense, error) {
	return in[0].MulScalar(float32(-1), true)
}

// checkVariance compares what the scheduler says of the network's variance with its channels.
func (p *plan) checkVariance(pr *process) error {
	says, has := strings.HasPrefix(pr.variance, "learned"), p.config.Variance == model.Learned
	switch {
	case says && !has:
		return fmt.Errorf("variance_type is %q, but the network does not predict a variance: it needs twice the output channels, or a fixed variance_type", pr.variance)
	case has && pr.variance != "" && !says:
		p.assumed = append(p.assumed, fmt.Sprintf("the second half of the output channels is a learned variance, although the scheduler's variance_type is %s", pr.variance))
	}
	return nil
}

// defaults returns the default sampling settings of a model with this process.
func (p *process) defaults() model.Defaults {
	d := p.sampling
	d.Sampler, d.Steps, d.Guidance = cmp.Or(d.Sampler, "dpmpp2m"), cmp.Or(d.Steps, 20), 1
	if p.prediction == model.Consistency {
		d.Sampler, d.Steps = "consistency", 2
	}
	return d
}

// change applies the hints to p and reports whether there were any.
func (h Hints) change(p *process) (bool, error) {
	if h.Schedule == "" && h.Steps == 0 && h.Prediction == "" && h.TimeScale == 0 && h.SigmaData == 0 {
		return false, nil
	}
	if h.Prediction == model.EDM && p.prediction != model.EDM {
		*p = process{prediction: model.EDM, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80}
	} else if h.Prediction == model.Consistency && p.prediction != model.Consistency {
		*p = consistency2023
	} else if h.Prediction != "" {
		p.negated = p.negated && h.Prediction == p.prediction
		p.prediction = h.Prediction
	}
	if h.Schedule != "" || h.Steps != 0 {
		s := diffusion.Schedule{Kind: diffusion.Linear}
		if p.schedule != nil {
			s = *p.schedule
		}
		if h.Schedule != "" && h.Schedule != s.Kind {
			s = diffusion.Schedule{Kind: h.Schedule, Steps: s.Steps}
		}
		if h.Steps != 0 {
			s.Steps = h.Steps
		}
		p.schedule, p.spec = &s, nil
		p.sigmaMin, p.sigmaMax = 0, 0
	}
	if h.TimeScale != 0 {
		p.timeScale = h.TimeScale
	}
	if h.SigmaData != 0 {
		p.sigmaData = h.SigmaData
	}
	return true, nil
}

// bounds sets the lowest and highest noise level of a chain.
func (p *process) bounds() error {
	if p.schedule == nil || p.sigmaMax != 0 {
		return nil
	}
	chain, err := diffusion.NewChain(*p.schedule)
	if err != nil {
		return err
	}
	lowest, highest := chain.SigmaRange()
	p.sigmaMin, p.sigmaMax = float64(lowest), float64(highest)
	return nil
}
