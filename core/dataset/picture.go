package dataset

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"os"

	"tweedie/core/picture"
	"tweedie/core/picturefile"
)

// file is a file of a folder or an archive.
type file struct {
	name string // for messages
	open func() (io.ReadCloser, error)
}

// onDisk returns the file at path.
func onDisk(path string) file {
	return file{path, func() (io.ReadCloser, error) { return os.Open(path) }}
}

// header reads the size of a picture and refuses pictures that are too large, before their
// pixels are allocated.
func (f file) header() (h picturefile.Header, err error) {
	err = f.read(func(in io.ReadSeeker) error {
		h, err = picturefile.ReadHeader(in)
		return err
	})
	return h, err
}

// maxFile is the most bytes of a picture in an archive.
const maxFile = 1 << 28

// read opens the file and calls do. The error names the file.
func (f file) read(do func(in io.ReadSeeker) error) error {
	in, err := f.open()
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer in.Close()
	seeker, ok := in.(io.ReadSeeker)
	if !ok { // a file of an archive
		data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
		if err == nil && len(data) > maxFile {
			err = fmt.Errorf("has more than %d bytes, the limit", maxFile)
		}
		if err != nil {
			return fmt.Errorf("dataset: %q: %w", f.name, err)
		}
		seeker = bytes.NewReader(data)
	}
	if err := do(seeker); err != nil {
		return fmt.Errorf("dataset: %q: %w", f.name, err)
	}
	return nil
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
	if d.C == 4 {
		clearHidden(dst)
	}
	return transparent, nil
}

// clearHidden makes pixels [N,4] black that are fully transparent: what is there is arbitrary,
// and nobody sees it.
func clearHidden(pixels []uint8) {
	for i := 0; i < len(pixels); i += 4 {
		if pixels[i+3] == 0 {
			clear(pixels[i : i+3])
		}
	}
}

// ReadPicture decodes the picture file at path and turns it upright, as package picturefile
// does. Use package picture to fit it to a model.
func ReadPicture(path string) (image.Image, error) { return onDisk(path).decode() }

func (f file) decode() (img image.Image, err error) {
	err = f.read(func(in io.ReadSeeker) error {
		img, err = picturefile.Decode(in)
		return err
	})
	return img, err
}
