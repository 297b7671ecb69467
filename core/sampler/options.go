package sampler

import (
	"slices"

	"tweedie/core/settings"
)

// Options are settings that only some methods have. They are plain data and travel
// as JSON. Zero means the method's default; a method rejects any other value of an
// option that it does not have (see Method.Takes).
type Options struct {
	Order           int     `json:"order,omitempty"`             // order of the solver: 1 to Method.Orders, at most the number of steps; 0 means the highest
	BH              int     `json:"bh,omitempty"`                // UniPC's B(h), 1 or 2; 0 means 2
	LowerOrderFinal bool    `json:"lower_order_final,omitempty"` // the last steps are of lower order: 1 in the last, 2 in the one before
	SolverType      string  `json:"solver_type,omitempty"`       // one of SolverTypes; "" means midpoint
	Churn                   // stochasticity of the solvers that remember nothing
	Restarts                // of Restart
	Gamma           float64 `json:"gamma,omitempty"`           // γ of GradientEstimation, 1 to 5, where 0 means 2, or of TCD, up to 1, where 0 means 0.3
	Tau             float64 `json:"tau,omitempty"`             // noise of SASolver in units of the reverse SDE's, up to 10; 0 means 1
	Predictor       string  `json:"predictor,omitempty"`       // PredictorCorrector's predictor; "" means reverse-diffusion
	Corrector       string  `json:"corrector,omitempty"`       // PredictorCorrector's corrector; "" means langevin
	CorrectorSteps  int     `json:"corrector_steps,omitempty"` // Langevin steps at a noise level, up to 255; 0 means 1, or 100 for annealed Langevin
	SNR             float64 `json:"snr,omitempty"`             // signal-to-noise ratio r of a corrector, up to 10; 0 means 0.16
	Epsilon         float64 `json:"epsilon,omitempty"`         // step size of annealed Langevin at the lowest level above 0; 0 means a fifth of the level's variance
	RTol            float64 `json:"rtol,omitempty"`            // relative error that an adaptive method allows in a step, 1e-6 to 1; 0 means the method's default
	ATol            float64 `json:"atol,omitempty"`            // absolute error that an adaptive method allows in a step, in pixel units; as RTol
	Brownian        bool    `json:"brownian,omitempty"`        // take noise from one Brownian path, independent of the number of steps: see Brownian
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
		{Setting: settings.Setting{Name: "solver_type", Group: group, Kind: settings.Choice, Title: "Solver type", Help: "How a step of second order uses its two values: by their difference, or by the line through them.", Default: SolverTypes[0], Choices: SolverTypes}, To: &o.SolverType},
		{Setting: settings.Setting{Name: "lower_order_final", Group: group, Kind: settings.Switch, Title: "Lower order at the end", Help: "Takes the last steps with lower order: 1 in the last, 2 in the one before.", Default: "0"}, To: &o.LowerOrderFinal},
		{Setting: settings.Setting{Name: "s_churn", Group: group, Kind: settings.Real, Title: "Churn", Help: "Amount of noise added over all steps (Karras 2022, Algorithm 2).", Default: "0"}, To: &o.S},
		{Setting: settings.Setting{Name: "s_tmin", Group: group, Kind: settings.Real, Title: "Churn from σ", Help: "Lowest noise level at which churn adds noise.", Default: "0"}, To: &o.Min},
		{Setting: settings.Setting{Name: "s_tmax", Group: group, Kind: settings.Real, Title: "Churn up to σ", Help: "Highest noise level at which churn adds noise.", Default: "no limit", Above: true}, To: &o.Max},
		{Setting: settings.Setting{Name: "s_noise", Group: group, Kind: settings.Real, Title: "Churn noise", Help: "Standard deviation of the noise that churn adds; slightly above 1 keeps detail.", Default: "1", Above: true, Max: 10}, To: &o.Churn.Noise},
		{Setting: settings.Setting{Name: "restarts", Group: group, Kind: settings.Whole, Title: "Restarts", Help: "How often sampling goes back to a higher noise level (Xu 2023).", Default: "2", Min: 1, Max: 100}, To: &o.RestartCount},
		{Setting: settings.Setting{Name: "restart_steps", Group: group, Kind: settings.Whole, Title: "Restart steps", Help: "Steps down again after each restart.", Default: "3", Min: 1, Max: 100}, To: &o.RestartSteps},
		{Setting: settings.Setting{Name: "restart_tmin", Group: group, Kind: settings.Real, Title: "Restart from σ", Help: "Noise level from which a restart goes back; the nearest of the schedule is used.", Default: "0.06", Above: true}, To: &o.RestartMin},
		{Setting: settings.Setting{Name: "restart_tmax", Group: group, Kind: settings.Real, Title: "Restart to σ", Help: "Noise level to which a restart goes back, above the one from which it goes.", Default: "5 times the other", Above: true}, To: &o.RestartMax},
		{Setting: settings.Setting{Name: "gamma", Group: group, Kind: settings.Real, Title: "γ", Help: "Weight of the newest slope with gradient-estimation, 1 to 5; share of noise with tcd, up to 1.", Default: "2, or 0.3 with tcd", Above: true, Max: 5}, To: &o.Gamma},
		{Setting: settings.Setting{Name: "tau", Group: group, Kind: settings.Real, Title: "τ", Help: "Amount of noise of sa-solver: near 0 none, 1 as much as the reverse SDE.", Default: "1", Above: true, Max: maxTau}, To: &o.Tau},
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
	for _, m := range slices.Concat(Methods, Special) {
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
		switch v.Name {
		case "order":
			v.Max = float64(m.Orders)
		case "gamma":
			v.Min, v.Max, v.Above = m.gammaMin, m.gammaMax, m.gammaMin == 0
		}
		if err := v.Check(); err != nil {
			return err
		}
		if v.Given() && o.S == 0 && slices.Contains([]string{"s_tmin", "s_tmax", "s_noise"}, v.Name) {
			return settings.Errorf(v.Name, v.Got(), "left out unless s_churn is above 0")
		}
	}
	if r := o.Restarts.withDefaults(); !(r.RestartMax > r.RestartMin) {
		return settings.Errorf("restart_tmax", r.RestartMax, "a number above restart_tmin, %g", r.RestartMin)
	}
	return settings.CheckApplies(values)
}
