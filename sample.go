package tweedie

import (
	"context"
	"fmt"
	"image"

	"tweedie/core/engine"
	"tweedie/core/picture"
	"tweedie/core/tensor"
)

// Result is what Sample and Inpaint drew.
type Result struct {
	Images  []image.Image // image.Gray for models of one channel, image.NRGBA for three and four
	Pixels  []uint8       // the same, [N,H,W,C]
	Shape   [4]int        // N, H, W, C
	Classes []string      // name of the class of each image, "none" for no class
	Class   []int         // its number, -1 for no class
	SHA256  string        // of Pixels, in hexadecimal digits: the same wherever the same was asked for
	NFE     int           // evaluations of the denoiser that each image took
	Plan    engine.Plan   // every setting filled in: asking again with Plan.Request gives the same images
}

// Tensor returns the pixels as denoisers take them: in [−1,1], [N,H,W,C].
func (r *Result) Tensor() *Tensor {
	x := tensor.New(r.Shape[:]...)
	for i, v := range r.Pixels {
		x.Data[i] = float32(v)/127.5 - 1
	}
	return x
}

// Progress tells how far a run is, after an evaluation of the denoiser. It is for use
// during the call only.
type Progress struct {
	Step, Steps int     // of the images in memory
	Done, Total int     // evaluations of single images, of all that were asked for
	First       int     // position in the result of the first image of this step
	Sigma       float32 // noise level
	denoised    *Tensor
}

// Images returns the images as they look now: D(x;σ). The error says that a pixel is
// not a number.
func (p Progress) Images() ([]image.Image, error) {
	pixels, err := engine.Pixels(p.denoised)
	if err != nil {
		return nil, err
	}
	return images(pixels, [4]int(p.denoised.Shape)), nil
}

// Sample draws images. When ctx is done it stops after the evaluation under way, and
// the error wraps the cause of ctx. An option that cannot be used is a
// *settings.FieldError (package core/settings), which names it and says what is allowed.
func (m *Model) Sample(ctx context.Context, o Options) (*Result, error) {
	return m.draw(ctx, o, m.engine.Sample)
}

// Inpaint draws variations of a picture: o.N images that differ from it where the mask
// is not black. The white part of the mask is repainted, grey is blended, and where
// it is black or transparent the bytes of the picture stay. Both have the height and
// width of o.Size, or else the model's, or o.Picture says how they are brought to it.
func (m *Model) Inpaint(ctx context.Context, img, mask image.Image, o Options) (*Result, error) {
	r, err := o.request()
	if err != nil {
		return nil, err
	}
	known, err := m.fit("picture", img, o.Picture, r.Size)
	if err != nil {
		return nil, err
	}
	repaint, err := m.fit("mask", mask, picture.Options{Fit: o.Picture.Fit}, r.Size)
	if err != nil {
		return nil, err
	}
	return m.draw(ctx, o, func(ctx context.Context, r engine.Request, onFrame func(engine.Frame)) (engine.Result, error) {
		return m.engine.Inpaint(ctx, r, known, repaint, onFrame)
	})
}

// draw runs one of the engine's methods for o.
func (m *Model) draw(ctx context.Context, o Options,
	run func(context.Context, engine.Request, func(engine.Frame)) (engine.Result, error)) (*Result, error) {
	r, err := o.request()
	if err != nil {
		return nil, err
	}
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	defer m.done()
	var onFrame func(engine.Frame)
	if o.OnStep != nil {
		onFrame = func(f engine.Frame) {
			o.OnStep(Progress{f.Step, f.Steps, f.Done, f.Total, f.First, f.Sigma, f.Denoised})
		}
	}
	drawn, err := run(ctx, r, onFrame)
	if err != nil {
		return nil, err
	}
	out := &Result{
		Images: images(drawn.Pixels, drawn.Shape), Pixels: drawn.Pixels, Shape: drawn.Shape,
		Class: drawn.Class, SHA256: drawn.SHA256(), NFE: drawn.Plan.NFE, Plan: drawn.Plan,
	}
	for _, class := range drawn.Class {
		name := "none"
		if class >= 0 && class < len(drawn.Names) {
			name = drawn.Names[class]
		}
		out.Classes = append(out.Classes, name)
	}
	return out, nil
}

// images returns pixels [N,H,W,C] as pictures, nil for models of other channels than
// pictures have.
func images(pixels []uint8, shape [4]int) []image.Image {
	n, h, w, c := shape[0], shape[1], shape[2], shape[3]
	if c != 1 && c != 3 && c != 4 {
		return nil
	}
	out := make([]image.Image, n)
	for i := range out {
		out[i] = picture.Image(pixels[i*h*w*c:(i+1)*h*w*c:(i+1)*h*w*c], h, w, c)
	}
	return out
}

// fit returns a picture, or a mask, as the model takes it at a size.
func (m *Model) fit(what string, img image.Image, o picture.Options, to engine.Size) (engine.Picture, error) {
	shape, _, err := m.Info().Sized(to)
	if err != nil {
		return engine.Picture{}, err
	}
	h, w := shape[1], shape[2]
	if img == nil {
		return engine.Picture{}, fmt.Errorf("tweedie: the %s must not be nil", what)
	}
	if size := img.Bounds().Size(); size != image.Pt(w, h) && o.Fit == "" {
		return engine.Picture{}, fmt.Errorf("tweedie: the %s must be %d×%d pixels, width × height (got %d×%d): set Picture.Fit to %q or %q to bring it to that size",
			what, w, h, size.X, size.Y, picture.Crop, picture.Pad)
	}
	p := engine.Picture{Height: h, Width: w, Channels: shape[0]}
	if what == "mask" {
		p.Channels = 1
		p.Data, err = picture.MaskImage(img, shape, o)
	} else {
		var fitted picture.Fitted
		fitted, err = picture.FitImage(img, shape, o)
		p.Data = fitted.Pix
	}
	if err != nil {
		return engine.Picture{}, err
	}
	return p, nil
}
