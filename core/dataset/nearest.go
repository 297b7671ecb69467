package dataset

import (
	"image"
	"image/color"
)

// nearest is a picture of another size without new colours, as pixel art wants it: the largest
// rectangle of its proportions about the centre of img, of which each pixel is one.
type nearest struct {
	img  image.Image
	from image.Rectangle
	w, h int
}

// newNearest returns img as a picture of w×h pixels.
func newNearest(img image.Image, w, h int) image.Image {
	from := img.Bounds()
	if from.Dx()*h > from.Dy()*w {
		width := max(1, from.Dy()*w/h)
		from.Min.X += (from.Dx() - width) / 2
		from.Max.X = from.Min.X + width
	} else {
		height := max(1, from.Dx()*h/w)
		from.Min.Y += (from.Dy() - height) / 2
		from.Max.Y = from.Min.Y + height
	}
	return nearest{img, from, w, h}
}

// ColorModel implements image.Image.
func (n nearest) ColorModel() color.Model { return n.img.ColorModel() }

// Bounds implements image.Image.
func (n nearest) Bounds() image.Rectangle { return image.Rect(0, 0, n.w, n.h) }

// At implements image.Image: the pixel under the centre of (x, y).
func (n nearest) At(x, y int) color.Color {
	return n.img.At(n.from.Min.X+(2*x+1)*n.from.Dx()/(2*n.w), n.from.Min.Y+(2*y+1)*n.from.Dy()/(2*n.h))
}
