package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// FitImage is Fit for a picture of any type. What the type holds beyond 8 bits
// counts when transparent pixels are composed, and is rounded down after that.
func FitImage(img image.Image, shape [3]int, o Options) (Fitted, error) {
	if size := img.Bounds().Size(); size.X < 1 || size.Y < 1 || size.X > MaxSide || size.Y > MaxSide {
		return Fitted{}, check(RGBA{Width: size.X, Height: size.Y}, shape, o)
	}
	if shape[0] == 4 {
		return Fit(straight(img), shape, o)
	}
	background, err := o.background()
	if err != nil {
		return Fitted{}, err
	}
	return Fit(composed(img, background), shape, o)
}

// MaskImage is Mask for a picture of any type.
func MaskImage(img image.Image, shape [3]int, o Options) ([]uint8, error) {
	f, err := FitImage(img, [3]int{1, shape[1], shape[2]}, Options{Fit: o.Fit, Background: "black"})
	return f.Pix, err
}

// composed returns img over a background.
func composed(img image.Image, background [3]uint8) RGBA {
	size := img.Bounds().Size()
	canvas := image.NewRGBA(image.Rectangle{Max: size})
	under := color.RGBA{background[0], background[1], background[2], 255}
	draw.Draw(canvas, canvas.Rect, image.NewUniform(under), image.Point{}, draw.Src)
	draw.Draw(canvas, canvas.Rect, img, img.Bounds().Min, draw.Over)
	return RGBA{size.X, size.Y, canvas.Pix}
}

// straight returns img in 8 bits with its alpha. It sets pixel by pixel because
// package draw, and color.NRGBAModel for 16 bits, multiply colours by alpha on the
// way, which loses some of them.
func straight(img image.Image) RGBA {
	b := img.Bounds()
	canvas := image.NewNRGBA(image.Rectangle{Max: b.Size()})
	for y := range b.Dy() {
		for x := range b.Dx() {
			switch c := img.At(b.Min.X+x, b.Min.Y+y).(type) {
			case color.NRGBA64:
				canvas.SetNRGBA(x, y, color.NRGBA{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8), uint8(c.A >> 8)})
			default:
				canvas.Set(x, y, c)
			}
		}
	}
	return RGBA{b.Dx(), b.Dy(), canvas.Pix}
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
