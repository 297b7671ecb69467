package engine

import (
	"strconv"

	"tweedie/core/graph"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/core/settings"
	"tweedie/core/unet"
)

// Size is the height and width of images in a request: those of a unet.Size. Zero means the
// model's. In JSON it is the text of Set; one number, or an array of height and width, is
// read too.
type Size uint32

// SizeOf returns the Size of a unet.Size, whose sides are at most 65535.
func SizeOf(s unet.Size) Size { return Size(s.H)<<16 | Size(s.W) }

// Sides returns the height and the width, 0 and 0 if no size is given.
func (s Size) Sides() unet.Size { return unet.Size{H: int(s >> 16), W: int(s & 0xffff)} }

var sizeSetting = settings.Setting{
	Name: "size", Group: settings.GroupRun, Kind: settings.Sides, Title: "Size", Default: ofModel,
	Help: "Height x width of the images, such as 48x32, where the network allows another size than the model’s.",
}

// Set reads "32" or "48x32", height x width.
func (s *Size) Set(text string) error {
	var size unet.Size
	if size.Set(text) != nil {
		return sizeSetting.Refuse(text)
	}
	*s = SizeOf(size)
	return nil
}

// String returns what Set reads, empty if no size is given.
func (s *Size) String() string { return s.Sides().String() }

// ReadJSON reads the text of Set, a number or an array. The error is a *settings.FieldError.
func (s *Size) ReadJSON(data []byte) error {
	var size unet.Size
	switch {
	case string(data) == "null":
		return nil
	case data[0] == '"':
		return s.Set(minijson.Text(data))
	case size.ReadJSON(data) != nil:
		return sizeSetting.Refuse(settings.Raw(data))
	}
	return s.Set(size.String())
}

// WriteJSON writes the text of Set.
func (s Size) WriteJSON() ([]byte, error) { return strconv.AppendQuote(nil, s.String()), nil }

// UnmarshalJSON and MarshalJSON do the same for encoding/json.
func (s *Size) UnmarshalJSON(data []byte) error { return s.ReadJSON(data) }

// MarshalJSON writes the text of Set.
func (s Size) MarshalJSON() ([]byte, error) { return s.WriteJSON() }

// maxEnlarged is how many times as many pixels as the model's a request may ask for.
const maxEnlarged = 16

// AllowsSize returns a *settings.FieldError unless the network allows images of that size.
func (i Info) AllowsSize(size unet.Size) error {
	own := unet.Size{H: i.Shape[1], W: i.Shape[2]}
	switch n := i.multiple; {
	case size == own:
		return nil
	case n == 0:
		return settings.Errorf("size", size.String(), "%s, or left out: the network has one size", own)
	case size.H%n != 0 || size.W%n != 0:
		return settings.Errorf("size", size.String(), "a height and a width that are multiples of %d, such as %s", n, own)
	}
	return nil
}

// Sized returns the shape of the images of a request with that size, C, H, W, and the
// operations of one evaluation of the network. The error is a *settings.FieldError.
func (i Info) Sized(size Size) (shape [3]int, flops int64, err error) {
	to := size.Sides()
	own := unet.Size{H: i.Shape[1], W: i.Shape[2]}
	if size == 0 || to == own {
		return i.Shape, i.FLOPs, nil
	}
	if err := i.AllowsSize(to); err != nil {
		return shape, 0, err
	}
	if to.H*to.W > maxEnlarged*own.H*own.W {
		return shape, 0, settings.Errorf("size", to.String(), "at most %d times as many pixels as %s", maxEnlarged, own)
	}
	c, err := i.config.Sized(to)
	if err != nil {
		return shape, 0, settings.Errorf("size", to.String(), "one that the network allows: %v", err)
	}
	net, err := c.Build()
	if err != nil {
		return shape, 0, settings.Errorf("size", to.String(), "one that the network allows: %v", err)
	}
	return c.Shape, graph.CostOf(net.Program).FLOPs, nil
}

// sized returns the engine for images of that size: e itself, or one of the same model that
// e keeps until another size is asked for.
func (e *Engine) sized(size Size) (*Engine, error) {
	shape, _, err := e.info.Sized(size)
	if err != nil || shape == e.info.Shape {
		return e, err
	}
	if e.other != nil && e.other.info.Shape == shape {
		return e.other, nil
	}
	e.other = nil
	m, err := e.model.Sized(size.Sides())
	if err != nil {
		return nil, err
	}
	o := e.options
	if more := (shape[1]*shape[2] + e.info.Shape[1]*e.info.Shape[2] - 1) / (e.info.Shape[1] * e.info.Shape[2]); more > 1 { // in the same memory
		o.Chunk = max(1, o.Chunk/more)
	}
	o.Size, o.Workers, o.Fast, o.Compact = unet.Size{}, e.how.Workers, e.how.Fast, 0
	if e.how.Compact {
		o.Compact = 1
	}
	if e.other, err = Of(m, o); err != nil {
		return nil, err
	}
	return e.other, nil
}

// fitted returns the size of a picture that a request brings without a size of its own, if it
// is not the model's and the network allows it, else size.
func (i Info) fitted(size Size, p Picture) Size {
	if size != 0 || p.Height < 1 || p.Width < 1 || p.Height > 1<<12 || p.Width > 1<<12 || len(p.Data) != p.Height*p.Width*p.Channels {
		return size
	}
	other := SizeOf(unet.Size{H: p.Height, W: p.Width})
	if shape, _, err := i.Sized(other); err != nil || shape == i.Shape {
		return size
	}
	return other
}

// multiple returns the number that divides the sides of the images that a network allows, 0
// if it has one size.
func multiple(c *model.Config) int {
	switch c.Arch {
	case model.UNet2D:
		return c.UNet.Multiple()
	case model.NCSN:
		return 2
	}
	return 0
}
