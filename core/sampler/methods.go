package sampler

import (
	"cmp"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/settings"
	"tweedie/core/tensor"
)

// Settings choose a sampler. They are plain data and travel as JSON.
type Settings struct {
	Method string  `json:"sampler"`       // a Name of Methods or Special
	Steps  int     `json:"steps"`         // 1 to MaxSteps
	Eta    float64 `json:"eta,omitempty"` // noise of a method with Eta: 0 (none) to 1; else 0
	Options
	Schedule

	Posterior *diffusion.PosteriorVariance `json:"-"` // the model's measured posterior variances, for methods and schedules that need them
	Chain     *diffusion.Chain             `json:"-"` // the model's chain, or nil; for tcd
}

// Validate returns an error that names the first field that is out of range, or that
// the method does not have.
func (s Settings) Validate() error {
	m, err := s.method()
	if err != nil {
		return err
	}
	if err := checkSteps(s.Steps); err != nil {
		return err
	}
	if m.Adaptive && s.Steps == 1 { // it would be a step to 0 from the highest level: D, a blurred mean
		return settings.Errorf("steps", s.Steps, "at least 2 with sampler %s, which chooses its own steps between the first and the last noise level above 0", m.Name)
	}
	if s.Order > s.Steps {
		return settings.Errorf("order", s.Order, "at most the number of steps, %d", s.Steps)
	}
	return s.Schedule.Validate()
}

// method returns the method that s names, or an error if s.Eta or s.Options are
// invalid for it.
func (s Settings) method() (Method, error) {
	m, err := Lookup(s.Method)
	if err != nil {
		return m, err
	}
	if !(s.Eta >= 0 && s.Eta <= 1) {
		return m, settings.Errorf("eta", s.Eta, "a number from 0 to 1")
	}
	if s.Eta != 0 && !m.Eta {
		return m, settings.Errorf("eta", s.Eta, "0 with sampler %s: only ddim takes it", m.Name)
	}
	if s.Brownian && m.Eta && s.Eta == 0 {
		return m, settings.Errorf("brownian", 1, "left out with eta 0, where sampler %s draws no noise", m.Name)
	}
	if m.Needs == NeedsPosterior && s.Posterior == nil {
		return m, settings.Errorf("sampler", m.Name, "another, such as ddpm: the model file holds no posterior variances, which tweedie posterior measures")
	}
	return m, s.Options.check(&m)
}

// Sigmas returns the noise levels of s for a model that supports [sigmaMin,
// sigmaMax]; chain is the model's chain, or nil if it has none. They are
// Schedule.Sigmas of s.Steps steps, with the method's default kind if s names none.
// For a consistency function they leave out sigmaMin, where the function is the
// identity.
func (s Settings) Sigmas(sigmaMin, sigmaMax float32, chain *diffusion.Chain) ([]float32, error) {
	m, _ := Lookup(s.Method) // Run rejects an unknown method
	s.Kind = cmp.Or(s.Kind, m.Schedule, KindKarras)
	if !m.dropsLowest {
		return s.Schedule.Sigmas(s.Steps, sigmaMin, sigmaMax, chain, s.Posterior)
	}
	sigmas, err := s.Schedule.Sigmas(s.Steps+1, sigmaMin, sigmaMax, chain, s.Posterior)
	if err != nil {
		return nil, err
	}
	return slices.Delete(sigmas, s.Steps, s.Steps+1), nil
}

// Method describes a sampler, for a page or a command line that offers a choice.
type Method struct {
	Name        string   `json:"name"`        // its name in Settings and on the command line
	Title       string   `json:"title"`       // its name on a page
	About       string   `json:"about"`       // a description in one line
	Noise       bool     `json:"noise"`       // it draws fresh noise at every step
	Eta         bool     `json:"eta"`         // it has an eta, and draws noise unless that is 0
	Adaptive    bool     `json:"adaptive"`    // between two levels it chooses its own steps to meet a tolerance, the same for the whole batch
	Evaluations int      `json:"evaluations"` // fewest calls of the denoiser a step with default options; the step to 0 takes one
	Order       int      `json:"order"`       // order of convergence to the ODE's solution with default options; 0 for stochastic methods
	Orders      int      `json:"orders"`      // highest allowed Options.Order, the default; 0 if there is no choice
	FewSteps    int      `json:"few_steps"`   // in fewer steps than these the default is FewOrder, which is closer to the ODE's solution there; 0: in none
	FewOrder    int      `json:"few_order"`
	Schedule    string   `json:"schedule"` // default kind of Schedule; "" means karras
	Takes       []string `json:"takes"`    // the Options it has, by their JSON names
	RTol        float64  `json:"rtol"`     // default relative tolerance of an adaptive method; 0 for others
	ATol        float64  `json:"atol"`     // default absolute tolerance of an adaptive method; 0 for others
	Needs       string   `json:"needs"`    // what it needs of a model beyond D; "" for the methods in Methods

	run         func(r *run) (*tensor.Tensor, error)
	gammaMin    float64 // range of Options.Gamma; a lowest of 0 is excluded
	gammaMax    float64
	dropsLowest bool                           // its levels do not include the model's lowest
	halfSteps   bool                           // a step draws separate noise for its first half
	nfe         func(o Options, steps int) int // calls in steps that do not go to 0; nil means Evaluations each
}

// NFE returns how often the method calls the denoiser in steps steps; toZero says
// whether the last one goes to 0. o must be valid for the method. For an adaptive
// method it is a lower bound: show progress by the noise level instead.
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

// tolerance returns the tolerance of o, or the default of m.
func (m Method) tolerance(o Options) Tolerance {
	return Tolerance{cmp.Or(o.RTol, m.RTol), cmp.Or(o.ATol, m.ATol)}
}

// order returns the order of o, or the default of m in a schedule of so many steps.
func (m Method) order(o Options, steps int) int {
	if steps < m.FewSteps {
		return cmp.Or(o.Order, m.FewOrder)
	}
	return cmp.Or(o.Order, m.Orders)
}

// Lookup returns the method with a name. The error lists the known names.
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
	return Method{}, settings.Errorf("sampler", name, "one of %s", settings.List(names, "or"))
}

// run holds the arguments of a method.
type run struct {
	Settings
	order     int       // of Settings, or the method's default
	whole     []float32 // the whole schedule, of which sigmas is all or a stretch
	tolerance Tolerance // of Settings, or the method's default
	denoise   diffusion.Denoiser
	x         *tensor.Tensor
	sigmas    []float32
	noise     Noise
	hook      Hook
}

// Run calls the method that s names. The other arguments are those of the methods:
// x is noise of standard deviation sigmas[0] (see Start) and is left unchanged; hook
// may be nil, and so may noise for a method that draws none. Run uses sigmas as given
// and ignores s.Steps and s.Schedule, from which Settings.Sigmas computes it.
//
// The error is one of Settings.Validate or of the method.
func Run(s Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	return RunStretch(s, sigmas, denoise, x, sigmas, noise, hook)
}

// RunStretch is Run for a stretch of the schedule whole, as RePaint walks it. Settings mean
// the same in every stretch: churn is divided by the steps of the whole schedule and reaches up
// to its highest level, the step size of annealed Langevin is that at its lowest level, and its
// number of steps chooses a default order. Multistep methods begin with low orders in every
// stretch, since noise was added before it, and a Brownian path is one of the stretch.
func RunStretch(s Settings, whole []float32, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
	m, err := s.method()
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(Check(sigmas), Check(whole)); err != nil {
		return nil, err
	}
	if denoise, err = checked(denoise, x, true); err != nil {
		return nil, err
	}
	if s.Brownian {
		if err := checkPath(sigmas); err != nil {
			return nil, err
		}
		if noise, err = noise.checked(x); err != nil {
			return nil, err
		}
		noise = NewBrownian(noise).stepNoise(sigmas, m.halfSteps)
	}
	if m.Needs != NeedsVariances {
		denoise = diffusion.MeanOnly(denoise)
	}
	return m.run(&run{s, m.order(s.Options, len(whole)-1), whole, m.tolerance(s.Options), denoise, x, sigmas, noise, hook})
}
