package httpapi

import (
	"fmt"
	"math"
	"net/url"
	"strconv"

	"tweedie/core/engine"
)

// option is a parameter that few experiments have: a field of a request, a *int,
// *float64, *string or *bool. Its zero value is absent.
type option struct {
	name  string
	field any
}

// options returns those of r, which they set: engine.Info.Settings, and corrector_steps.
func options(r *engine.Request) []option {
	return []option{
		{"corrector_steps", &r.CorrectorSteps},
		{"order", &r.Order},
		{"bh", &r.BH},
		{"s_churn", &r.S},
		{"s_tmin", &r.Min},
		{"s_tmax", &r.Max},
		{"s_noise", &r.Churn.Noise},
		{"predictor", &r.Predictor},
		{"corrector", &r.Corrector},
		{"snr", &r.SNR},
		{"epsilon", &r.Epsilon},
		{"rtol", &r.RTol},
		{"atol", &r.ATol},
		{"brownian", &r.Brownian},
		{"schedule", &r.Kind},
		{"sigma_max", &r.SigmaMax},
		{"sigma_min", &r.SigmaMin},
		{"rho", &r.Rho},
		{"guidance_sigma_min", &r.GuidanceMin},
		{"guidance_sigma_max", &r.GuidanceMax},
		{"guidance_rescale", &r.GuidanceRescale},
		{"threshold", &r.Threshold},
		{"percentile", &r.Percentile},
		{"threshold_max", &r.ThresholdMax},
	}
}

// set reads a field, whose range the engine knows.
func (o option) set(text string) error {
	switch field := o.field.(type) {
	case *string:
		*field = text
	case *bool:
		*field = text == "1"
		return errorUnless(text == "0" || text == "1", "found %s, need 0 or 1", clip(text))
	case *int:
		v, err := strconv.ParseInt(text, 10, 32)
		*field = int(v)
		return errorUnless(err == nil, "found %s, need a whole number", clip(text))
	case *float64:
		v, err := strconv.ParseFloat(text, 64)
		*field = v
		return errorUnless(err == nil && !math.IsInf(v, 0) && !math.IsNaN(v), "found %s, need a number", clip(text))
	}
	return nil
}

// text returns a field as a query has it, "" for one that is absent.
func (o option) text() string {
	switch field := o.field.(type) {
	case *string:
		return *field
	case *bool:
		if *field {
			return "1"
		}
	case *int:
		if *field != 0 {
			return strconv.Itoa(*field)
		}
	case *float64:
		if *field != 0 {
			return strconv.FormatFloat(*field, 'g', -1, 64)
		}
	default:
		panic(fmt.Sprintf("httpapi: option %q is a %T", o.name, field))
	}
	return ""
}

// addOptions puts the options that r has into a query.
func addOptions(values url.Values, r *engine.Request) {
	for _, o := range options(r) {
		if text := o.text(); text != "" {
			values.Set(o.name, text)
		}
	}
}
