package engine

import (
	"cmp"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/edit"
	"tweedie/core/sampler"
	"tweedie/core/settings"
	"tweedie/core/unet"
)

// Plan is a request as an engine will carry it out.
type Plan struct {
	Request         // with the numbers of the model filled in: it gives the same images
	NFE     int     `json:"nfe"`    // evaluations D(x;σ) of an image; a guided pair counts once. For an adaptive sampler the least, and in a Result the most that an image took
	Passes  int     `json:"passes"` // evaluations of the network for them: two where guidance needs a pair, counted by the levels at which steps begin
	Work    float64 `json:"work"`   // Passes, plus the gradients of a classifier, in evaluations of the network at the model's size
	Walk    int     `json:"walk"`   // steps of an image with RePaint's repetitions; or evaluations, where a step takes more than ten

	method  sampler.Method
	classes []int // dealt out in turn
	sigmas  []float32
	repaint edit.RePaint

	posterior *diffusion.PosteriorVariance // of the model
	chain     *diffusion.Chain             // of the model, or nil

	Shape [3]int `json:"shape"` // of an image: C, H, W
	flops int64  // of one evaluation of the network
}

// Check returns the plan for r, or the error of Info.Check.
func (e *Engine) Check(r Request, inpaint bool) (Plan, error) { return e.info.Check(r, inpaint) }

// Check returns the plan for r, which is to inpaint or to sample. The error is one of
// Request.Validate, or names a setting that the model cannot take: a *settings.FieldError.
func (i Info) Check(r Request, inpaint bool) (Plan, error) {
	if err := r.Validate(); err != nil {
		return Plan{}, err
	}
	p := Plan{Request: r, posterior: i.posterior, chain: i.chain}
	var err error
	if p.Shape, p.flops, err = i.Sized(r.Size); err != nil {
		return Plan{}, err
	}
	if p.Shape == i.Shape {
		p.Size = 0
	} else if i.autoguided || r.Classifier != 0 {
		return Plan{}, settings.Errorf("size", r.Size.String(), "left out: the model that guides has the size %s", unet.Size{H: i.Shape[1], W: i.Shape[2]})
	}
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

// Work returns the additions and multiplications of one image.
func (i Info) Work(p Plan) float64 {
	return p.Work * float64(i.FLOPs)
}

// gradientCost returns the operations of one gradient of the classifier, divided by those
// of the network.
func (i Info) gradientCost() float64 {
	if i.classifier == nil {
		return 0
	}
	return float64(i.classifier.flops) / float64(i.FLOPs)
}

// WorkAt returns those of one D(x;σ) of one image.
func (i Info) WorkAt(p Plan, sigma float32) float64 {
	g := p.guide()
	return (float64(g.Passes(sigma)) + float64(float64(g.ClassifierPasses(sigma))*i.gradientCost())) * float64(p.flops)
}

// fillPasses counts the evaluations that guidance adds.
func (p *Plan) fillPasses(info Info) error {
	guide, pairs, slopes := p.guide(), 0, 0
	for _, sigma := range p.sigmas[:*p.Steps] {
		pairs += guide.Passes(sigma) - 1
		slopes += guide.ClassifierPasses(sigma)
	}
	share := func(n int) int { return (p.NFE*n + *p.Steps - 1) / *p.Steps }
	p.Passes = p.NFE + share(pairs)
	p.Work = float64(p.Passes) + float64(float64(share(slopes))*info.gradientCost())
	if p.Size != 0 {
		p.Work *= float64(p.flops) / float64(info.FLOPs)
	}
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
	if p.Rho == 0 && p.Shift == 0 {
		p.Kind = cmp.Or(p.Kind, own.Schedule)
	}
	method, err := sampler.Lookup(p.Sampler)
	if err != nil {
		return info.unknownSampler(p.Sampler)
	}
	if !slices.ContainsFunc(info.Samplers, func(m sampler.Method) bool { return m.Name == method.Name }) {
		return unsuited(method, info)
	}
	if p.Shift == 0 && cmp.Or(p.Kind, method.Schedule) == sampler.KindFlow && info.config != nil {
		p.Shift = flowShift(info.config, p.Shape)
	}
	steps, eta := or(p.Steps, info.Defaults.Steps), 0.0
	if method.Eta {
		eta = info.Defaults.Eta
	}
	eta = or(p.Eta, eta)
	p.method, p.Steps, p.Eta = method, &steps, &eta
	if err := p.samplerSettings().Validate(); err != nil {
		return err
	}
	if p.sigmas, err = p.samplerSettings().Sigmas(info.Sigma.Min, info.Sigma.Max, info.chain); err != nil {
		return err
	}
	p.NFE = method.NFE(p.Options, steps, true)
	p.Walk = p.progress(steps)
	return nil
}

// unsuited returns the error for a method that needs what the model lacks.
func unsuited(m sampler.Method, info Info) error {
	lacks := "is not a consistency model"
	switch m.Needs {
	case "":
		lacks = "is a consistency model, not a denoiser"
	case sampler.NeedsVariances:
		lacks = "has not learned variances"
	case sampler.NeedsPosterior:
		lacks = "file holds no posterior variances, which tweedie posterior measures"
	case sampler.NeedsDistilled:
		lacks = "was not distilled for few steps; tweedie convert --sampler " + m.Name + " says that it was"
	}
	return settings.Errorf("sampler", m.Name, "another, such as %s: the model %s", info.Samplers[0].Name, lacks)
}

// unknownSampler returns the error for a name that no sampler has.
func (i Info) unknownSampler(name string) error {
	var names []string
	for _, m := range i.Samplers {
		names = append(names, m.Name)
	}
	return settings.Errorf("sampler", name, "one of %s", settings.List(names, "or"))
}

// refuseInpaint returns the error for a setting of inpainting elsewhere.
func (p *Plan) refuseInpaint() error {
	for _, v := range p.Values() {
		if v.Group == settings.GroupInpaint && v.Given() {
			return settings.Errorf(v.Name, v.Got(), "left out: only inpainting takes it")
		}
	}
	return nil
}

// progress returns Walk for so many steps: evaluations where a step takes very many of
// them, so that a progress bar moves.
func (p *Plan) progress(steps int) int {
	if p.NFE > 10*steps {
		return p.NFE
	}
	return steps
}

// reached returns the number of steps of the schedule that are done, or are the last,
// when the denoiser is called at sigma.
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

// samplerSettings returns what package sampler needs to know of p.
func (p *Plan) samplerSettings() sampler.Settings {
	return sampler.Settings{Method: p.Sampler, Steps: *p.Steps, Eta: *p.Eta, Options: p.Options, Schedule: p.Schedule, Posterior: p.posterior, Chain: p.chain}
}

func (p *Plan) fillClasses(info Info) error {
	if p.Classifier != 0 && info.classifier == nil {
		return settings.Errorf("classifier_guidance", p.Classifier, "0: no classifier is set for the model")
	}
	names := p.Names(info)
	if len(p.Class) == 0 {
		p.classes = eachClass(len(names))
		return nil
	}
	for _, class := range p.Class {
		number, err := class.resolve(names, info.Unconditional || len(info.Classes) == 0)
		if err != nil {
			return err
		}
		if p.Classifier != 0 && number < 0 {
			return settings.Errorf("class", ClassNone, "%s with classifier_guidance above 0; guidance 0 lets the classifier alone follow it", oneOf(names))
		}
		p.classes = append(p.classes, number)
	}
	return nil
}

// eachClass returns 0 to n−1, or −1 alone, which stands for none.
func eachClass(n int) []int {
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
	if guidance != 1 && !info.Unconditional && !info.autoguided {
		lacks := "a null class"
		if len(info.Classes) == 0 {
			lacks = "classes"
		}
		return settings.Errorf("guidance", guidance, "1 for a model without %s", lacks)
	}
	p.Guidance = &guidance
	for _, v := range p.Values() {
		if v.Group == settings.GroupGuidance && v.Given() && guidance == 1 && p.Classifier == 0 {
			return settings.Errorf(v.Name, v.Got(), "left out where guidance is 1 and no classifier guides")
		}
	}
	return p.guide().Validate()
}

// guide returns the guidance of p.
func (p *Plan) guide() diffusion.Guidance {
	return diffusion.Guidance{Scale: *p.Guidance, Classifier: p.Classifier, SigmaMin: p.GuidanceMin, SigmaMax: p.GuidanceMax, Rescale: p.GuidanceRescale}
}

// fillThreshold takes the model's threshold where the request gives none, and checks it:
// it comes from a file.
func (p *Plan) fillThreshold(own Defaults) error {
	if p.Threshold != "" {
		return nil
	}
	p.Threshold, p.Percentile, p.ThresholdMax = own.Threshold, own.Percentile, own.ThresholdMax
	return p.Request.Validate()
}

// thresholded returns denoise with its images kept in the range of pixels, as p says.
func (p *Plan) thresholded(denoise diffusion.Denoiser) (diffusion.Denoiser, error) {
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
		return p.refuseInpaint()
	}
	p.repaint = edit.RePaint{Resamplings: or(p.Resample, 1), Jump: or(p.Jump, 0)}
	if err := p.repaint.Validate(*p.Steps); err != nil {
		return err
	}
	p.NFE = p.repaint.NFE(p.method, p.Options, *p.Steps)
	p.Walk = p.progress(p.repaint.Steps(*p.Steps))
	return nil
}
