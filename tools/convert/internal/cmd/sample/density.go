package sample

import (
	"cmp"
	"errors"
	"fmt"

	"tweedie/core/dataset"
	"tweedie/core/diffusion"
	"tweedie/core/engine"
	"tweedie/core/infer"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/flags"
)

// subject is a model whose likelihoods are measured, and the pictures.
type subject struct {
	model   *model.Model
	config  model.Config
	chain   *diffusion.Chain // of --bound
	made    bool             // chain is none that the model was trained on
	learned bool             // --bound has the variances that the network says
	set     *dataset.Dataset
	class   []int // of each picture, by the model's numbers, −1 for none
	passes  int   // evaluations of the network that a product takes; one that is differentiated counts once
}

// subject checks that a model suits the pictures and what is asked of it. It fills in
// the noise levels.
func (o *likelihoods) subject(m *model.Model, set *dataset.Dataset) (*subject, error) {
	s := &subject{model: m, config: m.Config(), set: set}
	c := &s.config
	low, high := c.SigmaRange()
	if o.settings.SigmaMin == 0 {
		o.settings.SigmaMin = float64(low)
	}
	if o.settings.SigmaMax == 0 {
		o.settings.SigmaMax = float64(high)
	}
	asked := 2*o.settings.Steps + 1 // noise levels: the ends of the steps and their middles
	if o.bound {
		var err error
		s.made = !c.HasChain() || o.levels != 0
		if s.chain, err = o.chainOf(c); err != nil {
			return nil, err
		}
		asked = s.chain.Steps()
	}
	switch got := [3]int{set.C, set.H, set.W}; {
	case got != c.Shape:
		return nil, fmt.Errorf("pictures are %v (C, H, W), need the model's %v", got, c.Shape)
	case c.Prediction == model.Consistency:
		return nil, errors.New("it is a consistency function, need a denoiser: only that has a flow and a bound")
	case o.variance == model.Learned && c.Variance != model.Learned:
		return nil, flags.Misused("--variance learned, need small or large: the model has learned none")
	case c.Process != nil && c.Process.Kind == diffusion.KindSMLD && c.Process.LevelCount() < asked:
		return nil, fmt.Errorf("it was trained at %d noise levels and %d are asked for, need at least as many: a model of all noise levels, or fewer --steps", c.Process.LevelCount(), asked)
	case !o.bound && !(float32(o.settings.SigmaMin) >= low && float32(o.settings.SigmaMax) <= high && o.settings.SigmaMin < o.settings.SigmaMax):
		return nil, flags.Misused("noise levels %g to %g, need a range within the model's [%g, %g]", o.settings.SigmaMin, o.settings.SigmaMax, low, high)
	}
	var err error
	if s.class, err = o.matching(c, set); err != nil {
		return nil, err
	}
	if o.bound {
		s.learned = c.Variance == model.Learned && (o.variance == "" || o.variance == model.Learned)
		return s, nil
	}
	f, err := engine.NewDenoiserJVP(m, 1, infer.Options{})
	if err != nil {
		return nil, err
	}
	s.passes = f.Evaluations()
	return s, nil
}

// chainOf returns the chain of --bound: the model's own, or one of as many levels as were
// asked for.
func (o *likelihoods) chainOf(c *model.Config) (*diffusion.Chain, error) {
	if c.HasChain() && o.levels == 0 {
		return c.Chain()
	}
	low, high := c.SigmaRange()
	return engine.LevelsOf(cmp.Or(o.levels, engine.BoundSteps), engine.SigmaRange{Min: low, Max: high})
}

// worker measures pictures of a subject, in one goroutine.
type worker struct {
	*subject
	class  []int                    // of the pictures that are measured now
	tick   func(pictures int) error // called before each evaluation of so many
	runner *model.Runner            // of --bound
	flow   *engine.DenoiserJVP      // of the ODE
}

// worker returns one that takes up to batch pictures at a time.
func (s *subject) worker(batch int, fast bool) (w *worker, err error) {
	w = &worker{subject: s}
	how := infer.Options{Workers: 1, Fast: fast}
	if s.chain != nil {
		w.runner, err = s.model.NewRunner(batch, how)
	} else {
		w.flow, err = engine.NewDenoiserJVP(s.model, batch, how)
	}
	return w, err
}

// denoise is D(x;σ) of the pictures.
func (w *worker) denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	if err := w.tick(x.Shape[0]); err != nil {
		return nil, err
	}
	denoise := w.runner.Denoiser(w.class, 1)
	if !w.learned {
		denoise = diffusion.MeanOnly(denoise)
	}
	return denoise(x, sigma)
}

// product is that with its derivative along e.
func (w *worker) product(x, e *tensor.Tensor, sigma float32) (denoised, along *tensor.Tensor, err error) {
	if err := w.tick(x.Shape[0] * w.passes); err != nil {
		return nil, nil, err
	}
	return w.flow.Product(w.class)(x, e, sigma)
}

// measured is what likelihood prints.
type measured struct {
	Model         string               `json:"model"`
	N             int                  `json:"n"`
	Split         string               `json:"split"`
	Unconditional bool                 `json:"unconditional,omitempty"`
	Settings      *likelihood.Settings `json:"settings,omitempty"`   // of the ODE
	Dequantise    int                  `json:"dequantise,omitempty"` //
	Evaluations   int                  `json:"evaluations"`          // of the network, a picture
	Mean          float64              `json:"bits_per_dim"`
	Error         *float64             `json:"standard_error,omitempty"` // of the mean over pictures; absent for one
	Bound         *boundTerms          `json:"bound,omitempty"`
	Bits          []float64            `json:"bits"` // per dimension, of each picture

	terms []likelihood.Terms // of --bound, a picture
}

// boundTerms are the means of a bound's terms, in bits per dimension.
type boundTerms struct {
	Prior float64   `json:"prior"` // L_T
	Steps []float64 `json:"steps"` // L_{t−1} for the paper's t = 2 … T
	Data  float64   `json:"data"`  // L_0
}

// sum fills in the means of what was measured of each picture.
func (r *measured) sum() {
	n := float64(r.N)
	var off float64
	if r.Mean, off = likelihood.Mean(r.Bits); r.N > 1 {
		r.Error = &off
	}
	if r.Settings != nil {
		return
	}
	r.Bound = &boundTerms{Steps: make([]float64, len(r.terms[0].Steps))}
	for i, t := range r.terms {
		bits := r.Bits[i] / t.Total() / n // of a nat
		r.Bound.Prior += bits * t.Prior
		r.Bound.Data += bits * t.Data
		for j, v := range t.Steps {
			r.Bound.Steps[j] += bits * v
		}
	}
}

// stretch is what some steps of a chain add to the bound.
type stretch struct {
	from, to int // the paper's t
	bits     float64
}

// parts returns the terms of the steps summed over five stretches, or as many as there are.
func (b *boundTerms) parts() (out []stretch) {
	n := len(b.Steps)
	for i := range min(5, n) {
		from, to := i*n/min(5, n), (i+1)*n/min(5, n)
		part := stretch{from: from + 2, to: to + 1}
		for _, v := range b.Steps[from:to] {
			part.bits += v
		}
		out = append(out, part)
	}
	return out
}
