package output

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"

	"tweedie/weights"
)

// Gap is the width in pixels of the lines between the images of a sheet, and
// gapGray their colour: neither the black nor the white of an image.
const (
	Gap     = 2
	gapGray = 96
)

// Columns returns how many columns a sheet of n images has: as many as
// there are classes, so that a column is a class, or about √n.
func Columns(n, classes int) int {
	if classes > 1 && classes <= 20 && n%classes == 0 {
		return classes
	}
	return max(1, int(math.Ceil(math.Sqrt(float64(n)))))
}

// CheckSheet returns an error unless images of so many channels can be on a sheet.
func CheckSheet(channels int) error {
	if channels != 1 && channels != 3 && channels != 4 {
		return fmt.Errorf("a PNG holds images of 1, 3 or 4 channels, the model's have %d: write them with --npy", channels)
	}
	return nil
}

// NewSheet returns the images pixels, of shape [N,H,W,C], row by row on a sheet
// of the given columns: grey for one channel, RGB for three, RGBA for four. One image alone
// has no lines around it.
func NewSheet(pixels []uint8, shape [4]int, columns int) (draw.Image, error) {
	n, h, w, c := shape[0], shape[1], shape[2], shape[3]
	columns = min(columns, n)
	rows := (n + columns - 1) / columns
	bounds := image.Rect(0, 0, columns*(w+Gap)-Gap, rows*(h+Gap)-Gap)
	if err := CheckSheet(c); err != nil {
		return nil, err
	}
	var sheet draw.Image = image.NewGray(bounds)
	switch c {
	case 3:
		sheet = image.NewRGBA(bounds)
	case 4:
		sheet = image.NewNRGBA(bounds)
	}
	draw.Draw(sheet, bounds, image.NewUniform(color.Gray{Y: gapGray}), image.Point{}, draw.Src)
	for i := range n {
		at := image.Pt(i%columns*(w+Gap), i/columns*(h+Gap))
		for y := range h {
			for x := range w {
				p := pixels[((i*h+y)*w+x)*c:][:c]
				px := color.NRGBA{p[0], p[0], p[0], 255}
				if c >= 3 {
					px.G, px.B = p[1], p[2]
				}
				if c == 4 {
					px.A = p[3]
				}
				sheet.Set(at.X+x, at.Y+y, px)
			}
		}
	}
	return sheet, nil
}

// WriteSheet writes images on a sheet to the PNG file at path.
func WriteSheet(path string, pixels []uint8, shape [4]int, columns int) error {
	sheet, err := NewSheet(pixels, shape, columns)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, sheet); err != nil {
		return err
	}
	return weights.WriteAtomic(path, b.Bytes())
}
