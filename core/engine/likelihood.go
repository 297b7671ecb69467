package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tweedie/core/diffusion"
	"tweedie/core/likelihood"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Density asks how probable a model finds a picture: by the probability-flow ODE or, with
// Bound, by the variational bound of a chain. It is plain data. A question can be asked in
// parts, of some probes or of some terms.
type Density struct {
	Seed  Seed             `json:"seed"`            // of the places of the pixels in their levels, the directions and the bound's noise
	Class Classes          `json:"class,omitempty"` // of the picture, one; absent means none
	Steps *int             `json:"steps,omitempty"` // of the integration, or levels of the chain; absent means 32, or the model's chain, or 256 levels
	Noise likelihood.Probe `json:"noise,omitempty"` // directions; absent means rademacher
	Bound bool             `json:"bound,omitempty"` // the bound in place of the ODE
	// bound: the variance of a step, small (the posterior's), large (β) or learned; absent
	// means learned if the model has it, else small
	Variance string `json:"variance,omitempty"`
	First    int    `json:"first,omitempty"` // the first probe, or term
	Count    *int   `json:"count,omitempty"` // probes, or terms; absent means 1, or all that follow
}

// Densities is what a model finds, bits a dimension of a picture each.
type Densities struct {
	Bits        []float64 `json:"bits"`             // of every probe an estimate, or of every term: L_0 first, then L_{t−1} of the paper's t = 2 …
	Prior       float64   `json:"prior"`            // bound: L_T
	Sigmas      []float64 `json:"sigmas,omitempty"` // bound: the noise level of every term
	Evaluations int       `json:"evaluations"`      // of the network; one with its derivative counts once
}

// What a Density gets that does not say otherwise.
const (
	flowSteps  = 32
	BoundSteps = 256 // levels of a bound, of a model that has no chain
)

// ParseDensity reads a Density from JSON; an unknown field is an error. The rest
// is the model's to check.
func ParseDensity(data []byte) (Density, error) {
	var d Density
	err := minijson.UnmarshalStrict(data, &d)
	if kind, ok := errors.AsType[*minijson.TypeError](err); ok {
		err = fmt.Errorf("engine: %s: found %s, need %s", cmp.Or(kind.Path, "likelihood"), kind.Found, kind.Need)
	} else if err != nil && !strings.HasPrefix(err.Error(), "engine: ") {
		err = fmt.Errorf("engine: likelihood: %w", err)
	}
	return d, err
}

// inquiry is a Density as an engine answers it.
type inquiry struct {
	Density
	class       int
	chain       *diffusion.Chain // of the bound
	made        bool             // chain is none that the model was trained on
	steps       int
	count       int
	learned     bool
	evaluations int // of the denoiser or of products
}

// inquire fills d in. The error names what the model cannot answer.
func (e *Engine) inquire(d Density) (q inquiry, err error) {
	if e.model == nil {
		return q, errors.New("engine: likelihood: found no model file, need one")
	}
	c := e.model.Config()
	if c.Prediction == model.Consistency {
		return q, errors.New("engine: likelihood: found a consistency function, need a denoiser: only that has a flow and a bound")
	}
	q = inquiry{Density: d}
	class := append(d.Class, none)
	if len(d.Class) > 1 {
		return q, fmt.Errorf("engine: class: found %d, need that of the picture", len(d.Class))
	}
	if q.class, err = class[0].resolve(e.info.Classes, e.info.Unconditional); err != nil {
		return q, err
	}
	if d.Bound {
		err = q.ofBound(e, c.Variance == model.Learned)
	} else {
		err = q.ofFlow(e)
	}
	return q, err
}

// ofFlow fills in what the ODE takes.
func (q *inquiry) ofFlow(e *Engine) error {
	q.steps = or(q.Steps, flowSteps)
	if err := cmp.Or(wholeIn("steps", &q.steps, MaxSteps), e.knows(2*q.steps+1), q.part(1<<16, 1)); err != nil {
		return err
	}
	if q.Noise == likelihood.Exact && q.count != 1 {
		return fmt.Errorf("engine: count: found %d, need 1: %q takes every axis as a direction", q.count, q.Noise)
	}
	q.evaluations = 4 * q.steps * q.count
	if q.Noise == likelihood.Exact {
		q.evaluations *= tensor.Size(e.info.Shape[:])
	}
	return q.settings(e).Validate()
}

// ofBound fills in what the bound takes.
func (q *inquiry) ofBound(e *Engine, learned bool) (err error) {
	q.chain, q.learned = e.info.chain, learned && (q.Variance == "" || q.Variance == model.Learned)
	if !q.learned && !slices.Contains([]string{"", "small", "large"}, q.Variance) {
		return fmt.Errorf("engine: variance: found %q, need \"small\", or \"large\", or \"learned\" of a model that has learned it", q.Variance)
	}
	if q.chain == nil || q.Steps != nil && *q.Steps != q.chain.Steps() {
		q.made = true
		if q.chain, err = LevelsOf(or(q.Steps, BoundSteps), e.info.Sigma); err != nil {
			return err
		}
	}
	T := q.chain.Steps()
	err = cmp.Or(e.knows(T), q.part(T, T-q.First))
	q.evaluations = q.count
	return err
}

// knows returns an error unless the model was trained at so many noise levels.
func (e *Engine) knows(levels int) error {
	if trained := e.info.Levels; trained != 0 && trained < levels {
		return fmt.Errorf("engine: likelihood: found a model of %d noise levels, need one of all levels: %d of them are asked for", trained, levels)
	}
	return nil
}

// part fills in which probes or terms are asked for, of so many that there are.
func (q *inquiry) part(most, absent int) error {
	if q.First < 0 || q.First >= most {
		return fmt.Errorf("engine: first: found %d, need a whole number in [0, %d)", q.First, most)
	}
	q.count = or(q.Count, absent)
	return wholeIn("count", &q.count, most-q.First)
}

// LevelsOf returns the chain of n noise levels over a range, even in ln σ.
func LevelsOf(n int, r SigmaRange) (*diffusion.Chain, error) {
	if n < 2 || n > MaxSteps {
		return nil, fmt.Errorf("engine: steps: found %d, need 2 to %d for a bound", n, MaxSteps)
	}
	low, high := num.Log(float64(r.Min)), num.Log(float64(r.Max))
	sigmas := make([]float64, n)
	for i := range sigmas {
		at := low + float64(float64(i)/float64(n-1)*(high-low))
		sigmas[i] = min(max(num.Exp(at), float64(r.Min)), float64(r.Max))
	}
	return diffusion.ChainAt(sigmas)
}

func (q *inquiry) settings(e *Engine) likelihood.Settings {
	return likelihood.Settings{
		SigmaMin: float64(e.info.Sigma.Min), SigmaMax: float64(e.info.Sigma.Max), Steps: q.steps,
		Probe: q.Noise, Probes: q.count, Skip: q.First, Seed: uint64(q.Seed),
	}
}

// Likelihood answers d about a picture of the model's size. onStep, if not nil, is told
// after each evaluation how many of how many are done. The error says what the model
// cannot answer, is one of the picture, or wraps the cause of ctx.
func (e *Engine) Likelihood(ctx context.Context, d Density, image Picture, onStep func(done, total int)) (Densities, error) {
	var out Densities
	q, err := e.inquire(d)
	if err != nil {
		return out, err
	}
	c, h, w := e.info.Shape[0], e.info.Shape[1], e.info.Shape[2]
	if err := image.check("image", h, w, c); err != nil {
		return out, err
	}
	if e.flow == nil && !d.Bound {
		if e.flow, err = NewFlow(e.model, 1, e.how); err != nil {
			return out, err
		}
	}
	done := 0
	step := func(evaluate func() error) error {
		err := e.chunks(ctx, 1, func(int, int) error { return evaluate() })
		if done++; err == nil && onStep != nil {
			onStep(done, q.evaluations)
		}
		return err
	}
	e.pacer.start()
	out.Evaluations = q.evaluations
	if d.Bound {
		out.Sigmas = q.chain.Sigmas[q.First : q.First+q.count]
		out.Bits, out.Prior, err = q.bound(e, image, step)
	} else {
		out.Bits, err = q.flow(e, image, step)
		out.Evaluations *= e.flow.Evaluations()
	}
	return out, err
}

// flow follows the ODE.
func (q *inquiry) flow(e *Engine, image Picture, step func(func() error) error) (bits []float64, err error) {
	product := e.flow.Product([]int{q.class})
	x := likelihood.Dequantise(image.Data, uint64(q.Seed), 0, 1, image.Height, image.Width, image.Channels)
	found, err := likelihood.LogDensity(func(x, e *tensor.Tensor, sigma float32) (denoised, along *tensor.Tensor, err error) {
		err = step(func() (err error) {
			denoised, along, err = product(x, e, sigma)
			return err
		})
		return denoised, along, err
	}, x, q.settings(e))
	if err != nil {
		return nil, err
	}
	return found[0].Bits(len(image.Data)), nil
}

// bound works out terms of the bound.
func (q *inquiry) bound(e *Engine, image Picture, step func(func() error) error) (bits []float64, prior float64, err error) {
	denoise := e.network.Guided([]int{q.class}, diffusion.Guidance{Scale: 1})
	if !q.learned {
		denoise = diffusion.MeanOnly(denoise)
	}
	x0 := tensor.New(1, image.Height, image.Width, image.Channels)
	for i, v := range image.Data {
		x0.Data[i] = likelihood.Level(v)
	}
	for t := q.First; t < q.First+q.count; t++ {
		err := step(func() error {
			terms, err := likelihood.BoundTerm(denoise, q.chain, x0, t, likelihood.BoundSettings{Large: q.Variance == "large", Begin: q.made, Seed: uint64(q.Seed)})
			if err == nil {
				bits = append(bits, likelihood.BitsOfNats(terms[0], len(image.Data)))
			}
			return err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return bits, likelihood.BitsOfNats(likelihood.PriorTerm(q.chain, x0.Data), len(image.Data)), nil
}
