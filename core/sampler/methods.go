package sampler

import (
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Settings choose a sampler. They are plain data and travel as JSON.
type Settings struct {
	Method string  `json:"sampler"`       // a Name of Methods
	Steps  int     `json:"steps"`         // 1 to MaxSteps
	Eta    float64 `json:"eta,omitempty"` // noise of a method with Eta: 0 (none) to 1; else 0
	Schedule
}

// Validate names the first field that is out of its range.
func (s Settings) Validate() error {
	if _, err := s.method(); err != nil {
		return err
	}
	if err := checkSteps(s.Steps); err != nil {
		return err
	}
	return s.Schedule.Validate()
}

// method returns what s.Method names, if s.Eta suits it.
func (s Settings) method() (Method, error) {
	m, err := Lookup(s.Method)
	if err != nil {
		return m, err
	}
	if !(s.Eta >= 0 && s.Eta <= 1) {
		return m, fmt.Errorf("sampler: eta is %g, need 0 to 1", s.Eta)
	}
	if s.Eta != 0 && !m.Eta {
		return m, fmt.Errorf("sampler: eta is %g for %q, need 0: it has no eta", s.Eta, m.Name)
	}
	return m, nil
}

// Sigmas returns the noise levels of s for a model that supports [sigmaMin,
// sigmaMax] and has the given chain, nil if it has none: Schedule.Sigmas of
// s.Steps steps.
func (s Settings) Sigmas(sigmaMin, sigmaMax float32, chain *diffusion.Chain) ([]float32, error) {
	return s.Schedule.Sigmas(s.Steps, sigmaMin, sigmaMax, chain)
}

// Method describes one sampler to those who offer a choice of them.
type Method struct {
	Name        string `json:"name"`        // what Settings and the command line say
	Title       string `json:"title"`       // what a page shows
	About       string `json:"about"`       // what it is, in a line
	Noise       bool   `json:"noise"`       // draws fresh noise at every step
	Eta         bool   `json:"eta"`         // has an eta, and draws noise if that is not 0
	Evaluations int    `json:"evaluations"` // calls of the denoiser a step; the step to 0 takes one
	Order       int    `json:"order"`       // of convergence to the ODE's solution; 0 for noisy methods

	run func(s Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error)
}

// NFE returns how often the method calls the denoiser along steps steps, the
// last of which does or does not end in 0.
func (m Method) NFE(steps int, toZero bool) int {
	nfe := steps * m.Evaluations
	if toZero {
		nfe -= m.Evaluations - 1
	}
	return nfe
}

// Methods lists every sampler, the recommended one first. It is read only.
var Methods = []Method{
	{
		Name: "dpmpp2m", Title: "DPM-Solver++ (2M)", About: "Second order at the price of first; the best start at 10 to 30 steps (Lu 2022).",
		Evaluations: 1, Order: 2,
		run: func(_ Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, _ Noise, hook Hook) (*tensor.Tensor, error) {
			return DPMpp2M(denoise, x, sigmas, hook)
		},
	},
	{
		Name: "ddim", Title: "DDIM", About: "First order; deterministic at eta 0, ancestral at eta 1 (Song 2021).",
		Eta: true, Evaluations: 1, Order: 1,
		run: func(s Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
			return DDIM(denoise, x, sigmas, s.Eta, noise, hook)
		},
	},
	{
		Name: "ddpm", Title: "DDPM, small variance", About: "Ancestral sampling with the variance of the posterior; wants many steps (Ho 2020).",
		Noise: true, Evaluations: 1,
		run: func(_ Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
			return DDPM(denoise, x, sigmas, VarianceSmall, noise, hook)
		},
	},
	{
		Name: "ddpm-large", Title: "DDPM, large variance", About: "Ancestral sampling with the variance of the forward step; wants hundreds of steps (Ho 2020).",
		Noise: true, Evaluations: 1,
		run: func(_ Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise Noise, hook Hook) (*tensor.Tensor, error) {
			return DDPM(denoise, x, sigmas, VarianceLarge, noise, hook)
		},
	},
	{
		Name: "heun", Title: "Heun", About: "Second order, two evaluations a step (Karras 2022).",
		Evaluations: 2, Order: 2,
		run: func(_ Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, _ Noise, hook Hook) (*tensor.Tensor, error) {
			return Heun(denoise, x, sigmas, hook)
		},
	},
	{
		Name: "euler", Title: "Euler", About: "First order; the plainest way down the ODE.",
		Evaluations: 1, Order: 1,
		run: func(_ Settings, denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, _ Noise, hook Hook) (*tensor.Tensor, error) {
			return Euler(denoise, x, sigmas, hook)
		},
	},
}

// Lookup returns the method of a name. The error lists the names there are.
func Lookup(name string) (Method, error) {
	names := make([]string, len(Methods))
	for i, m := range Methods {
		if m.Name == name {
			return m, nil
		}
		names[i] = m.Name
	}
	return Method{}, fmt.Errorf("sampler: method is %q, need one of %q", name, names)
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
	return m.run(s, denoise, x, sigmas, noise, hook)
}
