package sampler

import (
	"cmp"
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Settings choose a sampler. They are plain data and travel as JSON.
type Settings struct {
	Method string  `json:"sampler"`       // a Name of Methods or Special
	Steps  int     `json:"steps"`         // 1 to MaxSteps
	Eta    float64 `json:"eta,omitempty"` // noise of a method with Eta: 0 (none) to 1; else 0
	Options
	Schedule

	Posterior *diffusion.PosteriorVariance `json:"-"` // what is known of a model, for a method or schedule that needs it; else not looked at
}

// Validate names the first field that is out of its range, or that the method
// has no use for.
func (s Settings) Validate() error {
	if _, err := s.method(); err != nil {
		return err
	}
	if err := checkSteps(s.Steps); err != nil {
		return err
	}
	if s.Order > s.Steps {
		return fmt.Errorf("sampler: order is %d with %d steps, need at most the steps", s.Order, s.Steps)
	}
	return s.Schedule.Validate()
}

// method returns what s.Method names, if s.Eta and s.Options suit it.
func (s Settings) method() (Method, error) {
	m, err := Lookup(s.Method)
	if err != nil {
		return m, err
	}
	if !(s.Eta >= 0 && s.Eta <= 1) {
		return m, fmt.Errorf("sampler: eta is %g, need 0 to 1", s.Eta)
	}
	if s.Eta != 0 && !m.Eta {
		return m, fmt.Errorf("sampler: eta is %g for %q, need 0: it has no eta, as \"ddim\" has", s.Eta, m.Name)
	}
	if s.Brownian && m.Eta && s.Eta == 0 {
		return m, fmt.Errorf("sampler: brownian is 1 for %q with eta 0, need an eta above 0, or 0: no noise is drawn", m.Name)
	}
	if m.Needs == NeedsPosterior && s.Posterior == nil {
		return m, fmt.Errorf("sampler: no posterior variances for %q, need those of the model, or the method ddpm or ddpm-large", m.Name)
	}
	return m, s.Options.check(&m)
}

// Sigmas returns the noise levels of s for a model that supports [sigmaMin,
// sigmaMax] and has the given chain, nil if it has none: Schedule.Sigmas of
// s.Steps steps, of the method's own kind if s names none. Those of a consistency
// function leave out the lowest one, where there is nothing to do.
func (s Settings) Sigmas(sigmaMin, sigmaMax float32, chain *diffusion.Chain) ([]float32, error) {
	m, _ := Lookup(s.Method) // one that is not known has no say here, and Run refuses it
	s.Kind = cmp.Or(s.Kind, m.Schedule)
	if !m.above {
		return s.Schedule.Sigmas(s.Steps, sigmaMin, sigmaMax, chain, s.Posterior)
	}
	sigmas, err := s.Schedule.Sigmas(s.Steps+1, sigmaMin, sigmaMax, chain, s.Posterior)
	if err != nil {
		return nil, err
	}
	return slices.Delete(sigmas, s.Steps, s.Steps+1), nil
}

// Method describes one sampler to those who offer a choice of them.
type Method struct {
	Name        string   `json:"name"`        // what Settings and the command line say
	Title       string   `json:"title"`       // what a page shows
	About       string   `json:"about"`       // what it is, in a line
	Noise       bool     `json:"noise"`       // draws fresh noise at every step
	Eta         bool     `json:"eta"`         // has an eta, and draws noise if that is not 0
	Adaptive    bool     `json:"adaptive"`    // takes as many steps of its own from level to level as its tolerance asks, the same for a whole batch
	Evaluations int      `json:"evaluations"` // calls of the denoiser a step, at the least, as it comes; the step to 0 takes one
	Order       int      `json:"order"`       // of convergence to the ODE's solution, as it comes; 0 for noisy methods
	Orders      int      `json:"orders"`      // the highest that Options.Order asks for; 0 if there is no choice
	Schedule    string   `json:"schedule"`    // the kind of its Schedule, if Settings name none; "" means karras
	Takes       []string `json:"takes"`       // the Options it has, by their names in JSON
	RTol        float64  `json:"rtol"`        // the relative error of a step that an adaptive method allows by itself, and the absolute; 0 of others
	ATol        float64  `json:"atol"`
	Needs       string   `json:"needs"` // what a model must have for it beside D, "" for a method of Methods

	run    func(r *run) (*tensor.Tensor, error)
	above  bool                           // its levels stay above the lowest of the model
	halves bool                           // a step draws further noise for the first half of its way
	nfe    func(o Options, steps int) int // calls in steps that do not go to 0; nil means Evaluations each
}

// NFE returns how often the method, with options that suit it, calls the denoiser
// along steps steps, the last of which does or does not end in 0. Of an adaptive
// method, which cannot know, it is the least: progress is to be told by the noise
// level there.
func (m Method) NFE(o Options, steps int, toZero bool) int {
	last := 0
	if toZero {
		steps, last = steps-1, 1
	}
	if m.nfe != nil {
		return m.nfe(o, steps) + last
	}
	return steps*m.Evaluations + last
}

// tolerance returns what o allows a step of m.
func (m Method) tolerance(o Options) Tolerance {
	return Tolerance{cmp.Or(o.RTol, m.RTol), cmp.Or(o.ATol, m.ATol)}
}

// order returns the order that o asks of m.
func (m Method) order(o Options) int { return cmp.Or(o.Order, m.Orders) }

// Lookup returns the method of a name. The error lists the names there are.
func Lookup(name string) (Method, error) {
	var names []string
	for _, list := range [][]Method{Methods, Special} {
		for i := range list {
			if list[i].Name == name {
				return list[i], nil
			}
			names = append(names, list[i].Name)
		}
	}
	return Method{}, fmt.Errorf("sampler: method is %q, need one of %q", name, names)
}

// run is what the methods are called with.
type run struct {
	Settings
	order int // what Settings ask for, or the method's own

	tolerance Tolerance // likewise
	denoise   diffusion.Denoiser
	x         *tensor.Tensor
	sigmas    []float32
	noise     Noise
	hook      Hook
}

// Run calls the method that s names. Everything else is as in the methods
// themselves: x is noise of standard deviation sigmas[0] (see Start), left
// unchanged; hook may be nil, and so may noise for a method that draws none.
// sigmas is walked as it is: s.Steps and s.Schedule say how to make it (see
// Settings.Sigmas) and are not looked at here.
//
// The error is one of Settings.Validate or of the method.
func Run(s Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	m, err := s.method()
	if err != nil {
		return nil, err
	}
	if err := Check(sigmas); err != nil {
		return nil, err
	}
	if s.Brownian {
		if err := checkPath(sigmas); err != nil {
			return nil, err
		}
		noise = NewBrownian(noise).alongSteps(sigmas, m.halves)
	}
	if m.Needs != NeedsVariances {
		denoise = diffusion.Mean(denoise)
	}
	return m.run(&run{s, m.order(s.Options), m.tolerance(s.Options), denoise, x, sigmas, noise, hook})
}
