package httpapi

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
)

// sheet is images in rows, edge to edge, each pixel a square, as the page saves them.
type sheet struct {
	images, columns int
	h, w, c         int // of an image
	scale           int
}

func (x *experiment) sheet() sheet {
	n, shape := *x.plan.N, x.plan.Shape
	columns := int(math.Ceil(math.Sqrt(float64(n))))
	return sheet{images: n, columns: columns, c: shape[0], h: shape[1], w: shape[2], scale: x.scale}
}

// size returns the width and height before scaling.
func (s sheet) size() (width, height int) {
	return s.columns * s.w, (s.images + s.columns - 1) / s.columns * s.h
}

// png encodes pixels [N,H,W,C] as a sheet in grey, RGB or RGBA. The rest of the sheet is
// black, or transparent.
func (s sheet) png(pixels []uint8) ([]byte, error) {
	width, height := s.size()
	bounds := image.Rect(0, 0, width*s.scale, height*s.scale)
	var picture image.Image
	var to []uint8
	samples := 4 // of a pixel of the picture
	switch s.c {
	case 1:
		gray := image.NewGray(bounds)
		picture, to, samples = gray, gray.Pix, 1
	case 3, 4:
		colours := image.NewNRGBA(bounds)
		picture, to = colours, colours.Pix
		for i := 3; s.c == 3 && i < len(to); i += 4 {
			to[i] = 255
		}
	default:
		return nil, fmt.Errorf("httpapi: images of a PNG must have 1, 3 or 4 channels (got %d)", s.c)
	}
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			px, py := x/s.scale, y/s.scale
			i := py/s.h*s.columns + px/s.w
			if i >= s.images {
				break
			}
			from := ((i*s.h+py%s.h)*s.w + px%s.w) * s.c
			copy(to[(y*bounds.Dx()+x)*samples:], pixels[from:from+s.c])
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	return b.Bytes(), nil
}
