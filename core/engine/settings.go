package engine

import (
	"cmp"
	"slices"
	"strconv"

	"tweedie/core/sampler"
	"tweedie/core/settings"
	"tweedie/core/unet"
)

// schedules are the spacings of the noise levels that a model has what is needed for.
func (i Info) schedules() (out []string) {
	ofChain := []string{sampler.KindLeading, sampler.KindTrailing, sampler.KindLinspace}
	for _, kind := range sampler.Kinds {
		if (i.chain != nil || !slices.Contains(ofChain, kind)) && (i.posterior != nil || kind != sampler.KindOptimised) {
			out = append(out, kind)
		}
	}
	return out
}

// settings describes the settings of a request for the model: those of Schema that it
// can take, with its own choices, ranges and defaults. Those of guidance are always
// there, as a classifier may be set later.
func (i Info) settings() []settings.Setting {
	var out []settings.Setting
	for _, s := range Schema() {
		switch s.Name {
		case "first": // of a program that splits a batch
			continue
		case "size":
			if i.multiple == 0 {
				continue
			}
			s.Min = float64(i.multiple)
			s.Default = unet.Size{H: i.Shape[1], W: i.Shape[2]}.String()
			s.Help += " Both must be multiples of " + strconv.Itoa(i.multiple) + "."
		case "sampler":
			s.Choices, s.Default = nil, i.Defaults.Sampler
			for _, m := range i.Samplers {
				s.Choices = append(s.Choices, m.Name)
			}
		case "steps":
			s.Default = strconv.Itoa(i.Defaults.Steps)
		case "guidance":
			s.Default = text(i.Defaults.Guidance)
		case "eta":
			s.Default = text(i.Defaults.Eta)
		case "schedule":
			s.Choices = i.schedules()
		case "shift":
			if i.Defaults.Shift != 0 {
				s.Default = text(i.Defaults.Shift)
			}
			if own, _ := sampler.Lookup(i.Defaults.Sampler); cmp.Or(i.Defaults.Schedule, own.Schedule) != sampler.KindFlow {
				s.Only = "schedule=" + sampler.KindFlow // a page need not show it before
			}
		case "sigma_min":
			s.Default, s.Min, s.Max, s.Above = shortest(i.Sigma.Min), float64(i.Sigma.Min), float64(i.Sigma.Max), false
		case "sigma_max":
			s.Default, s.Min, s.Max, s.Above = shortest(i.Sigma.Max), float64(i.Sigma.Min), float64(i.Sigma.Max), false
		case "threshold":
			s.Choices, s.Default = []string{static, dynamic}, unlimited
			if own := i.Defaults.Threshold; own != "" {
				s.Choices, s.Default = append(s.Choices, unlimited), own
			}
		}
		out = append(out, s)
	}
	return out
}

// text writes a number as a query has it.
func text(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// shortest writes a noise level of a model.
func shortest(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
