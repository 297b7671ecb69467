package engine

import (
	"cmp"
	"context"
	"errors"

	"tweedie/core/diffusion"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/num"
	"tweedie/core/settings"
	"tweedie/core/tensor"
)

// LikelihoodRequest asks how likely a model finds a picture: by the probability-flow
// ODE or, with Bound, by the variational bound of a chain. It is plain data. It can be
// answered in parts, of some probes or of some terms.
type LikelihoodRequest struct {
	Seed     Seed             `json:"seed"`               // of the dequantization, the directions and the bound's noise
	Class    Classes          `json:"class,omitempty"`    // of the picture, one; empty means none
	Steps    *int             `json:"steps,omitempty"`    // of the integration, or levels of the chain; nil means 32, or the model's chain, or 256 levels
	Noise    likelihood.Probe `json:"noise,omitempty"`    // distribution of the directions; "" means rademacher
	Bound    bool             `json:"bound,omitempty"`    // the bound instead of the ODE
	Variance string           `json:"variance,omitempty"` // bound: of a step, "small" (the posterior's), "large" (β) or "learned"; "" means learned if the model has it, else small
	First    int              `json:"first,omitempty"`    // the first probe, or term
	Count    *int             `json:"count,omitempty"`    // probes, or terms; nil means 1, or all that follow

	Index    uint64  `json:"-"` // of the picture among others with the same seed: its noise is that of (Seed, Index)
	SigmaMin float64 `json:"-"` // ODE: noise level at which a picture counts as data; 0 means the model's lowest
	SigmaMax float64 `json:"-"` // ODE: noise level at which it counts as noise; 0 means the model's highest
}

// LikelihoodResult is what a model finds, in bits per dimension of a picture.
type LikelihoodResult struct {
	Bits        []float64 `json:"bits"`             // an estimate for every probe, or every term: L_0 first, then L_{t−1} of the paper's t = 2 …
	Prior       float64   `json:"prior"`            // bound: L_T
	Sigmas      []float64 `json:"sigmas,omitempty"` // bound: the noise level of every term
	Evaluations int       `json:"evaluations"`      // of the network; one with its derivative counts once
}

// Defaults of a LikelihoodRequest.
const (
	ODESteps   = 32  // steps of the integration
	BoundSteps = 256 // levels of a bound, for a model without a chain
)

// Values describes every setting of r, and holds it.
func (r *LikelihoodRequest) Values() []settings.Value {
	const run = settings.GroupRun
	return []settings.Value{
		{Setting: settings.Setting{Name: "seed", Group: run, Kind: settings.Seed, Title: "Seed", Help: "Seed of the dequantization, of the directions and of the bound’s noise.", Default: "0"}, To: &r.Seed},
		{Setting: settings.Setting{Name: "class", Group: run, Kind: settings.Classes, Title: "Class", Help: "Class of the picture.", Default: ClassNone}, To: &r.Class},
		{Setting: settings.Setting{Name: "steps", Group: run, Kind: settings.Whole, Title: "Steps", Help: "Steps of the integration, or noise levels of the bound.", Default: "32, or of a bound the model’s chain or 256", Min: 1, Max: MaxSteps}, To: &r.Steps},
		{Setting: settings.Setting{Name: "noise", Group: run, Kind: settings.Choice, Title: "Directions", Help: "Distribution of the directions; exact takes every axis instead.", Default: string(likelihood.Rademacher), Choices: []string{string(likelihood.Rademacher), string(likelihood.Gaussian), string(likelihood.Exact)}}, To: (*string)(&r.Noise)},
		{Setting: settings.Setting{Name: "bound", Group: run, Kind: settings.Switch, Title: "Bound", Help: "Computes the variational bound instead of integrating the ODE.", Default: "0"}, To: &r.Bound},
		{Setting: settings.Setting{Name: "variance", Group: run, Kind: settings.Choice, Title: "Variance", Help: "Variance of a step of the bound.", Default: "learned where the model has learned it, else small", Choices: []string{"small", "large", model.Learned}, Only: "bound=1"}, To: &r.Variance},
		{Setting: settings.Setting{Name: "first", Group: run, Kind: settings.Whole, Title: "First", Help: "The first direction, or term of the bound.", Default: "0", Max: maxProbes}, To: &r.First},
		{Setting: settings.Setting{Name: "count", Group: run, Kind: settings.Whole, Title: "Count", Help: "Number of directions, or of terms of the bound.", Default: "1, or of a bound all terms", Min: 1, Max: maxProbes}, To: &r.Count},
	}
}

// ParseLikelihood reads a LikelihoodRequest from JSON. The error is a
// *settings.FieldError where a setting is at fault. What depends on the model is
// checked by Likelihood.
func ParseLikelihood(data []byte) (LikelihoodRequest, error) {
	var r LikelihoodRequest
	if err := settings.Read(data, r.Values()); err != nil {
		return LikelihoodRequest{}, requestError(err)
	}
	return r, nil
}

// maxProbes bounds the directions of a request.
const maxProbes = 1 << 16

// likelihoodPlan is a LikelihoodRequest as an engine carries it out.
type likelihoodPlan struct {
	LikelihoodRequest
	class       int
	chain       *diffusion.Chain // of the bound
	made        bool             // chain is not the one that the model was trained on
	steps       int
	count       int
	learned     bool
	evaluations int // of the denoiser or of its product with a direction
}

// planLikelihood fills r in. The error names what the model cannot do.
func (e *Engine) planLikelihood(r LikelihoodRequest) (p likelihoodPlan, err error) {
	if e.model == nil {
		return p, errors.New("engine: likelihood needs an engine that was opened from a model file")
	}
	c := e.model.Config()
	if c.Prediction == model.Consistency {
		return p, errors.New("engine: likelihood needs a denoiser: a consistency model has no probability-flow ODE and no bound")
	}
	if err := settings.Check(r.Values()); err != nil {
		return p, err
	}
	p = likelihoodPlan{LikelihoodRequest: r}
	class := append(r.Class, ClassNone)
	if len(r.Class) > 1 {
		return p, settings.Errorf("class", r.Class.String(), "one class, that of the picture")
	}
	if p.class, err = class[0].resolve(e.info.Classes, e.info.Unconditional); err != nil {
		return p, err
	}
	if r.Bound {
		err = p.planBound(e, c.Variance == model.Learned)
	} else {
		err = p.planODE(e)
	}
	return p, err
}

// planODE fills in what the ODE needs.
func (p *likelihoodPlan) planODE(e *Engine) error {
	p.steps = or(p.Steps, ODESteps)
	if err := cmp.Or(e.trainedAt(2*p.steps+1, p.steps), p.part(maxProbes, 1)); err != nil {
		return err
	}
	if p.Noise == likelihood.Exact && p.count != 1 {
		return settings.Errorf("count", p.count, "1 with noise %s, which takes every axis as a direction", p.Noise)
	}
	low, high := float64(e.info.Sigma.Min), float64(e.info.Sigma.Max)
	p.SigmaMin, p.SigmaMax = cmp.Or(p.SigmaMin, low), cmp.Or(p.SigmaMax, high)
	if !(float32(p.SigmaMin) >= e.info.Sigma.Min && p.SigmaMin < high) {
		return settings.Errorf("sigma_min", p.SigmaMin, "from %g to below %g, the noise levels of the model", low, high)
	}
	if !(float32(p.SigmaMax) <= e.info.Sigma.Max && p.SigmaMax > p.SigmaMin) {
		return settings.Errorf("sigma_max", p.SigmaMax, "above %g and at most %g, the noise levels of the model", p.SigmaMin, high)
	}
	p.evaluations = 4 * p.steps * p.count
	if p.Noise == likelihood.Exact {
		p.evaluations *= tensor.Size(e.info.Shape[:])
	}
	return p.settings().Validate()
}

// planBound fills in what the bound needs.
func (p *likelihoodPlan) planBound(e *Engine, learned bool) (err error) {
	p.chain, p.learned = e.info.chain, learned && (p.Variance == "" || p.Variance == model.Learned)
	if p.Variance == model.Learned && !learned {
		return settings.Errorf("variance", p.Variance, "small or large: the model has not learned variances")
	}
	if p.chain == nil || p.Steps != nil && *p.Steps != p.chain.Steps() {
		p.made = true
		if p.chain, err = LevelsOf(or(p.Steps, BoundSteps), e.info.Sigma); err != nil {
			return err
		}
	}
	T := p.chain.Steps()
	err = cmp.Or(e.trainedAt(T, T), p.part(T, T-p.First))
	p.evaluations = p.count
	return err
}

// trainedAt returns an error unless the model was trained at so many noise levels, which
// the steps need.
func (e *Engine) trainedAt(levels, steps int) error {
	if trained := e.info.Levels; trained != 0 && trained < levels {
		return settings.Errorf("steps", steps, "fewer: they need %d noise levels, and the model was trained at %d", levels, trained)
	}
	return nil
}

// part fills in which probes or terms are computed: of total, and so many where the
// request does not say.
func (p *likelihoodPlan) part(total, absent int) error {
	if p.First < 0 || p.First >= total {
		return settings.Errorf("first", p.First, "a whole number from 0 to %d", total-1)
	}
	p.count = or(p.Count, absent)
	if p.count < 1 || p.count > total-p.First {
		return settings.Errorf("count", p.count, "a whole number from 1 to %d", total-p.First)
	}
	return nil
}

// LevelsOf returns the chain of n noise levels over a range, evenly spaced in ln σ.
func LevelsOf(n int, r SigmaRange) (*diffusion.Chain, error) {
	if n < 2 || n > MaxSteps {
		return nil, settings.Errorf("steps", n, "a whole number from 2 to %d for a bound", MaxSteps)
	}
	low, high := num.Log(float64(r.Min)), num.Log(float64(r.Max))
	sigmas := make([]float64, n)
	for i := range sigmas {
		at := low + float64(float64(i)/float64(n-1)*(high-low))
		sigmas[i] = min(max(num.Exp(at), float64(r.Min)), float64(r.Max))
	}
	return diffusion.ChainAt(sigmas)
}

func (p *likelihoodPlan) settings() likelihood.Settings {
	return likelihood.Settings{
		SigmaMin: p.SigmaMin, SigmaMax: p.SigmaMax, Steps: p.steps,
		Probe: p.Noise, Probes: p.count, Skip: p.First, Seed: uint64(p.Seed), First: p.Index,
	}
}

// Likelihood answers r for a picture of the model's size, or of another one that the network
// allows. onStep, if not nil, is called after each evaluation with the number done and the
// total. The error names what the model cannot do, is one of the picture, or wraps the cause
// of ctx.
func (e *Engine) Likelihood(ctx context.Context, r LikelihoodRequest, image Picture, onStep func(done, total int)) (LikelihoodResult, error) {
	var out LikelihoodResult
	e, err := e.sized(e.info.fitted(0, image))
	if err != nil {
		return out, err
	}
	p, err := e.planLikelihood(r)
	if err != nil {
		return out, err
	}
	c, h, w := e.info.Shape[0], e.info.Shape[1], e.info.Shape[2]
	if err := image.check("image", h, w, c); err != nil {
		return out, err
	}
	if e.jvp == nil && !r.Bound {
		if e.jvp, err = NewDenoiserJVP(e.model, 1, e.how); err != nil {
			return out, err
		}
	}
	done := 0
	step := func(evaluate func() error) error {
		err := e.chunks(ctx, 1, func(int, int) error { return evaluate() })
		if done++; err == nil && onStep != nil {
			onStep(done, p.evaluations)
		}
		return err
	}
	e.pacer.start()
	out.Evaluations = p.evaluations
	if r.Bound {
		out.Sigmas = p.chain.Sigmas[p.First : p.First+p.count]
		out.Bits, out.Prior, err = p.bound(e, image, step)
	} else {
		out.Bits, err = p.integrate(e, image, step)
		out.Evaluations *= e.jvp.Evaluations()
	}
	return out, err
}

// integrate follows the ODE.
func (p *likelihoodPlan) integrate(e *Engine, image Picture, step func(func() error) error) (bits []float64, err error) {
	product := e.jvp.Product([]int{p.class})
	x := likelihood.Dequantize(image.Data, uint64(p.Seed), p.Index, 1, image.Height, image.Width, image.Channels)
	found, err := likelihood.LogDensity(func(x, e *tensor.Tensor, sigma float32) (denoised, along *tensor.Tensor, err error) {
		err = step(func() (err error) {
			denoised, along, err = product(x, e, sigma)
			return err
		})
		return denoised, along, err
	}, x, p.settings())
	if err != nil {
		return nil, err
	}
	return found[0].Bits(len(image.Data)), nil
}

// bound computes terms of the bound.
func (p *likelihoodPlan) bound(e *Engine, image Picture, step func(func() error) error) (bits []float64, prior float64, err error) {
	denoise := e.network.Guided([]int{p.class}, diffusion.Guidance{Scale: 1})
	if !p.learned {
		denoise = diffusion.MeanOnly(denoise)
	}
	x0 := tensor.New(1, image.Height, image.Width, image.Channels)
	for i, v := range image.Data {
		x0.Data[i] = likelihood.Level(v)
	}
	for t := p.First; t < p.First+p.count; t++ {
		err := step(func() error {
			terms, err := likelihood.BoundTerm(denoise, p.chain, x0, t, likelihood.BoundSettings{Large: p.Variance == "large", FirstBeta: p.made, Seed: uint64(p.Seed), First: p.Index})
			if err == nil {
				bits = append(bits, likelihood.NatsToBits(terms[0], len(image.Data)))
			}
			return err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return bits, likelihood.NatsToBits(likelihood.PriorTerm(p.chain, x0.Data), len(image.Data)), nil
}
