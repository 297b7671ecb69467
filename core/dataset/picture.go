package dataset

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"os"

	"golang.org/x/image/draw"
)

// header is what the first bytes of a picture say.
type header struct {
	h, w int
	gray bool
}

// readHeader reads the size of the picture at path and refuses sizes that no
// data set needs, before a pixel is allocated.
func readHeader(path string) (header, error) {
	f, err := os.Open(path)
	if err != nil {
		return header{}, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	h, err := decodeHeader(bufio.NewReader(f), maxPixels)
	if err != nil {
		return header{}, fmt.Errorf("dataset: %q: %w", path, err)
	}
	return h, nil
}

func decodeHeader(r io.Reader, limit int) (header, error) {
	c, format, err := image.DecodeConfig(r)
	if err != nil {
		return header{}, fmt.Errorf("not a readable PNG or JPEG picture: %w", err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > limit {
		return header{}, fmt.Errorf("%s picture of %dx%d (height x width), need sides in [1, %d] and at most %d pixels", format, c.Height, c.Width, maxSide, limit)
	}
	gray := c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model
	return header{c.Height, c.Width, gray}, nil
}

// readPicture decodes the picture at path into dst, [h,w,c].
func readPicture(dst []uint8, path string, h, w, c int, background uint8) error {
	img, err := decodePicture(path)
	if err != nil {
		return err
	}
	Pixels(dst, img, h, w, c, background)
	return nil
}

// Pixels writes img to dst, [h,w,c], c 1 (gray, ITU-R 601 luma) or 3 (RGB). A
// picture of another size is cropped about its centre to the shape of h×w and
// resized with a Catmull-Rom kernel, widened when it shrinks. Transparent
// pixels show the gray level background. It panics unless dst holds h·w·c bytes.
func Pixels(dst []uint8, img image.Image, h, w, c int, background uint8) {
	if len(dst) != h*w*c || c != 1 && c != 3 {
		panic("dataset: destination does not hold h·w·c bytes")
	}
	b := img.Bounds()
	if g, ok := img.(*image.Gray); ok && b.Dx() == w && b.Dy() == h {
		grayPixels(dst, g, h, w, c)
		return
	}
	canvas := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.Gray{Y: background}), image.Point{}, draw.Src)
	if b.Dx() == w && b.Dy() == h {
		draw.Draw(canvas, canvas.Bounds(), img, b.Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(canvas, canvas.Bounds(), img, centre(b, h, w), draw.Over, nil)
	}
	for i := range h * w {
		p := canvas.Pix[4*i : 4*i+3]
		if c == 3 {
			copy(dst[3*i:3*i+3], p)
		} else {
			dst[i] = color.GrayModel.Convert(color.RGBA{p[0], p[1], p[2], 255}).(color.Gray).Y
		}
	}
}

// grayPixels copies a gray picture of the right size, byte for byte.
func grayPixels(dst []uint8, g *image.Gray, h, w, c int) {
	for y := range h {
		row := g.Pix[y*g.Stride : y*g.Stride+w]
		for x, v := range row {
			for k := range c {
				dst[(y*w+x)*c+k] = v
			}
		}
	}
}

// centre returns the largest rectangle of shape h×w about the centre of b.
func centre(b image.Rectangle, h, w int) image.Rectangle {
	ch, cw := b.Dy(), b.Dx()
	if cw*h > ch*w {
		cw = max(1, ch*w/h)
	} else {
		ch = max(1, cw*h/w)
	}
	x, y := b.Min.X+(b.Dx()-cw)/2, b.Min.Y+(b.Dy()-ch)/2
	return image.Rect(x, y, x+cw, y+ch)
}

// ReadPicture decodes the PNG or JPEG file at path. Pixels brings it to a size.
func ReadPicture(path string) (image.Image, error) {
	if _, err := readHeader(path); err != nil {
		return nil, err
	}
	return decodePicture(path)
}

// decodePicture decodes the file at path, whose header was found good.
func decodePicture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	img, _, err := image.Decode(bounded(f))
	if err != nil {
		return nil, fmt.Errorf("dataset: %q: not a readable PNG or JPEG picture: %w", path, err)
	}
	// The file may have changed since its header was read.
	if b := img.Bounds(); b.Dx() < 1 || b.Dy() < 1 {
		return nil, fmt.Errorf("dataset: %q: picture of %dx%d (height x width)", path, b.Dy(), b.Dx())
	}
	return img, nil
}
