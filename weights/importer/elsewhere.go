package importer

import (
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// Complete gives a configuration whose network is known the process that hints say, or
// Ho et al. 2020's chain, and what a model recommends by default. kind is that of a
// core/diffusion.Spec, or empty. It returns what it supposes, one sentence each.
func (h Hints) Complete(c *model.Config, kind string) (assumed []string, err error) {
	pr := ho2020.process
	changed, err := h.change(&pr)
	if err != nil {
		return nil, err
	}
	switch {
	case kind != "" && (h.Schedule != "" || h.Steps != 0 || h.Prediction == model.EDM || h.Prediction == model.Consistency):
		return nil, fmt.Errorf("importer: a process of kind %q beside a chain, %q or %q, need one of them", kind, model.EDM, model.Consistency)
	case kind != "":
		if err := pr.continuous(kind); err != nil {
			return nil, fmt.Errorf("importer: %w", err)
		}
	case !changed:
		assumed = append(assumed, ho2020.says)
	}
	if err := pr.bounds(); err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	c.Prediction, c.Schedule, c.Process, c.SigmaData, c.TimeScale = pr.prediction, pr.schedule, pr.spec, pr.sigmaData, pr.timeScale
	c.SigmaMin, c.SigmaMax = pr.sigmaMin, pr.sigmaMax
	c.Defaults = pr.defaults()
	return assumed, nil
}

// continuous replaces the chain by a process in continuous time, whose ends, where
// nothing or everything is noise, are left out.
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
