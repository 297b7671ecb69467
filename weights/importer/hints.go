package importer

import (
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// Complete sets the process of a configuration whose network is known, from hints or, without
// any, to the chain of Ho et al. 2020, and sets the default sampling settings. kind is that of
// a core/diffusion.Spec, or empty. It returns what was assumed, one sentence each.
func (h Hints) Complete(c *model.Config, kind string) (assumed []string, err error) {
	pr := ho2020.process
	changed, err := h.change(&pr)
	if err != nil {
		return nil, err
	}
	switch {
	case kind != "" && (h.Schedule != "" || h.Steps != 0 || h.Prediction == model.EDM || h.Prediction == model.Consistency):
		return nil, fmt.Errorf("importer: a process of kind %q and a chain, %q or %q, exclude each other", kind, model.EDM, model.Consistency)
	case kind != "":
		if err := pr.continuous(kind); err != nil {
			return nil, fmt.Errorf("importer: %w", err)
		}
	case !changed:
		assumed = append(assumed, ho2020.description)
	}
	if err := pr.bounds(); err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	c.Prediction, c.Schedule, c.Process, c.SigmaData, c.TimeScale = pr.prediction, pr.schedule, pr.spec, pr.sigmaData, pr.timeScale
	c.SigmaMin, c.SigmaMax = pr.sigmaMin, pr.sigmaMax
	c.Defaults = pr.defaults()
	return assumed, nil
}

// continuous replaces the chain by a process in continuous time. It leaves out the ends of the
// time range, where there is no noise or no signal.
func (p *process) continuous(kind string) error {
	p.schedule, p.spec = nil, &diffusion.Spec{Kind: kind}
	if err := p.spec.Validate(); err != nil {
		return err
	}
	process := diffusion.ProcessOf(*p.spec)
	first, last := process.Span()
	if kind != diffusion.KindVE && kind != diffusion.KindSMLD {
		first += 0.005 * (last - first)
	}
	if kind == diffusion.KindRectifiedFlow {
		last = 0.995
	}
	p.sigmaMin, p.sigmaMax = process.Kernel(first).Sigma, process.Kernel(last).Sigma
	return nil
}
