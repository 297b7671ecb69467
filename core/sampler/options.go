package sampler

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Options are settings that only some methods have. They are plain data and travel
// as JSON. Zero means the method's default; a method rejects any other value of an
// option that it does not have (see Method.Takes).
type Options struct {
	Order          int     `json:"order,omitempty"` // order of the solver: 1 to Method.Orders, at most the number of steps; 0 means the highest
	BH             int     `json:"bh,omitempty"`    // UniPC's B(h), 1 or 2; 0 means 2
	Churn                  // Heun's stochasticity
	Predictor      string  `json:"predictor,omitempty"`       // PredictorCorrector's predictor; "" means reverse-diffusion
	Corrector      string  `json:"corrector,omitempty"`       // PredictorCorrector's corrector; "" means langevin
	CorrectorSteps int     `json:"corrector_steps,omitempty"` // Langevin steps at a noise level, up to 255; 0 means 1, or 100 for annealed Langevin
	SNR            float64 `json:"snr,omitempty"`             // signal-to-noise ratio r of a corrector, up to 10; 0 means 0.16
	Epsilon        float64 `json:"epsilon,omitempty"`         // step size of annealed Langevin at the lowest level above 0; 0 means a fifth of the level's variance
	RTol           float64 `json:"rtol,omitempty"`            // relative error that an adaptive method allows in a step, 1e-6 to 1; 0 means the method's default
	ATol           float64 `json:"atol,omitempty"`            // absolute error that an adaptive method allows in a step, in pixel units; as RTol
	Brownian       bool    `json:"brownian,omitempty"`        // take noise from one Brownian path, independent of the number of steps: see Brownian
}

// optionRange is the range of a numeric option; 0, the default, is always allowed.
type optionRange struct {
	name      string
	low, high float64
}

// optionRanges are the ranges of Options.numbers, in the same order. The upper end
// for order is Method.Orders.
var optionRanges = [...]optionRange{
	{"order", 1, 0}, {"bh", 1, 2},
	{"s_churn", 0, math.MaxFloat32}, {"s_tmin", 0, math.MaxFloat32}, {"s_tmax", 0, math.MaxFloat32}, {"s_noise", 0, 10},
	{"corrector_steps", 1, maxInner}, {"snr", 0, 10}, {"epsilon", 0, math.MaxFloat32},
	{"rtol", 1e-6, 1}, {"atol", 1e-6, 1}, {"brownian", 0, 1},
}

func (o *Options) numbers() []float64 {
	brownian := 0.0
	if o.Brownian {
		brownian = 1
	}
	return []float64{float64(o.Order), float64(o.BH), o.S, o.Min, o.Max, o.Churn.Noise,
		float64(o.CorrectorSteps), o.SNR, o.Epsilon, o.RTol, o.ATol, brownian}
}

// firstWith returns the name of the first method that takes an option.
func firstWith(option string) string {
	i := slices.IndexFunc(Methods, func(m Method) bool { return slices.Contains(m.Takes, option) })
	return Methods[i].Name
}

// check returns an error unless m takes every option that is set, and every value is
// in its range.
func (o *Options) check(m *Method) error {
	for i, v := range o.numbers() {
		f := &optionRanges[i]
		high := f.high
		if i == 0 {
			high = float64(m.Orders)
		}
		switch {
		case v == 0:
		case !slices.Contains(m.Takes, f.name):
			return fmt.Errorf("sampler: %s is not an option of %q (got %g): remove it, or use %q", f.name, m.Name, v, firstWith(f.name))
		case v >= f.low && v <= high:
		case high == math.MaxFloat32:
			return fmt.Errorf("sampler: %s must be a finite number of at least %g for %q (got %g)", f.name, f.low, m.Name, v)
		default:
			return fmt.Errorf("sampler: %s must be between %g and %g for %q (got %g)", f.name, f.low, high, m.Name, v)
		}
	}
	for _, f := range []struct {
		name, value string
		known       []string
	}{{"predictor", o.Predictor, Predictors}, {"corrector", o.Corrector, Correctors}} {
		switch {
		case f.value == "":
		case !slices.Contains(m.Takes, f.name):
			return fmt.Errorf("sampler: %s is not an option of %q (got %q): remove it, or use %q", f.name, m.Name, f.value, firstWith(f.name))
		case !slices.Contains(f.known, f.value):
			return fmt.Errorf("sampler: %s must be one of %q (got %q)", f.name, f.known, f.value)
		}
	}
	if o.Corrector == CorrectorNone && (o.CorrectorSteps != 0 || o.SNR != 0) {
		return fmt.Errorf("sampler: corrector_steps and snr have no effect with corrector %q (got %d and %g): remove them, or use another corrector", o.Corrector, o.CorrectorSteps, o.SNR)
	}
	if o.S == 0 && o.Churn != (Churn{}) {
		return errors.New("sampler: s_tmin, s_tmax and s_noise have no effect when s_churn is 0: remove them, or set s_churn above 0")
	}
	return nil
}
