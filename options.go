package tweedie

import (
	"cmp"
	"fmt"
	"strings"

	"tweedie/core/engine"
	"tweedie/core/picture"
	"tweedie/core/sampler"
	"tweedie/core/settings"
	"tweedie/core/tensor"
	"tweedie/core/unet"
)

// Tensor is the array that denoisers take and return.
type Tensor = tensor.Tensor

// Options say what to draw. The zero value draws one image as the model recommends.
// A value that is given is used as it is or refused; pointers are for settings whose
// 0 means something: Guidance: new(0.0).
type Options struct {
	N     int    // images; 0 means 1
	Seed  uint64 // image i is drawn from the noise of (Seed, First+i)
	First uint64 // index of the first image: a batch can be drawn in parts

	// Class is the name or number of a class, "none" for no class, or several of them
	// with commas between: image i gets the one at position i, in turn. "" goes
	// through all classes of the model.
	Class string

	// Size is the height and the width of the images, where the network allows another
	// size than the model's, which the zero value means.
	Size [2]int

	Sampler  string   // a name from Info().Samplers; "" means the model's own
	Steps    int      // steps of the sampler; 0 means the model's
	Eta      *float64 // fresh noise of samplers that have it, 0 to 1; nil means the model's
	Guidance *float64 // weight of classifier-free guidance; 1 turns it off, nil means the model's

	Solver sampler.Options  // options of some samplers
	Levels sampler.Schedule // the noise levels; the zero value means the model's

	Resample int // Inpaint: how often each stretch of steps is repeated; 0 means 1, no repetition
	Jump     int // Inpaint: steps of such a stretch; 0 means 10

	// Picture says how Inpaint brings pictures of another size to the model's. Its Fit
	// must be set for that; otherwise other sizes are refused.
	Picture picture.Options

	// Request holds the settings that are not named above, as the command line and the
	// HTTP API have them. A setting must not be given in both places.
	Request engine.Request

	OnStep func(Progress) // called after every evaluation of the denoiser; nil means never
}

// request returns the engine's form of o. The error names a setting that was given
// twice.
func (o Options) request() (engine.Request, error) {
	r := o.Request
	err := cmp.Or(
		whole("N", o.N, &r.N), whole("Steps", o.Steps, &r.Steps), whole("Resample", o.Resample, &r.Resample), whole("Jump", o.Jump, &r.Jump),
		pointer("Eta", o.Eta, &r.Eta), pointer("Guidance", o.Guidance, &r.Guidance),
		value("First", o.First, &r.First), value("Seed", engine.Seed(o.Seed), &r.Seed), value("Sampler", o.Sampler, &r.Sampler),
		o.size(&r), value("Solver", o.Solver, &r.Options), value("Levels", o.Levels, &r.Schedule),
	)
	if err != nil || o.Class == "" {
		return r, err
	}
	if r.Class != nil {
		return r, twice("Class")
	}
	r.Class = classes(o.Class)
	return r, nil
}

// size fills in the size.
func (o Options) size(r *engine.Request) error {
	h, w := o.Size[0], o.Size[1]
	if h < 0 || w < 0 || h > unet.MaxSize || w > unet.MaxSize || (h == 0) != (w == 0) {
		return settings.Errorf("Size", fmt.Sprint(h, " ", w), "a height and a width from 1 to %d", unet.MaxSize)
	}
	return value("Size", engine.SizeOf(unet.Size{H: h, W: w}), &r.Size)
}

// classes splits a list of classes at its commas.
func classes(list string) engine.Classes {
	var out engine.Classes
	for name := range strings.SplitSeq(list, ",") {
		out = append(out, engine.Class(strings.TrimSpace(name)))
	}
	return out
}

// whole puts a number that is not 0 into a field of the request.
func whole(name string, v int, to **int) error {
	if v == 0 {
		return nil
	}
	return pointer(name, &v, to)
}

// pointer puts a value that is given into a field of the request.
func pointer[T any](name string, v *T, to **T) error {
	if v == nil {
		return nil
	}
	if *to != nil {
		return twice(name)
	}
	*to = v
	return nil
}

// value puts a value other than zero into a field of the request.
func value[T comparable](name string, v T, to *T) error {
	var zero T
	if v == zero {
		return nil
	}
	if *to != zero {
		return twice(name)
	}
	*to = v
	return nil
}

func twice(name string) error {
	return &settings.FieldError{Field: name, Want: "given in Options or in Options.Request, not in both"}
}
