package engine

import (
	"cmp"
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/edit"
	"tweedie/core/sampler"
)

// Plan is a request as an engine will carry it out.
type Plan struct {
	Request         // every number filled in; asking again with it gives the same images
	NFE     int     `json:"nfe"`    // evaluations D(x;σ) that an image needs; a guided pair counts once. Of an adaptive sampler the least, and in a Result what one image took at most
	Passes  int     `json:"passes"` // evaluations of the network that NFE takes: two where guidance calls for a pair, counted by the levels at which steps begin
	Work    float64 `json:"work"`   // Passes and the gradients of a classifier, which count by their operations
	Walk    int     `json:"walk"`   // steps that an image takes, RePaint's repetitions counted; evaluations, where a step takes more than ten

	method  sampler.Method
	classes []int // dealt out in turn
	sigmas  []float32
	repaint edit.RePaint

	posterior *diffusion.PosteriorVariance // of the model
}

// Check returns how the engine will carry r out, or the error of Info.Check.
func (e *Engine) Check(r Request, inpaint bool) (Plan, error) { return e.info.Check(r, inpaint) }

// Check returns how an engine of the model will carry r out, or the error of
// Request.Validate or of the model: an unknown sampler or class, guidance that it
// cannot give, a schedule that leaves its range. Resampling is for inpaint only.
func (i Info) Check(r Request, inpaint bool) (Plan, error) {
	if err := r.Validate(); err != nil {
		return Plan{}, err
	}
	p := Plan{Request: r, posterior: i.posterior}
	for _, fill := range []func() error{
		func() error { return p.fillSampler(i) },
		func() error { return p.fillClasses(i) },
		func() error { return p.fillGuidance(i) },
		func() error { return p.fillThreshold(i.Defaults) },
		func() error { return p.fillRepaint(inpaint) },
		func() error { return p.fillPasses(i) },
	} {
		if err := fill(); err != nil {
			return Plan{}, err
		}
	}
	n := or(r.N, 1)
	p.N = &n
	return p, nil
}

// Work returns the additions and multiplications of one image under p.
func (i Info) Work(p Plan) float64 {
	return p.Work * float64(i.FLOPs)
}

// slope returns the operations of one gradient of the classifier, over those of the
// network.
func (i Info) slope() float64 {
	if i.judge == nil {
		return 0
	}
	return float64(i.judge.flops) / float64(i.FLOPs)
}

// WorkAt returns those of one D(x;σ) of one image under p.
func (i Info) WorkAt(p Plan, sigma float32) float64 {
	g := p.guide()
	return (float64(g.Passes(sigma)) + float64(float64(g.ClassifierPasses(sigma))*i.slope())) * float64(i.FLOPs)
}

// fillPasses counts what guidance adds to the evaluations of p.
func (p *Plan) fillPasses(info Info) error {
	guide, pairs, slopes := p.guide(), 0, 0
	for _, sigma := range p.sigmas[:*p.Steps] {
		pairs += guide.Passes(sigma) - 1
		slopes += guide.ClassifierPasses(sigma)
	}
	share := func(n int) int { return (p.NFE*n + *p.Steps - 1) / *p.Steps }
	p.Passes = p.NFE + share(pairs)
	p.Work = float64(p.Passes) + float64(float64(share(slopes))*info.slope())
	return nil
}

func (p *Plan) fillSampler(info Info) error {
	own := info.Defaults
	if p.Sampler == "" {
		p.Sampler = own.Sampler
	}
	if p.Sampler == own.Sampler && p.Corrector != sampler.CorrectorNone {
		p.CorrectorSteps, p.Epsilon = cmp.Or(p.CorrectorSteps, own.CorrectorSteps), cmp.Or(p.Epsilon, own.Epsilon)
	}
	if p.Rho == 0 {
		p.Kind = cmp.Or(p.Kind, own.Schedule)
	}
	method, err := sampler.Lookup(p.Sampler)
	if err != nil {
		return fmt.Errorf("engine: sampler: %w", err)
	}
	if !slices.ContainsFunc(info.Samplers, func(m sampler.Method) bool { return m.Name == method.Name }) {
		return unsuited(method, info)
	}
	steps, eta := or(p.Steps, info.Defaults.Steps), 0.0
	if method.Eta {
		eta = info.Defaults.Eta
	}
	eta = or(p.Eta, eta)
	p.method, p.Steps, p.Eta = method, &steps, &eta
	if err := p.settings().Validate(); err != nil {
		return fmt.Errorf("engine: settings: %w", err)
	}
	if p.sigmas, err = p.settings().Sigmas(info.Sigma.Min, info.Sigma.Max, info.chain); err != nil {
		return fmt.Errorf("engine: steps or schedule: %w", err)
	}
	p.NFE = method.NFE(p.Options, steps, true)
	p.Walk = p.progress(steps)
	return nil
}

// unsuited says what a model lacks for a method.
func unsuited(m sampler.Method, info Info) error {
	lacks := "has no consistency function"
	switch m.Needs {
	case "":
		lacks = "is a consistency function and no denoiser"
	case sampler.NeedsVariances:
		lacks = "has learned no variances"
	case sampler.NeedsPosterior:
		lacks = "does not say its posterior variances (tweedie posterior measures them)"
	}
	return fmt.Errorf("engine: sampler: found %q, need another, as %q: the model %s", m.Name, info.Samplers[0].Name, lacks)
}

// progress returns Walk for so many steps: where a step takes very many evaluations it
// is those, so that who waits sees something move.
func (p *Plan) progress(steps int) int {
	if p.NFE > 10*steps {
		return p.NFE
	}
	return steps
}

// reached returns how many steps of the schedule have been walked where the
// denoiser is asked at sigma; the last one is the one that it is asked for.
func (p *Plan) reached(sigma float32) int {
	step := 0
	for step < len(p.sigmas)-2 && sigma <= p.sigmas[step+1] {
		step++
	}
	if step == len(p.sigmas)-2 {
		step++
	}
	return step
}

// settings returns what package sampler needs to know of p.
func (p *Plan) settings() sampler.Settings {
	return sampler.Settings{Method: p.Sampler, Steps: *p.Steps, Eta: *p.Eta, Options: p.Options, Schedule: p.Schedule, Posterior: p.posterior}
}

func (p *Plan) fillClasses(info Info) error {
	if p.Classifier != 0 && info.judge == nil {
		return fmt.Errorf("engine: classifier_guidance: found %g, need 0, or a classifier that the model was given first", p.Classifier)
	}
	names := p.Names(info)
	if len(p.Class) == 0 {
		p.classes = allClasses(len(names))
		return nil
	}
	for _, class := range p.Class {
		number, err := class.resolve(names, info.Unconditional || len(info.Classes) == 0)
		if err != nil {
			return err
		}
		if p.Classifier != 0 && number < 0 {
			return fmt.Errorf("engine: classifier_guidance: found %g and class %q, need a class to be guided to, one of %s; guidance 0 leaves the model itself without", p.Classifier, none, listing(names))
		}
		p.classes = append(p.classes, number)
	}
	return nil
}

// allClasses returns 0 to n−1, or −1 alone, which stands for none.
func allClasses(n int) []int {
	if n == 0 {
		return []int{-1}
	}
	classes := make([]int, n)
	for i := range classes {
		classes[i] = i
	}
	return classes
}

// class returns the class of the image with the given index.
func (p *Plan) class(index uint64) int {
	return p.classes[index%uint64(len(p.classes))]
}

func (p *Plan) fillGuidance(info Info) error {
	guidance := or(p.Guidance, info.Defaults.Guidance)
	if guidance != 1 && !info.Unconditional && !info.guided {
		lacks := "was not trained without a class"
		if len(info.Classes) == 0 {
			lacks = "has no classes to guide towards"
		}
		return fmt.Errorf("engine: guidance: found %g, need 1: the model %s", guidance, lacks)
	}
	p.Guidance = &guidance
	if guidance == 1 && p.Classifier == 0 && (p.GuidanceMin != 0 || p.GuidanceMax != 0 || p.GuidanceRescale != 0) {
		return fmt.Errorf("engine: guidance: found 1 with an interval or rescaling, need neither, or guidance other than 1")
	}
	if err := p.guide().Validate(); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

// guide returns the guidance of p.
func (p *Plan) guide() diffusion.Guidance {
	return diffusion.Guidance{Scale: *p.Guidance, Classifier: p.Classifier, SigmaMin: p.GuidanceMin, SigmaMax: p.GuidanceMax, Rescale: p.GuidanceRescale}
}

// fillThreshold takes the model's threshold, which comes from a file, for one that is
// not given.
func (p *Plan) fillThreshold(own Defaults) error {
	if p.Threshold != "" {
		return nil
	}
	p.Threshold, p.Percentile, p.ThresholdMax = own.Threshold, own.Percentile, own.ThresholdMax
	return p.Request.Validate()
}

// held returns denoise with its images held to the range of pixels, as p says.
func (p *Plan) held(denoise diffusion.Denoiser) (diffusion.Denoiser, error) {
	switch p.Threshold {
	case static:
		return diffusion.Clipped(denoise), nil
	case dynamic:
		return diffusion.Thresholded(denoise, cmp.Or(p.Percentile, 0.995), p.ThresholdMax)
	}
	return denoise, nil
}

func (p *Plan) fillRepaint(inpaint bool) error {
	if !inpaint {
		if p.Resample != nil || p.Jump != nil {
			return fmt.Errorf("engine: resample and jump: found one of them, need neither: only inpainting resamples")
		}
		return nil
	}
	p.repaint = edit.RePaint{Resamplings: or(p.Resample, 1), Jump: or(p.Jump, 0)}
	if err := p.repaint.Validate(*p.Steps); err != nil {
		return fmt.Errorf("engine: resample or jump: %w", err)
	}
	p.NFE = p.repaint.NFE(p.method, p.Options, *p.Steps)
	p.Walk = p.progress(p.repaint.Steps(*p.Steps))
	return nil
}
