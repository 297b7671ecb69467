package settings

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The kinds of Setting.
const (
	Whole   = "whole"   // a whole number
	Real    = "real"    // a number
	Choice  = "choice"  // one of Choices
	Switch  = "switch"  // on or off
	Seed    = "seed"    // a whole number from 0 to 2⁶⁴−1
	Text    = "text"    // any text
	Classes = "classes" // names or numbers of classes, "none" or "all"
	Sides   = "size"    // height x width, or one number for a square
)

// The groups of Setting: what it belongs to, and with that when it applies.
const (
	GroupRun       = "run"       // always
	GroupSampler   = "sampler"   // with samplers that take it: sampler.Method.Takes, and Eta for eta
	GroupLevels    = "levels"    // always: the noise levels
	GroupGuidance  = "guidance"  // where guidance is other than 1, or a classifier guides
	GroupThreshold = "threshold" // always: the range of pixels
	GroupInpaint   = "inpaint"   // with inpainting
)

// Setting describes one setting. It travels as JSON to the page.
type Setting struct {
	Name    string   `json:"name"`              // in JSON and in a query; a flag has dashes for underscores
	Group   string   `json:"group"`             // one of the groups above
	Kind    string   `json:"kind"`              // one of the kinds above
	Title   string   `json:"title"`             // label of a page's field
	Help    string   `json:"help"`              // what it does, in one line
	Default string   `json:"default,omitempty"` // what holds where it is not given, in words; empty if the model or the sampler decides
	Choices []string `json:"choices,omitempty"` // of a Choice
	Min     float64  `json:"min"`               // the lowest number allowed; of a size, what divides height and width
	Above   bool     `json:"above,omitempty"`   // numbers must be above Min
	Max     float64  `json:"max,omitempty"`     // the highest number allowed; 0 means that there is no limit
	Only    string   `json:"only,omitempty"`    // the values of another setting with which it applies: "schedule=|karras"
	Basic   bool     `json:"basic,omitempty"`   // shown by a page at once, not among its advanced settings
}

// Flag returns the name of the setting's command-line flag, without dashes before it.
func (s *Setting) Flag() string { return strings.ReplaceAll(s.Name, "_", "-") }

// Want says which values are allowed, as in FieldError.Want.
func (s *Setting) Want() string {
	switch s.Kind {
	case Choice:
		return "one of " + List(s.Choices, "or")
	case Switch:
		return "0 or 1"
	case Seed:
		return "a whole number from 0 to 18446744073709551615"
	case Sides:
		return `height x width such as "48x32", or one number such as 32`
	case Classes:
		return `the names or numbers of classes, "none" or "all"`
	}
	noun := "a number"
	if s.Kind == Whole {
		noun = "a whole number"
	}
	low, high := number(s.Min), number(s.Max)
	switch {
	case s.Above && s.Max != 0:
		return noun + " above " + low + " and at most " + high
	case s.Above:
		return noun + " above " + low
	case s.Max != 0:
		return noun + " from " + low + " to " + high
	}
	return noun + " of at least " + low
}

// CheckNumber returns a *FieldError unless v is in the range of the setting. A number
// has to be one that float32 can hold.
func (s *Setting) CheckNumber(v float64) error {
	most := s.Max
	if most == 0 {
		most = math.MaxFloat32
	}
	if v >= s.Min && v <= most && !(s.Above && v == s.Min) {
		return nil
	}
	return s.Refuse(v)
}

// CheckChoice returns a *FieldError unless v is one of the choices.
func (s *Setting) CheckChoice(v string) error {
	if slices.Contains(s.Choices, v) {
		return nil
	}
	return s.Refuse(v)
}

// Refuse returns the *FieldError for a value that is not allowed.
func (s *Setting) Refuse(got any) error {
	return &FieldError{Field: s.Name, Got: show(got), Want: s.Want()}
}

// number writes a bound.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// List joins words for a sentence: "a, b or c".
func List(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// Applies reports whether the setting applies where the other setting that Only names
// has this value.
func (s *Setting) Applies(other string) bool {
	_, values, conditional := strings.Cut(s.Only, "=")
	return !conditional || slices.Contains(strings.Split(values, "|"), other)
}

// Usage is the help text of the setting's command-line flag.
func (s *Setting) Usage() string {
	text := strings.TrimSuffix(s.Help, ".")
	switch {
	case s.Kind == Whole || s.Kind == Real:
		text += "; " + s.Want()
	case s.Kind == Choice && len(s.Choices) <= 12:
		text += ": " + List(s.Choices, "or")
	}
	if s.Kind != Switch && s.Default != "" {
		text += " (default: " + strings.ReplaceAll(s.Default, "’", "'") + ")"
	}
	return strings.ReplaceAll(text, "’", "'")
}
