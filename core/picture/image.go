package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// FitImage is Fit for a picture of any type, of which it takes 8 bits.
func FitImage(img image.Image, shape [3]int, o Options) (Fitted, error) {
	if err := checkSize(img, shape); err != nil {
		return Fitted{}, err
	}
	return Fit(FromImage(img), shape, o)
}

// MaskImage is Mask for a picture of any type.
func MaskImage(img image.Image, shape [3]int, o Options) ([]uint8, error) {
	if err := checkSize(img, shape); err != nil {
		return nil, err
	}
	return Mask(FromImage(img), shape, o)
}

// Binary reports whether a mask has the levels 0 and 1 alone, which Mask takes as black and
// white.
func Binary(mask image.Image) bool { return binary(FromImage(mask)) }

// checkSize refuses a picture that is too large, before its pixels are copied.
func checkSize(img image.Image, shape [3]int) error {
	if size := img.Bounds().Size(); size.X < 1 || size.Y < 1 || size.X > MaxSide || size.Y > MaxSide {
		return check(RGBA{Width: size.X, Height: size.Y}, shape, Options{})
	}
	return nil
}

// FromImage returns img in 8 bits; of 16 it takes the upper ones.
func FromImage(img image.Image) RGBA {
	b := img.Bounds()
	p := RGBA{b.Dx(), b.Dy(), make([]uint8, 4*b.Dx()*b.Dy())}
	if whole, ok := img.(interface{ Opaque() bool }); ok && whole.Opaque() {
		canvas := &image.RGBA{Pix: p.Pix, Stride: 4 * p.Width, Rect: image.Rectangle{Max: b.Size()}}
		draw.Draw(canvas, canvas.Rect, img, b.Min, draw.Src)
		return p
	}
	for y := range p.Height {
		for x := range p.Width {
			copy(p.Pix[4*(y*p.Width+x):], colour(img.At(b.Min.X+x, b.Min.Y+y)))
		}
	}
	return p
}

// colour returns a colour in 8 bits, not multiplied by alpha. For 16 bits it does not use
// color.NRGBAModel, which multiplies by alpha on the way and loses some of them.
func colour(c color.Color) []uint8 {
	if deep, ok := c.(color.NRGBA64); ok {
		return []uint8{uint8(deep.R >> 8), uint8(deep.G >> 8), uint8(deep.B >> 8), uint8(deep.A >> 8)}
	}
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return []uint8{n.R, n.G, n.B, n.A}
}

// Image returns bytes [h,w,c] of a model as a picture: image.Gray for one
// channel, image.NRGBA for three and four. It shares pix where the layout is the
// picture's own. It panics unless pix holds h·w·c bytes and c is 1, 3 or 4.
func Image(pix []uint8, h, w, c int) image.Image {
	if len(pix) != h*w*c || c != 1 && c != 3 && c != 4 {
		panic("picture: pixels do not hold h·w·c bytes of 1, 3 or 4 channels")
	}
	r := image.Rect(0, 0, w, h)
	switch c {
	case 1:
		return &image.Gray{Pix: pix, Stride: w, Rect: r}
	case 4:
		return &image.NRGBA{Pix: pix, Stride: 4 * w, Rect: r}
	}
	img := image.NewNRGBA(r)
	for i := range h * w {
		copy(img.Pix[4*i:4*i+3], pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}
