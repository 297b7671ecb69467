package picture

import (
	"fmt"
	"strconv"
)

// Values of Options.Fit.
const (
	Crop = "crop" // fill the frame and cut off what lies outside
	Pad  = "pad"  // show the whole picture; its border's mean colour fills the frame
)

// BackgroundAuto is the value of Options.Background that takes black under a light drawing and
// white under any other picture.
const BackgroundAuto = "auto"

// LevelsAuto is the value of Options.Levels that stretches the levels.
const LevelsAuto = "auto"

// Values of Options.Invert.
const (
	InvertNo   = "no"
	InvertYes  = "yes"
	InvertAuto = "auto" // for a model of one channel: invert a picture whose border is light
)

// Options say how a picture is fitted to a model. The zero value crops, on white,
// without inverting. It travels as JSON from the page to the worker.
type Options struct {
	Fit        string `json:"fit,omitempty"`        // "crop" or "pad"; "" means "crop"
	Background string `json:"background,omitempty"` // under transparent pixels: "white", "black", "#rrggbb" or "auto"; "" means "white"
	Invert     string `json:"invert,omitempty"`     // exchange dark and light: "no", "yes" or "auto"; "" means "no"
	Levels     string `json:"levels,omitempty"`     // "auto": for a model of one channel, the border becomes black and the lightest pixels white, after inverting; "no" or "": as they are
}

// Validate returns an error that names the first option with a wrong value.
func (o Options) Validate() error {
	switch o.Fit {
	case "", Crop, Pad:
	default:
		return fmt.Errorf("picture: fit must be %q or %q (got %q)", Crop, Pad, o.Fit)
	}
	switch o.Invert {
	case "", InvertNo, InvertYes, InvertAuto:
	default:
		return fmt.Errorf("picture: invert must be %q, %q or %q (got %q)", InvertNo, InvertYes, InvertAuto, o.Invert)
	}
	if o.Levels != "" && o.Levels != "no" && o.Levels != LevelsAuto {
		return fmt.Errorf("picture: levels must be %q or %q (got %q)", "no", LevelsAuto, o.Levels)
	}
	_, err := o.background(false)
	return err
}

// background returns the colour that Background names, for a light drawing or another picture.
func (o Options) background(light bool) ([3]uint8, error) {
	named := o.Background
	if named == BackgroundAuto {
		named = "white"
		if light {
			named = "black"
		}
	}
	switch named {
	case "", "white":
		return [3]uint8{255, 255, 255}, nil
	case "black":
		return [3]uint8{}, nil
	}
	if len(named) == 7 && named[0] == '#' {
		if v, err := strconv.ParseUint(named[1:], 16, 24); err == nil {
			return [3]uint8{uint8(v >> 16), uint8(v >> 8), uint8(v)}, nil
		}
	}
	return [3]uint8{}, fmt.Errorf("picture: background must be \"white\", \"black\", \"auto\" or a colour like \"#8090a0\" (got %q)", o.Background)
}

// Grey returns the name of a grey background for Options.Background.
func Grey(level uint8) string { return fmt.Sprintf("#%02x%02x%02x", level, level, level) }
