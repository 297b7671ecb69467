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

	"tweedie/core/picture"
)

// header is what the header of a picture file contains.
type header struct {
	h, w int
	gray bool
}

// readHeader reads the size of the picture at path and refuses pictures that are too large,
// before their pixels are allocated.
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
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return header{}, fmt.Errorf("dataset: %w", err)
	}
	if sideways(orientation(f)) {
		h.h, h.w = h.w, h.h
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

// readPicture decodes the picture at path into dst, [h,w,c]. Package picture crops and resizes
// one of another size. Transparent pixels become the grey level background.
func readPicture(dst []uint8, path string, h, w, c int, background uint8) error {
	img, err := decodePicture(path)
	if err != nil {
		return err
	}
	fitted, err := picture.FitImage(img, [3]int{c, h, w}, picture.Options{Background: picture.Grey(background)})
	if err != nil {
		return fmt.Errorf("dataset: %q: %w", path, err)
	}
	copy(dst, fitted.Pix)
	return nil
}

// ReadPicture decodes the PNG or JPEG file at path and turns it upright by the orientation in
// its Exif data. Use package picture to fit it to a model.
func ReadPicture(path string) (image.Image, error) {
	if _, err := readHeader(path); err != nil {
		return nil, err
	}
	return decodePicture(path)
}

// decodePicture decodes the file at path, whose header has been checked.
func decodePicture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	img, _, err := image.Decode(limitScans(f))
	if err != nil {
		return nil, fmt.Errorf("dataset: %q: not a readable PNG or JPEG picture: %w", path, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	// The file may have changed since its header was read.
	if b := img.Bounds(); b.Dx() < 1 || b.Dy() < 1 {
		return nil, fmt.Errorf("dataset: %q: picture of %dx%d (height x width)", path, b.Dy(), b.Dx())
	}
	return turned(img, orientation(f)), nil
}
