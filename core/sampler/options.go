package sampler

import (
	"errors"
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

// limit is the range of an option that is a number; 0 always is the method's own.
type limit struct {
	name      string
	low, most float64
}

// limits are those of Options.numbers, in its order. That of order is the
// method's.
var limits = [...]limit{
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

// having returns the first method that takes an option.
func having(option string) string {
	i := slices.IndexFunc(Methods, func(m Method) bool { return slices.Contains(m.Takes, option) })
	return Methods[i].Name
}

// check returns an error unless m has every option that is given, in its range.
func (o *Options) check(m *Method) error {
	for i, v := range o.numbers() {
		f := &limits[i]
		most := f.most
		if i == 0 {
			most = float64(m.Orders)
		}
		switch {
		case v == 0:
		case !slices.Contains(m.Takes, f.name):
			return fmt.Errorf("sampler: %s is %g for %q, need 0: it has no %[1]s, as %[4]q has", f.name, v, m.Name, having(f.name))
		case !(v >= f.low && v <= most):
			return fmt.Errorf("sampler: %s is %g for %q, need %g to %g", f.name, v, m.Name, f.low, most)
		}
	}
	for _, f := range []struct {
		name, value string
		known       []string
	}{{"predictor", o.Predictor, Predictors}, {"corrector", o.Corrector, Correctors}} {
		switch {
		case f.value == "":
		case !slices.Contains(m.Takes, f.name):
			return fmt.Errorf("sampler: %s is %q for %q, need none: it has no %[1]s, as %[4]q has", f.name, f.value, m.Name, having(f.name))
		case !slices.Contains(f.known, f.value):
			return fmt.Errorf("sampler: %s is %q, need one of %q", f.name, f.value, f.known)
		}
	}
	if o.Corrector == CorrectorNone && (o.CorrectorSteps != 0 || o.SNR != 0) {
		return fmt.Errorf("sampler: corrector_steps is %d and snr %g with corrector %q, need neither, or another corrector", o.CorrectorSteps, o.SNR, o.Corrector)
	}
	if o.S == 0 && o.Churn != (Churn{}) {
		return errors.New("sampler: s_churn is 0 beside others of churn, need it above 0, or s_tmin, s_tmax and s_noise 0")
	}
	return nil
}
