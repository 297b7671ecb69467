package sampler

import (
	"slices"

	"tweedie/core/settings"
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

// withCorrector is when the settings of a corrector apply.
const withCorrector = "corrector=|" + CorrectorLangevin + "|" + CorrectorAnnealed

// Values describes the options, and holds those of o. The highest order is the
// method's.
func (o *Options) Values() []settings.Value {
	const group = settings.GroupSampler
	return []settings.Value{
		{Setting: settings.Setting{Name: "order", Group: group, Kind: settings.Whole, Title: "Order", Help: "Order of the solver, at most the number of steps.", Default: "the sampler’s highest, or lower in few steps", Min: 1}, To: &o.Order},
		{Setting: settings.Setting{Name: "bh", Group: group, Kind: settings.Whole, Title: "B(h)", Help: "B(h) of UniPC: 1 is h, 2 is eʰ − 1 (Zhao 2023, section 3.3).", Default: "2", Min: 1, Max: 2}, To: &o.BH},
		{Setting: settings.Setting{Name: "s_churn", Group: group, Kind: settings.Real, Title: "Churn", Help: "Amount of noise added over all steps (Karras 2022, Algorithm 2).", Default: "0"}, To: &o.S},
		{Setting: settings.Setting{Name: "s_tmin", Group: group, Kind: settings.Real, Title: "Churn from σ", Help: "Lowest noise level at which churn adds noise.", Default: "0"}, To: &o.Min},
		{Setting: settings.Setting{Name: "s_tmax", Group: group, Kind: settings.Real, Title: "Churn up to σ", Help: "Highest noise level at which churn adds noise.", Default: "no limit", Above: true}, To: &o.Max},
		{Setting: settings.Setting{Name: "s_noise", Group: group, Kind: settings.Real, Title: "Churn noise", Help: "Standard deviation of the noise that churn adds; slightly above 1 keeps detail.", Default: "1", Above: true, Max: 10}, To: &o.Churn.Noise},
		{Setting: settings.Setting{Name: "predictor", Group: group, Kind: settings.Choice, Title: "Predictor", Help: "Rule for a step of the reverse SDE.", Default: Predictors[0], Choices: Predictors}, To: &o.Predictor},
		{Setting: settings.Setting{Name: "corrector", Group: group, Kind: settings.Choice, Title: "Corrector", Help: "Rule for the Langevin steps at the new noise level after each step.", Default: Correctors[0], Choices: Correctors}, To: &o.Corrector},
		{Setting: settings.Setting{Name: "corrector_steps", Group: group, Kind: settings.Whole, Title: "Langevin steps", Help: "Langevin steps at each noise level.", Default: "1, or 100 with annealed-langevin", Min: 1, Max: maxInner, Only: withCorrector, Basic: true}, To: &o.CorrectorSteps},
		{Setting: settings.Setting{Name: "snr", Group: group, Kind: settings.Real, Title: "Signal-to-noise ratio", Help: "Ratio r that sizes the corrector’s steps (Song 2021).", Default: "0.16", Above: true, Max: 10, Only: withCorrector}, To: &o.SNR},
		{Setting: settings.Setting{Name: "epsilon", Group: group, Kind: settings.Real, Title: "Step ε", Help: "Size of the Langevin steps at the lowest noise level.", Default: "a fifth of that level’s variance", Above: true}, To: &o.Epsilon},
		{Setting: settings.Setting{Name: "rtol", Group: group, Kind: settings.Real, Title: "Relative tolerance", Help: "Relative error that an adaptive sampler allows in a step.", Default: "the sampler’s", Min: 1e-6, Max: 1}, To: &o.RTol},
		{Setting: settings.Setting{Name: "atol", Group: group, Kind: settings.Real, Title: "Absolute tolerance", Help: "Absolute error that an adaptive sampler allows in a step, for pixels from −1 to 1.", Default: "the sampler’s", Min: 1e-6, Max: 1}, To: &o.ATol},
		{Setting: settings.Setting{Name: "brownian", Group: group, Kind: settings.Switch, Title: "Brownian path", Help: "Draws the noise of all steps from one Brownian path, the same for any number of steps.", Default: "0"}, To: &o.Brownian},
	}
}

// only says which methods take an option: "only ddim and ddpm take it".
func only(option string) string {
	var names []string
	for _, m := range Methods {
		if slices.Contains(m.Takes, option) {
			names = append(names, m.Name)
		}
	}
	if len(names) == 1 {
		return "only " + names[0] + " takes it"
	}
	return "only " + settings.List(names, "and") + " take it"
}

// check returns a *settings.FieldError unless m has every option that is given, in its
// range.
func (o *Options) check(m *Method) error {
	values := o.Values()
	for _, v := range values {
		if v.Given() && !slices.Contains(m.Takes, v.Name) {
			return settings.Errorf(v.Name, v.Got(), "left out with sampler %s: %s", m.Name, only(v.Name))
		}
		if v.Name == "order" {
			v.Max = float64(m.Orders)
		}
		if err := v.Check(); err != nil {
			return err
		}
		if v.Given() && o.S == 0 && slices.Contains([]string{"s_tmin", "s_tmax", "s_noise"}, v.Name) {
			return settings.Errorf(v.Name, v.Got(), "left out unless s_churn is above 0")
		}
	}
	return settings.CheckApplies(values)
}
