package sampler

import (
	"fmt"
	"math"
	"slices"
)

// Options are what only some methods have. They are plain data and travel as
// JSON; zero leaves the choice to the method, and a method that has not got an
// option refuses any other value (see Method.Takes).
type Options struct {
	Order          int     `json:"order,omitempty"` // of a solver that comes in several: 1 to Method.Orders, at most the steps; 0 means the highest
	BH             int     `json:"bh,omitempty"`    // B(h) of UniPC, 1 or 2; 0 means 2
	Churn                  // of Heun
	Predictor      string  `json:"predictor,omitempty"`       // of PredictorCorrector; "" means reverse-diffusion
	Corrector      string  `json:"corrector,omitempty"`       // of PredictorCorrector; "" means langevin
	CorrectorSteps int     `json:"corrector_steps,omitempty"` // Langevin steps at a noise level, up to 255; 0 means 1, and 100 of annealed Langevin
	SNR            float64 `json:"snr,omitempty"`             // signal-to-noise ratio r of a corrector, up to 10; 0 means 0.16
	Epsilon        float64 `json:"epsilon,omitempty"`         // step of annealed Langevin at the lowest level above 0; 0 means a fifth of its variance
	RTol           float64 `json:"rtol,omitempty"`            // relative error of a step that an adaptive method allows, 1e-6 to 1; 0 means its own
	ATol           float64 `json:"atol,omitempty"`            // absolute error, likewise, in pixel units
	Brownian       bool    `json:"brownian,omitempty"`        // noise is that of one path, whatever the levels: see Brownian
}

// option is one of Options as Validate sees it.
type option struct {
	name  string
	value float64
	need  string // if ok is false
	ok    bool
}

// list returns the options of o for a method.
func (o Options) list(m Method) []option {
	within := func(name string, v, low, most float64) option {
		return option{name, v, fmt.Sprintf("%g to %g", low, most), v == 0 || v >= low && v <= most}
	}
	orders := float64(max(m.Orders, 1))
	all := []option{
		within("order", float64(o.Order), 1, orders),
		within("bh", float64(o.BH), 1, 2),
		within("s_churn", o.S, 0, math.MaxFloat32),
		within("s_tmin", o.Min, 0, math.MaxFloat32),
		within("s_tmax", o.Max, 0, math.MaxFloat32),
		within("s_noise", o.Churn.Noise, 0, 10),
		within("corrector_steps", float64(o.CorrectorSteps), 1, maxInner),
		within("snr", o.SNR, 0, 10),
		within("epsilon", o.Epsilon, 0, math.MaxFloat32),
		within("rtol", o.RTol, 1e-6, 1),
		within("atol", o.ATol, 1e-6, 1),
	}
	if o.Brownian {
		all = append(all, option{"brownian", 1, "", true})
	}
	return all
}

// check returns an error unless m has every option that is given, in its range.
func (o Options) check(m Method) error {
	for _, f := range o.list(m) {
		switch {
		case f.value == 0 || f.ok && slices.Contains(m.Takes, f.name):
		case !slices.Contains(m.Takes, f.name):
			return fmt.Errorf("sampler: %s is %g for %q, need 0: it has no %[1]s", f.name, f.value, m.Name)
		default:
			return fmt.Errorf("sampler: %s is %g for %q, need %s", f.name, f.value, m.Name, f.need)
		}
	}
	for _, f := range []struct {
		name, value string
		known       []string
	}{{"predictor", o.Predictor, Predictors}, {"corrector", o.Corrector, Correctors}} {
		switch {
		case f.value == "":
		case !slices.Contains(m.Takes, f.name):
			return fmt.Errorf("sampler: %s is %q for %q, need none: it has no %[1]s", f.name, f.value, m.Name)
		case !slices.Contains(f.known, f.value):
			return fmt.Errorf("sampler: %s is %q, need one of %q", f.name, f.value, f.known)
		}
	}
	if o.Corrector == CorrectorNone && o.CorrectorSteps+int(math.Ceil(o.SNR)) > 0 {
		return fmt.Errorf("sampler: corrector_steps is %d and snr %g with corrector %q, need neither", o.CorrectorSteps, o.SNR, o.Corrector)
	}
	return nil
}
