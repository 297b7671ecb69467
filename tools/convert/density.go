package main

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/autodiff"
	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/kernel"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/dataset"
)

// subject is a model whose likelihoods are measured, and the pictures.
type subject struct {
	model   *model.Model
	config  model.Config
	chain   *diffusion.Chain // of --bound
	learned bool             // --bound has the variances that the network says
	set     *dataset.Dataset
	class   []int         // of each picture, by the model's numbers, −1 for none
	params  *graph.Params // what is differentiated; nil where differences are taken
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
	switch got := [3]int{set.C, set.H, set.W}; {
	case got != c.Shape:
		return nil, fmt.Errorf("pictures are %v (C, H, W), need the model's %v", got, c.Shape)
	case c.Prediction == model.Consistency:
		return nil, errors.New("it is a consistency function, need a denoiser: only that has a flow and a bound")
	case o.bound && !c.Chained():
		return nil, fmt.Errorf("--bound of a model with prediction %q and no chain of steps, need one trained on a chain (--objective simple, vlb or hybrid) or along a γ (vdm), or no --bound", c.Prediction)
	case o.variance == model.Learned && c.Variance != model.Learned:
		return nil, misused("--variance learned, need small or large: the model has learned none")
	case !o.bound && c.Process != nil && c.Process.Kind == diffusion.KindSMLD && c.Process.LevelCount() < asked:
		return nil, fmt.Errorf("it was trained at %d noise levels and the flow asks for %d, need at least as many: a model of all noise levels, or fewer --steps", c.Process.LevelCount(), asked)
	case !o.bound && !(float32(o.settings.SigmaMin) >= low && float32(o.settings.SigmaMax) <= high && o.settings.SigmaMin < o.settings.SigmaMax):
		return nil, misused("noise levels %g to %g, need a range within the model's [%g, %g]", o.settings.SigmaMin, o.settings.SigmaMax, low, high)
	}
	var err error
	if s.class, err = o.matching(c, set); err != nil {
		return nil, err
	}
	if o.bound {
		s.learned = c.Variance == model.Learned && (o.variance == "" || o.variance == model.Learned)
		s.chain, err = c.Chain()
		return s, err
	}
	if c.Variance != model.Learned && differentiable(m) {
		s.params = m.Params()
		err = m.Err()
	}
	return s, err
}

// differentiable reports whether every operation of the model's network has a derivative.
func differentiable(m *model.Model) bool {
	net := m.Network()
	_, err := autodiff.New(net.Program, net.Out, graph.NewParams(net.Program), 1, kernel.Exact, net.Program.Inputs[0].Value)
	return err == nil
}

// passes returns how many evaluations of the network a product takes; one that is
// differentiated counts once.
func (s *subject) passes() int {
	if s.params == nil {
		return 3
	}
	return 1
}

// worker measures pictures of a subject, in one goroutine.
type worker struct {
	*subject
	class   []int                    // of the pictures that are measured now
	tick    func(pictures int) error // called before each evaluation of so many
	denoise diffusion.Denoiser       // for --bound and differences
	product likelihood.Product
}

// worker returns one that takes up to batch pictures at a time.
func (s *subject) worker(batch int, fast bool) (*worker, error) {
	w := &worker{subject: s}
	if s.params != nil {
		return w, w.differentiate(batch, fast)
	}
	runner, err := s.model.NewRunner(batch, infer.Options{Workers: 1, Fast: fast})
	if err != nil {
		return nil, err
	}
	w.denoise = func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		if err := w.tick(x.Shape[0]); err != nil {
			return nil, err
		}
		denoise := runner.Denoiser(w.class, 1)
		if !s.learned {
			denoise = diffusion.Mean(denoise)
		}
		return denoise(x, sigma)
	}
	w.product = likelihood.Differences(w.denoise)
	return w, nil
}

// differentiate makes the product of a tape of the network.
func (w *worker) differentiate(batch int, fast bool) error {
	mode := kernel.Exact
	if fast {
		mode = kernel.Fast
	}
	net := w.model.Network()
	tape, err := autodiff.New(net.Program, net.Out, w.params, batch, mode, net.Program.Inputs[0].Value)
	if err != nil {
		return err
	}
	p, err := w.config.Parametrisation()
	if err != nil {
		return err
	}
	times, labels := make([]float32, batch), make([]float32, batch)
	network := likelihood.OfTape(tape, batch, func(start, end int, cNoise float32) [][]float32 {
		for i := range end - start {
			times[i] = w.config.Time(cNoise)
			if labels[i] = float32(w.class[start+i]); w.class[start+i] < 0 && w.config.NullClass != nil {
				labels[i] = float32(*w.config.NullClass)
			}
		}
		return [][]float32{times, labels}[:len(net.Program.Inputs)-1]
	})
	product := likelihood.Of(network, p)
	if w.config.UnitPixels {
		product = ofUnit(product)
	}
	w.product = func(x, e *tensor.Tensor, sigma float32) (denoised, along *tensor.Tensor, err error) {
		if err := w.tick(x.Shape[0]); err != nil {
			return nil, nil, err
		}
		return product(x, e, sigma)
	}
	return nil
}

// ofUnit is diffusion.OfUnit of a product: J of D(x;σ) = 2·D′((x+1)/2; σ/2) − 1 is that
// of D′.
func ofUnit(product likelihood.Product) likelihood.Product {
	return func(x, e *tensor.Tensor, sigma float32) (denoised, along *tensor.Tensor, err error) {
		denoised, err = diffusion.OfUnit(func(x *tensor.Tensor, sigma float32) (d *tensor.Tensor, err error) {
			d, along, err = product(x, e, sigma)
			return d, err
		})(x, sigma)
		return denoised, along, err
	}
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
	for _, v := range r.Bits {
		r.Mean += v / n
	}
	if r.N > 1 {
		squares := 0.0
		for _, v := range r.Bits {
			squares += (v - r.Mean) * (v - r.Mean)
		}
		r.Error = new(math.Sqrt(squares / (n - 1) / n))
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
