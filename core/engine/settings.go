package engine

import (
	"cmp"
	"slices"
	"strconv"

	"tweedie/core/sampler"
)

// Setting describes, to those who offer a choice of them, a field of Request that few
// requests have: what only some samplers take, where the noise levels lie, how guidance
// is held in bounds. What is absent is the sampler's or the model's own.
type Setting struct {
	Name    string   `json:"name"`              // of the field in JSON
	Group   string   `json:"group"`             // "sampler": of those that take it; "levels", "guidance", "range", "inpaint": whatever the sampler
	Kind    string   `json:"kind"`              // "whole", "real", "choice" or "switch"
	Title   string   `json:"title"`             // what a page shows
	About   string   `json:"about"`             // what it is, in a line
	Own     string   `json:"own,omitempty"`     // what holds where it is absent, if that is the same for all samplers
	Choices []string `json:"choices,omitempty"` // of a choice
	Only    string   `json:"only,omitempty"`    // another setting and the values with which this one has a meaning: "schedule=|karras"
}

const (
	withCorrector = "corrector=|langevin|annealed-langevin"
	withRange     = "schedule=|karras|linear|quadratic|exponential|log-snr|cosine|flow|optimised"
)

// kinds are the spacings of the noise levels that a model has what is needed for.
func (i Info) kinds() (out []string) {
	ofChain := []string{sampler.KindLeading, sampler.KindTrailing, sampler.KindLinspace}
	for _, kind := range sampler.Kinds {
		if (i.chain != nil || !slices.Contains(ofChain, kind)) && (i.posterior != nil || kind != sampler.KindOptimised) {
			out = append(out, kind)
		}
	}
	return out
}

// settings lists those of a model.
func (i Info) settings() []Setting {
	low, high := strconv.FormatFloat(float64(i.Sigma.Min), 'g', -1, 32), strconv.FormatFloat(float64(i.Sigma.Max), 'g', -1, 32)
	thresholds := []string{static, dynamic}
	if i.Defaults.Threshold != "" {
		thresholds = append(thresholds, unheld)
	}
	out := []Setting{
		{"order", "sampler", "whole", "Order", "Of the solver, at most the steps.", "", nil, ""},
		{"bh", "sampler", "whole", "B(h)", "1 is h, 2 is eʰ − 1 (Zhao 2023, section 3.3).", "2", nil, ""},
		{"s_churn", "sampler", "real", "Churn", "Noise that is added in all, spread over the steps.", "0", nil, ""},
		{"s_tmin", "sampler", "real", "Churn from σ", "Below this noise level none is added.", "0", nil, ""},
		{"s_tmax", "sampler", "real", "Churn up to σ", "Above this noise level none is added.", "no limit", nil, ""},
		{"s_noise", "sampler", "real", "Churn’s deviation", "Of the noise that is added; a little over 1 keeps detail.", "1", nil, ""},
		{"predictor", "sampler", "choice", "Predictor", "The step of the reverse SDE.", sampler.Predictors[0], sampler.Predictors, ""},
		{"corrector", "sampler", "choice", "Corrector", "What follows each step, at the new noise level.", sampler.Correctors[0], sampler.Correctors, ""},
		{"snr", "sampler", "real", "Signal to noise", "r, which sizes the corrector’s steps (Song 2021).", "0.16", nil, withCorrector},
		{"epsilon", "sampler", "real", "Step ε", "Of Langevin dynamics at the lowest noise level.", "a fifth of its variance", nil, ""},
		{"rtol", "sampler", "real", "Relative error", "That a step may make, 1e-6 to 1.", "", nil, ""},
		{"atol", "sampler", "real", "Absolute error", "That a step may make, in units of pixels from −1 to 1.", "", nil, ""},
		{"brownian", "sampler", "switch", "Noise of one path", "The same path for any number of steps.", "", nil, ""},
		{"schedule", "levels", "choice", "Spacing", "How the noise levels are spaced.", "", i.kinds(), ""},
		{"sigma_max", "levels", "real", "Highest σ", "Where sampling starts.", high, nil, withRange},
		{"sigma_min", "levels", "real", "Lowest σ", "The last level before 0.", low, nil, withRange},
		{"rho", "levels", "real", "ρ", "Karras’ exponent: 1 is even, more crowds the low levels.", "7", nil, "schedule=|karras"},
		{"threshold", "range", "choice", "Threshold", "What holds the denoised image to the range of pixels.", cmp.Or(i.Defaults.Threshold, unheld), thresholds, ""},
		{"percentile", "range", "real", "Percentile", "Of the dynamic threshold, above 0 to 1.", "0.995", nil, "threshold=dynamic"},
		{"threshold_max", "range", "real", "Divide by at most", "What holds bright images back, at least 1.", "no limit", nil, "threshold=dynamic"},
		{"jump", "inpaint", "whole", "Jump", "Steps of a stretch that is gone over again.", "10", nil, ""},
	}
	if i.Unconditional {
		out = append(out,
			Setting{"guidance_sigma_min", "guidance", "real", "Guide above σ", "At this noise level and below there is no guidance.", "0", nil, ""},
			Setting{"guidance_sigma_max", "guidance", "real", "Guide up to σ", "Above this noise level there is none.", "no limit", nil, ""},
			Setting{"guidance_rescale", "guidance", "real", "Rescale", "How much of the contrast that guidance adds is taken back, 0 to 1.", "0", nil, ""})
	}
	return out
}
