package dataset

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // registers the format
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"os"

	_ "golang.org/x/image/bmp"  // registers the format
	_ "golang.org/x/image/webp" // registers the format

	"tweedie/core/picture"
)

// readable names the formats of pictures that are read: of an animation the first frame.
const readable = "PNG, JPEG, GIF, WebP or BMP"

// file is a file of a folder or an archive.
type file struct {
	name string // for messages
	open func() (io.ReadCloser, error)
}

// onDisk returns the file at path.
func onDisk(path string) file {
	return file{path, func() (io.ReadCloser, error) { return os.Open(path) }}
}

// header is what the header of a picture file contains.
type header struct {
	h, w   int
	gray   bool
	format string
	turned bool // by its Exif orientation
}

// header reads the size of a picture and refuses pictures that are too large, before their
// pixels are allocated.
func (f file) header() (header, error) {
	var h header
	err := f.read(func(in io.Reader) (err error) {
		h, err = decodeHeader(bufio.NewReader(in), maxPixels)
		return err
	})
	if err != nil {
		return header{}, err
	}
	if h.format != "jpeg" {
		return h, nil
	}
	err = f.read(func(in io.Reader) error {
		o := orientation(in)
		if h.turned = o != upright; sideways(o) {
			h.h, h.w = h.w, h.h
		}
		return nil
	})
	return h, err
}

// read opens the file and calls do. The error names the file.
func (f file) read(do func(in io.Reader) error) error {
	in, err := f.open()
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer in.Close()
	if err := do(in); err != nil {
		return fmt.Errorf("dataset: %q: %w", f.name, err)
	}
	return nil
}

func decodeHeader(r io.Reader, limit int) (header, error) {
	c, format, err := image.DecodeConfig(r)
	if err != nil {
		return header{}, fmt.Errorf("not a readable %s picture: %w", readable, err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > limit {
		return header{}, fmt.Errorf("%s picture of %dx%d (height x width), need sides in [1, %d] and at most %d pixels", format, c.Height, c.Width, maxSide, limit)
	}
	gray := c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model
	return header{h: c.Height, w: c.Width, gray: gray, format: format}, nil
}

// pixels decodes the picture into dst, [h,w,c], and reports whether it has transparent pixels.
// Package picture crops and resizes one of another size.
func (f file) pixels(dst []uint8, d *Dataset, o Options) (transparent bool, err error) {
	img, err := f.decode()
	if err != nil {
		return false, err
	}
	if p, ok := img.(interface{ Opaque() bool }); ok {
		transparent = !p.Opaque()
	}
	fit := o.Fit
	if fit == Nearest {
		fit = ""
		if size := img.Bounds().Size(); size.X != d.W || size.Y != d.H {
			img = newNearest(img, d.W, d.H)
		}
	}
	fitted, err := picture.FitImage(img, [3]int{d.C, d.H, d.W}, picture.Options{Fit: fit, Background: picture.Grey(o.Background)})
	if err != nil {
		return false, fmt.Errorf("dataset: %q: %w", f.name, err)
	}
	copy(dst, fitted.Pix)
	return transparent, nil
}

// ReadPicture decodes the PNG, JPEG, GIF, WebP or BMP file at path, the first frame of an
// animation, and turns a JPEG picture upright by the orientation in its Exif data. Use package
// picture to fit it to a model.
func ReadPicture(path string) (image.Image, error) {
	f := onDisk(path)
	if _, err := f.header(); err != nil {
		return nil, err
	}
	return f.decode()
}

// decode decodes the file, whose header has been checked.
func (f file) decode() (img image.Image, err error) {
	turn := upright
	err = f.read(func(in io.Reader) error {
		turn = orientation(in)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = f.read(func(in io.Reader) error {
		if img, _, err = image.Decode(limitScans(in)); err != nil {
			return fmt.Errorf("not a readable %s picture: %w", readable, err)
		}
		// The file may have changed since its header was read.
		if b := img.Bounds(); b.Dx() < 1 || b.Dy() < 1 {
			return fmt.Errorf("picture of %dx%d (height x width)", b.Dy(), b.Dx())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return turned(img, turn), nil
}
